//! Taking what is pushed: uploads of blobs, and manifests.

use std::collections::HashMap;

use oci::{Digest, MediaType};

use super::State;
use super::http::{Logged, Reply};
use super::repository::Repository;
use crate::Document;

/// How a registry takes uploads.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    /// Whether what arrived of a request that was cut is thrown away, with the whole upload, as docker-registry does.
    pub forgets_cut: bool,
    /// `OCI-Chunk-Min-Length`, which is then enforced.
    pub least_piece: Option<usize>,
    /// Whether `PATCH` is answered with 405.
    pub no_pieces: bool,
    /// Another base for the addresses that uploads go to, such as another registry's.
    pub elsewhere: Option<String>,
    /// Whether `Range` of an empty upload says `0-0`.
    pub zero_range: bool,
    /// Whether writing is refused with 405.
    pub read_only: bool,
    /// Whether manifests with a subject are listed by the referrers API.
    pub referrers: bool,
    /// Whether manifests have an `ETag`, and `If-Match` and `If-None-Match` are followed.
    pub conditional: bool,
}

/// An upload that goes on.
#[derive(Debug, Default)]
pub(super) struct Session {
    repository: String,
    bytes: Vec<u8>,
    /// Changes with every request: only the newest address is good.
    step: u32,
    /// Whether the last piece was smaller than pieces must be.
    small: bool,
}

pub(super) type Sessions = HashMap<String, Session>;

impl State {
    /// Answers what is about uploads; `None` where the request is about something else. `whole` says whether the body is.
    pub(super) fn upload(&mut self, request: &Logged, whole: bool) -> Option<Reply> {
        let path = request.path.split('?').next().unwrap_or_default();
        let rest = path.strip_prefix("/v2/")?;
        if let (Some((repository, name)), "PUT") =
            (rest.rsplit_once("/manifests/"), request.method.as_str())
        {
            return Some(match self.uploads.read_only {
                true => Reply::error(405, "UNSUPPORTED"),
                false => self.take_manifest(repository, name, request),
            });
        }
        let (repository, id) = rest.rsplit_once("/blobs/uploads/")?;
        if self.uploads.read_only {
            return Some(Reply::error(405, "UNSUPPORTED"));
        }
        if request.method == "POST" {
            return Some(self.begin(repository, request));
        }
        let step = request
            .parameter("_state")
            .and_then(|step| step.parse().ok());
        let known = self
            .sessions
            .get(id)
            .is_some_and(|session| session.repository == repository && Some(session.step) == step);
        if !known {
            return Some(Reply::error(404, "BLOB_UPLOAD_UNKNOWN"));
        }
        if !whole && self.uploads.forgets_cut {
            self.sessions.remove(id);
            return Some(Reply::error(400, "BLOB_UPLOAD_INVALID"));
        }
        Some(match request.method.as_str() {
            "GET" => self.progress(id, 204),
            "PATCH" if self.uploads.no_pieces => Reply::error(405, "UNSUPPORTED"),
            "PATCH" => self.take_piece(id, request),
            "PUT" => self.end(id, request, whole),
            "DELETE" => {
                self.sessions.remove(id);
                Reply {
                    status: 204,
                    ..Reply::default()
                }
            }
            _ => Reply::error(405, "UNSUPPORTED"),
        })
    }

    fn begin(&mut self, repository: &str, request: &Logged) -> Reply {
        if let (Some(mount), Some(from)) = (request.parameter("mount"), request.parameter("from")) {
            let digest: Option<Digest> = mount.parse().ok();
            let found = digest.and_then(|digest| {
                let there = self.repositories.get(&from)?.blobs.get(&digest)?.clone();
                Some((digest, there))
            });
            if let Some((digest, bytes)) = found {
                self.repository(repository)
                    .blobs
                    .insert(digest.clone(), bytes);
                return created(&format!("/v2/{repository}/blobs/{digest}"), &digest);
            }
        }
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        let session = Session {
            repository: repository.to_owned(),
            ..Session::default()
        };
        self.sessions.insert(id.clone(), session);
        self.progress(&id, 202)
    }

