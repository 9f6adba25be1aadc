//! Places where images live, in skopeo's words.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use oci::{Reference, Selector};

/// Places that skopeo knows and Strata does not.
const ELSEWHERE: [&str; 2] = ["containers-storage:", "dir:"];

/// Where an image is, or goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The store: a bare name, an ID or the beginning of one.
    Store(Selector),
    /// `docker://`: a registry.
    Registry(Reference),
    /// `oci:FOLDER[:REF]`: the folder of an OCI layout.
    OciFolder {
        /// The folder.
        path: PathBuf,
        /// What the layout calls the image.
        reference: Option<String>,
    },
    /// `oci-archive:FILE[:REF]`: an OCI layout in a tar.
    OciArchive {
        /// The file.
        path: PathBuf,
        /// What the layout calls the image.
        reference: Option<String>,
    },
    /// `docker-archive:FILE[:NAME]`: what `docker save` writes.
    DockerArchive {
        /// The file.
        path: PathBuf,
        /// The image's name.
        reference: Option<String>,
    },
    /// `docker-daemon:NAME`: a Docker Engine or a Podman.
    Daemon {
        /// Which: what [`crate::Engine::places`] calls it, or its address; `None` = the one that `docker` would use.
        engine: Option<String>,
        /// The image there.
        image: Selector,
    },
}

/// Why a text is no place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// Nothing stands behind the kind of place.
    #[error("{text:?} says no place")]
    Empty {
        /// The text.
        text: String,
    },
    /// The place is one that Strata does not know.
    #[error(
        "{kind} is no place of images here: one of a registry is docker://REF, one of this computer a bare name, \
         oci:FOLDER, oci-archive:FILE or docker-archive:FILE, and one of an engine docker-daemon:REF"
    )]
    Unknown {
        /// The kind of place.
        kind: String,
    },
    /// The files of images there can only be seen by copying the image.
    #[error("an image of {kind} cannot be looked into where it is: copy it here first")]
    Opaque {
        /// The kind of place.
        kind: String,
    },
    /// A registry's name for an image is none.
    #[error("{text}: {source}")]
    Reference {
        /// The text.
        text: String,
        /// What is wrong with it.
        source: oci::ReferenceError,
    },
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let empty = || PlaceError::Empty {
            text: text.to_owned(),
        };
        if let Some(name) = text.strip_prefix("docker://") {
            return match Reference::parse_normalized(name) {
                Ok(reference) => Ok(Self::Registry(reference)),
                Err(source) => Err(PlaceError::Reference {
                    text: text.to_owned(),
                    source,
                }),
            };
        }
        if let Some(name) = text.strip_prefix("docker-daemon:") {
            if name.is_empty() {
                return Err(empty());
            }
            return Ok(Self::Daemon {
                engine: None,
                image: Selector::from(name),
            });
        }
        let kinds = ["oci:", "oci-archive:", "docker-archive:"];
        for kind in kinds {
            let Some(rest) = text.strip_prefix(kind) else {
                continue;
            };
            let (path, reference) = cut(rest);
            if path.is_empty() {
                return Err(empty());
            }
            let path = PathBuf::from(path);
            let reference = reference
                .filter(|reference| !reference.is_empty())
                .map(str::to_owned);
            return Ok(match kind {
                "oci:" => Self::OciFolder { path, reference },
                "oci-archive:" => Self::OciArchive { path, reference },
                _ => Self::DockerArchive { path, reference },
            });
        }
        if text.is_empty() {
            return Err(empty());
        }
        // No name has this in it: an address from a browser, or a place of another program.
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(PlaceError::Unknown {
                kind: format!("{scheme}://"),
            });
        }
        let selector = Selector::from(text);
        // `dir:12` can be an image's name, a path cannot; nobody calls a repository containers-storage.
        let is_name = |kind: &str| kind == "dir:" && selector.reference().is_some();
        let elsewhere = ELSEWHERE.iter().find(|kind| text.starts_with(**kind));
        if let Some(kind) = elsewhere.filter(|kind| !is_name(kind)) {
            return Err(PlaceError::Unknown {
                kind: (*kind).into(),
            });
        }
        Ok(Self::Store(selector))
    }
}

/// Cuts a path from what follows it. The colon of a Windows drive is the path's.
fn cut(text: &str) -> (&str, Option<&str>) {
    let drive =
        matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let from = if drive { 2 } else { 0 };
    match text[from..].split_once(':') {
        Some((path, reference)) => (&text[..from + path.len()], Some(reference)),
        None => (text, None),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, path, reference) = match self {
            Self::Store(selector) => return selector.fmt(f),
            Self::Registry(reference) => return write!(f, "docker://{reference}"),
            Self::Daemon { image, .. } => return write!(f, "docker-daemon:{image}"),
            Self::OciFolder { path, reference } => ("oci", path, reference),
            Self::OciArchive { path, reference } => ("oci-archive", path, reference),
            Self::DockerArchive { path, reference } => ("docker-archive", path, reference),
        };
        write!(f, "{kind}:{}", path.display())?;
        match reference {
            Some(reference) => write!(f, ":{reference}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_skopeos() {
        for text in [
            "app:1",
            "docker://docker.io/library/app:1",
            "oci:folder",
            "oci:/a/folder:tag",
            "oci-archive:file.tar:host/app:1",
            "docker-archive:file.tar:app:1",
            "docker-daemon:app:1",
        ] {
            let place: Place = text.parse().expect(text);
            assert_eq!(place.to_string(), text);
        }
        let drive: Place = "oci:C:\\images:tag".parse().expect("is a place");
        assert_eq!(
            drive,
            Place::OciFolder {
                path: "C:\\images".into(),
                reference: Some("tag".into())
            }
        );
        for text in ["", "oci:", "oci::tag", "docker://", "docker-daemon:"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
        for text in [
            "dir:a/folder",
            "containers-storage:app",
            "https://host/app:1",
        ] {
            let error = text.parse::<Place>().expect_err(text);
            assert!(matches!(error, PlaceError::Unknown { .. }), "{error}");
            assert!(error.to_string().contains("docker://REF"), "{error}");
        }
        assert!(matches!("dir:12".parse(), Ok(Place::Store(_))));
    }
}
