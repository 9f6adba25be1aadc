//! What a repository holds, and how it is given out.

use std::collections::{BTreeMap, HashMap};

use oci::Digest;
use serde_json::{Value, json};

use super::http::{Logged, Reply};
use crate::Document;

#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) tags: BTreeMap<String, Digest>,
    pub(super) manifests: HashMap<Digest, Document>,
    pub(super) blobs: HashMap<Digest, Vec<u8>>,
}

impl Repository {
    pub(super) fn manifest(&self, name: &str, marked: bool) -> Reply {
        let digest = self.tags.get(name).cloned().or_else(|| name.parse().ok());
        let Some(document) = digest.and_then(|digest| self.manifests.get(&digest)) else {
            return Reply::error(404, "MANIFEST_UNKNOWN");
        };
        let mut reply = Reply::new(200, document.media_type.as_str(), document.bytes.clone());
        reply.set("Docker-Content-Digest", document.digest.as_str());
        if marked {
            reply.set("ETag", format!("\"{}\"", document.digest));
        }
        reply
    }

    pub(super) fn blob(&self, name: &str, range: Option<&str>) -> Reply {
        let Some(bytes) = name
            .parse::<Digest>()
            .ok()
            .and_then(|digest| self.blobs.get(&digest))
        else {
            return Reply::error(404, "BLOB_UNKNOWN");
        };
        let start = range.and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        });
        let mut reply = match start {
            None => Reply::new(200, "application/octet-stream", bytes.clone()),
            Some(start) if start < bytes.len() => {
                let mut reply = Reply::new(206, "application/octet-stream", &bytes[start..]);
                reply.set(
                    "Content-Range",
                    format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()),
                );
                reply
            }
            Some(_) => {
                let mut reply = Reply {
                    status: 416,
                    ..Reply::default()
                };
                reply.set("Content-Range", format!("bytes */{}", bytes.len()));
                reply
            }
        };
        reply.set("Accept-Ranges", "bytes");
        reply
    }

    pub(super) fn tag_list(
        &self,
        repository: &str,
        request: &Logged,
        page_size: Option<usize>,
    ) -> Reply {
        list(
            self.tags.keys(),
            request,
            page_size,
            |tags| json!({"name": repository, "tags": tags}),
        )
    }
}

/// Lists the names after `last`, at most so many, with a `Link` to where it goes on. The names come sorted.
pub(super) fn list<'a>(
    names: impl Iterator<Item = &'a String>,
    request: &Logged,
    page_size: Option<usize>,
    body: impl FnOnce(&[&String]) -> Value,
) -> Reply {
    let last = request.parameter("last").unwrap_or_default();
    let asked = request.parameter("n").and_then(|n| n.parse().ok());
    let size = asked
        .unwrap_or(usize::MAX)
        .min(page_size.unwrap_or(usize::MAX));
    let after: Vec<_> = names.filter(|name| **name > last).collect();
    let page = &after[..after.len().min(size)];
    let mut reply = Reply::new(200, "application/json", body(page).to_string());
    if let Some(last) = page.last().filter(|_| page.len() < after.len()) {
        let path = request.path.split('?').next().unwrap_or_default();
        reply.set(
            "Link",
            format!("<{path}?last={last}&n={size}>; rel=\"next\""),
        );
    }
    reply
}