    fn take_piece(&mut self, id: &str, request: &Logged) -> Reply {
        let least = self.uploads.least_piece.unwrap_or_default();
        let Some(session) = self.sessions.get_mut(id) else {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        let start = request
            .header("content-range")
            .and_then(|range| range.split_once('-')?.0.parse::<usize>().ok());
        if start.is_some_and(|start| start != session.bytes.len()) {
            return Reply::error(416, "RANGE_INVALID");
        }
        // The last piece may be smaller, and only the end of the upload tells which that was.
        if std::mem::replace(&mut session.small, request.body.len() < least) {
            return Reply::error(400, "SIZE_INVALID");
        }
        session.bytes.extend(&request.body);
        session.step += 1;
        self.progress(id, 202)
    }

    fn end(&mut self, id: &str, request: &Logged, whole: bool) -> Reply {
        let Some(session) = self.sessions.get_mut(id) else {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        session.bytes.extend(&request.body);
        if !whole {
            return Reply::error(400, "BLOB_UPLOAD_INVALID");
        }
        let Some(digest) = request
            .parameter("digest")
            .and_then(|digest| digest.parse::<Digest>().ok())
        else {
            return Reply::error(400, "DIGEST_INVALID");
        };
        let Some(session) = self.sessions.remove(id) else {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        if Digest::sha256(&session.bytes) != digest {
            return Reply::error(400, "DIGEST_INVALID");
        }
        let place = format!("/v2/{}/blobs/{digest}", session.repository);
        self.repository(&session.repository)
            .blobs
            .insert(digest.clone(), session.bytes);
        created(&place, &digest)
    }

    fn progress(&self, id: &str, status: u16) -> Reply {
        let mut reply = Reply {
            status,
            ..Reply::default()
        };
        let Some(session) = self.sessions.get(id) else {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        let base = self.uploads.elsewhere.as_deref().unwrap_or_default();
        reply.set(
            "Location",
            format!(
                "{base}/v2/{}/blobs/uploads/{id}?_state={}&sig=a%2Fb",
                session.repository, session.step
            ),
        );
        match session.bytes.len() {
            0 if !self.uploads.zero_range => {}
            there => reply.set("Range", format!("0-{}", there.saturating_sub(1))),
        }
        if let Some(least) = self.uploads.least_piece {
            reply.set("OCI-Chunk-Min-Length", least.to_string());
        }
        reply
    }

    fn take_manifest(&mut self, repository: &str, name: &str, request: &Logged) -> Reply {
        let media_type = MediaType::parse(request.header("content-type").unwrap_or_default());
        let Ok(parsed) = oci::Document::parse(&request.body, Some(media_type.as_str())) else {
            return Reply::error(400, "MANIFEST_INVALID");
        };
        let (referrers, conditional) = (self.uploads.referrers, self.uploads.conditional);
        let there = self.repository(repository);
        if conditional && !holds(there.tags.get(name), request) {
            return Reply::error(412, "PRECONDITION_FAILED");
        }
        let missing = parsed.children().into_iter().any(|child| {
            !matches!(child.media_type, MediaType::Foreign(_))
                && !there.blobs.contains_key(&child.digest)
                && !there.manifests.contains_key(&child.digest)
        });
        if missing {
            return Reply::error(400, "MANIFEST_BLOB_UNKNOWN");
        }
        let document = Document::new(media_type, request.body.clone());
        let digest = document.digest.clone();
        match name.parse::<Digest>() {
            Ok(named) if named != digest => return Reply::error(400, "DIGEST_INVALID"),
            Ok(_) => {}
            Err(_) => {
                there.tags.insert(name.to_owned(), digest.clone());
            }
        }
        there.manifests.insert(digest.clone(), document);
        let mut reply = created(&format!("/v2/{repository}/manifests/{digest}"), &digest);
        let subject = match &parsed {
            oci::Document::Manifest(manifest) => manifest.subject.as_ref(),
            oci::Document::Index(index) => index.subject.as_ref(),
        };
        if let Some(subject) = subject.filter(|_| referrers) {
            reply.set("OCI-Subject", subject.digest.to_string());
        }
        reply
    }

    fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }
}

/// Tells whether what a tag names now is what the request says it has to be.
fn holds(named: Option<&Digest>, request: &Logged) -> bool {
    let absent = request.header("if-none-match") != Some("*") || named.is_none();
    let still = request
        .header("if-match")
        .is_none_or(|mark| named.is_some_and(|digest| mark.trim_matches('"') == digest.as_str()));
    absent && still
}

fn created(place: &str, digest: &Digest) -> Reply {
    let mut reply = Reply {
        status: 201,
        ..Reply::default()
    };
    reply.set("Location", place);
    reply.set("Docker-Content-Digest", digest.as_str());
    reply
}
