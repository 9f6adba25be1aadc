//! Finding the engines that a user has.

use std::path::{Path, PathBuf};

use crate::context::{self, DEFAULT};
use crate::{Address, Error, Result, TlsFiles};

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What `DOCKER_HOST` says.
    pub docker_host: Option<String>,
    /// What `DOCKER_CONTEXT` says.
    pub docker_context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` is set.
    pub docker_tls: bool,
    /// What `DOCKER_CERT_PATH` says.
    pub docker_certificates: Option<PathBuf>,
    /// docker's folder: `DOCKER_CONFIG`, or `~/.docker`.
    pub docker_folder: Option<PathBuf>,
    /// Sockets and pipes where a Docker may be, the usual one first.
    pub docker_sockets: Vec<Socket>,
    /// Sockets and pipes where a Podman may be, the user's own first.
    pub podman_sockets: Vec<Socket>,
    /// The folders in which `ssh` is looked for.
    pub programs: Vec<PathBuf>,
}

/// A place where an engine may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// What it is called, such as `podman:user`. It has a colon, so no context of docker's is called so.
    pub id: String,
    /// For people.
    pub title: String,
    /// Where.
    pub address: Address,
}

/// Where an engine was found.
#[derive(Debug)]
pub struct Found {
    /// What it is called: a context's name, `default`, or a socket's.
    pub id: String,
    /// For people.
    pub title: String,
    /// What the context says of itself.
    pub description: Option<String>,
    /// Where it is, or why that cannot be known.
    pub address: Result<Address>,
    /// Whether it is the one that `docker` would use now.
    pub current: bool,
}

/// Lists the engines that a user has: what the environment says, docker's contexts, and sockets that are there. Nothing is
/// connected to. Reads files: blocking.
#[must_use]
pub fn discover(sources: &Sources) -> Vec<Found> {
    let mut found = Vec::new();
    let current = current(sources);
    if let Some(host) = &sources.docker_host {
        found.push(Found {
            id: DEFAULT.into(),
            title: "DOCKER_HOST".into(),
            description: None,
            address: from_environment(sources, host),
            current: false,
        });
    }
    if let Some(folder) = &sources.docker_folder {
        found.extend(context::contexts(folder).into_iter().map(|context| Found {
            id: context.name.clone(),
            title: context.name,
            description: context.description,
            address: context.address,
            current: false,
        }));
    }
    for socket in sources.docker_sockets.iter().chain(&sources.podman_sockets) {
        let known = |other: &Found| {
            other
                .address
                .as_ref()
                .is_ok_and(|address| *address == socket.address)
        };
        if !is_there(&socket.address) || found.iter().any(known) {
            continue;
        }
        let is_first_docker = sources.docker_sockets.first() == Some(socket);
        let is_default = is_first_docker && sources.docker_host.is_none();
        found.push(Found {
            id: match is_default {
                true => DEFAULT.into(),
                false => socket.id.clone(),
            },
            title: socket.title.clone(),
            description: None,
            address: Ok(socket.address.clone()),
            current: false,
        });
    }
    // Where docker's own choice is not there, the first other one of this computer serves as well. What is meant for here
    // never goes to a context's host because nothing runs here.
    let is_here = |place: &Found| place.address.as_ref().is_ok_and(Address::is_local);
    let chosen = found.iter().position(|place| place.id == current);
    let chosen = chosen.or_else(|| match current == DEFAULT {
        true => found.iter().position(is_here),
        false => None,
    });
    if let Some(chosen) = chosen.and_then(|position| found.get_mut(position)) {
        chosen.current = true;
    }
    found
}

/// Finds one engine: by an address, by what it is called, or docker's current one.
///
/// # Errors
/// [`Error::NotFound`] where nothing is called so, and what is wrong with a context's files.
pub fn choose(sources: &Sources, wanted: Option<&str>) -> Result<Found> {
    if let Some(text) = wanted.filter(|text| text.contains("://")) {
        return Ok(Found {
            id: text.to_owned(),
            title: text.to_owned(),
            description: None,
            address: Ok(from_environment(sources, text)?),
            current: false,
        });
    }
    let mut found = discover(sources);
    let position = match wanted {
        None => found.iter().position(|place| place.current),
        Some(name) => found
            .iter()
            .position(|place| place.id == name)
            // `podman` means the user's Podman, `docker` the first Docker.
            .or_else(|| {
                found
                    .iter()
                    .position(|place| place.id.split(':').next() == Some(name))
            })
            .or_else(|| {
                let usual = |place: &Found| place.id == DEFAULT;
                (name == "docker").then(|| found.iter().position(usual))?
            }),
    };
    match position {
        Some(position) => Ok(found.swap_remove(position)),
        None => Err(Error::NotFound {
            message: match wanted.map_or_else(|| current(sources), str::to_owned) {
                name if wanted.is_none() && name == DEFAULT => {
                    "no Docker and no Podman was found on this computer".into()
                }
                name => format!("there is no engine or context {name:?}"),
            },
        }),
    }
}

/// docker's order: `DOCKER_HOST` over everything (its own words about `DOCKER_CONTEXT` say otherwise, and docker 28 does not),
/// then `DOCKER_CONTEXT`, then what its settings say.
fn current(sources: &Sources) -> String {
    if sources.docker_host.is_some() {
        return DEFAULT.into();
    }
    if let Some(name) = &sources.docker_context {
        return name.clone();
    }
    let folder = sources.docker_folder.as_deref();
    folder
        .and_then(context::current)
        .unwrap_or_else(|| DEFAULT.into())
}

/// What `DOCKER_HOST` says, with the certificates that the environment names.
fn from_environment(sources: &Sources, host: &str) -> Result<Address> {
    let address: Address = host.parse()?;
    let folder: Option<&Path> = sources
        .docker_certificates
        .as_deref()
        .or(sources.docker_folder.as_deref());
    if !sources.docker_tls && sources.docker_certificates.is_none() {
        return Ok(address);
    }
    let files = folder.and_then(|folder| context::tls_files(folder, !sources.docker_tls));
    Ok(address.with_tls(files.unwrap_or_else(|| TlsFiles {
        any_certificate: !sources.docker_tls,
        ..TlsFiles::default()
    })))
}

fn is_there(address: &Address) -> bool {
    match address {
        Address::Unix(path) => path.exists(),
        // Asking a pipe for itself takes one of its places; Windows lists them as files.
        Address::Pipe(path) => Path::new(path).exists(),
        Address::Tcp { .. } | Address::Ssh { .. } => true,
    }
}
