//! docker's contexts: named engines in files below `~/.docker`.
//!
//! `contexts/meta/ID/meta.json` says where an engine is and `contexts/tls/ID/docker` has its certificates; ID is the
//! SHA-256 of the name. <https://docs.docker.com/engine/manage-resources/contexts/>

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use oci::Digest;
use serde::Deserialize;

use crate::file::read;
use crate::{Address, Error, Result, TlsFiles};

/// The largest `meta.json` or `config.json` that is read.
const MAX_FILE: u64 = 1024 * 1024;

/// How many contexts are read at most.
const MAX_CONTEXTS: usize = 1000;

/// The name that docker itself gives to what `DOCKER_HOST` or the usual socket says.
pub(crate) const DEFAULT: &str = "default";

/// A context of docker.
#[derive(Debug)]
pub(crate) struct DockerContext {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) address: Result<Address>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    name: String,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    endpoints: BTreeMap<String, Endpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    #[serde(default)]
    host: Option<String>,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

/// Reads every context below docker's folder, sorted by name. One that cannot be read says why in its place.
pub(crate) fn contexts(docker: &Path) -> Vec<DockerContext> {
    let folder = docker.join("contexts").join("meta");
    let Ok(entries) = fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut contexts: Vec<DockerContext> = entries
        .filter_map(std::result::Result::ok)
        .take(MAX_CONTEXTS)
        .filter_map(|entry| context(docker, &entry.path()))
        .collect();
    contexts.sort_by(|a, b| a.name.cmp(&b.name));
    contexts
}

/// Reads the context of a folder; `None` where the folder is none of docker's.
fn context(docker: &Path, folder: &Path) -> Option<DockerContext> {
    let id = folder.file_name()?.to_str()?;
    let path = folder.join("meta.json");
    let bad = |reason: String| Error::File {
        path: path.clone(),
        reason,
    };
    let broken = |error: Error| {
        // Without its file it has no name but the folder's.
        Some(DockerContext {
            name: id.chars().take(12).collect(),
            description: None,
            address: Err(error),
        })
    };
    let bytes = match read(&path, MAX_FILE) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return None,
        Err(error) => return broken(error),
    };
    let document: Document = match serde_json::from_slice(&bytes) {
        Ok(document) => document,
        Err(error) => return broken(bad(error.to_string())),
    };
    // The folder is made from the name, so another name in it was put there by somebody else.
    if !is_name(&document.name) || Digest::sha256(document.name.as_bytes()).hex() != id {
        return broken(bad("the name in it is not the one of its folder".into()));
    }
    let address = match document.endpoints.get("docker") {
        Some(endpoint) => address(docker, id, endpoint),
        None => Err(bad("it has no docker endpoint".into())),
    };
    Some(DockerContext {
        name: document.name,
        description: document
            .metadata
            .and_then(|metadata| metadata.description)
            .filter(|text| !text.is_empty()),
        address,
    })
}

fn address(docker: &Path, id: &str, endpoint: &Endpoint) -> Result<Address> {
    let address: Address = endpoint.host.as_deref().unwrap_or_default().parse()?;
    let folder = docker.join("contexts").join("tls").join(id).join("docker");
    let files = tls_files(&folder, endpoint.skip_tls_verify);
    Ok(match files {
        Some(files) => address.with_tls(files),
        None => address,
    })
}

/// Finds the certificates of a folder in docker's names; `None` where there are none.
pub(crate) fn tls_files(folder: &Path, any_certificate: bool) -> Option<TlsFiles> {
    let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let files = TlsFiles {
        ca: file("ca.pem"),
        certificate: file("cert.pem").zip(file("key.pem")),
        any_certificate,
    };
    (files.ca.is_some() || files.certificate.is_some()).then_some(files)
}

/// Returns the context that is docker's current one in its `config.json`.
pub(crate) fn current(docker: &Path) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        #[serde(default)]
        current_context: Option<String>,
    }
    let path: PathBuf = docker.join("config.json");
    let bytes = read(&path, MAX_FILE).ok()??;
    let config: Config = serde_json::from_slice(&bytes).ok()?;
    config
        .current_context
        .filter(|name| is_name(name) && name != DEFAULT)
}

/// docker's grammar of names: <https://github.com/docker/cli/blob/master/cli/context/store/store.go>.
pub(crate) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric());
    first && characters.all(|c| c.is_ascii_alphanumeric() || "_.+-".contains(c))
}
