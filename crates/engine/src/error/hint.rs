//! One thing to do.

use registry::{CredentialUse, TlsReason, What};

use crate::Error;

pub(super) fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Reference(_) => Some(
            "Write it as registry.example.com/team/app:tag, or debian:12 for Docker Hub.".into(),
        ),
        Error::Platform(_) => Some("Write it as os/architecture, such as linux/arm64.".into()),
        Error::Place(_) => Some(
            "The places are docker://REF (to copy from), oci:FOLDER[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:NAME], \
             and a bare name for the store."
                .into(),
        ),
        Error::WhichImage { place, .. } => {
            Some(format!("Say which, as in {place}:NAME; load brings all of them."))
        }
        Error::Change(_) => Some(
            "The changes are CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR."
                .into(),
        ),
        Error::Filter(_) => Some(
            "The filters are dangling, label, reference, before, since, in-use, platform and size."
                .into(),
        ),
        Error::FilterNotHere { key, .. } => Some(format!("Leave {key} out.")),
        Error::Registry(error) => registry(error),
        Error::PlatformNotFound { offered, .. } => offered.first().map(|platform| {
            format!("Ask for one of them, for example with --platform {platform}.")
        }),
        Error::IndexTooDeep { .. } | Error::Config { .. } | Error::LayerCount { .. } => {
            Some("Whoever published the image has to mend it.".into())
        }
        Error::Store(error) => store(error),
        Error::Archive { source, .. } => archive(source),
        Error::NotInArchive { place, .. } => Some(format!(
            "Look at what it has: strata load --dry-run -i {place}"
        )),
        Error::NothingWhole { .. } => {
            Some("Save it again, with the platform that you want.".into())
        }
        Error::BrokenMember { .. } => Some("Whoever made the archive has to make it again.".into()),
        Error::Layer { .. } | Error::DiffId { .. } => {
            Some("Whoever published the image has to push the layer again.".into())
        }
        Error::Document { .. } => Some("Run a check with repair.".into()),
        Error::NameTaken { .. } => Some("Allow the name to move, or pull by digest.".into()),
        Error::NameWithDigest { .. } => Some("Leave the part after the @ out.".into()),
        Error::NoSuchImage { wanted } => Some(format!(
            "Pull {wanted} first, or look at the list of images."
        )),
        Error::NoSuchFile { .. } => Some("Look at the list of files.".into()),
        Error::LayerNotHere { .. } => Some("Pull the image first.".into()),
        Error::NoSuchLayer { layers, .. } => {
            Some(format!("Layers are counted from 1, the base, to {layers}."))
        }
        Error::Unreadable { .. } => {
            Some("Run a check with repair, or pull the image again.".into())
        }
        Error::NotEmpty { .. } => {
            Some("Choose an empty folder, or one that is not there yet.".into())
        }
        Error::Unpack { .. } => None,
        Error::NotAFile { .. } => Some("Copy it out instead.".into()),
        Error::Io { source, .. } => io(source),
        Error::NoSuchInterrupted { .. } | Error::Cancelled => None,
        Error::Internal(_) => Some("Please report it, with what you did.".into()),
    }
}

fn store(error: &store::Error) -> Option<String> {
    use store::Error as E;
    Some(match error {
        E::Io { source, .. } => return io(source),
        E::DiskFull { .. } => {
            "Free some space, for example with a prune, and try again: what was fetched is kept."
                .into()
        }
        E::ReadOnly { path } => format!(
            "Make {} writable, or choose another place for the store.",
            path.display()
        ),
        E::NotAStore { .. } => {
            "Choose an empty folder for the store, or one that is a store.".into()
        }
        E::Newer { .. } => "Use the newer version of Strata that wrote it.".into(),
        E::NetworkFileSystem { .. } => "Choose a folder on a local disk for the store.".into(),
        E::Busy { .. } => "Try again when the other program is done.".into(),
        E::Unchecked => "Run a check that reads every byte first.".into(),
        E::ImageNotFound { text } => format!("Pull {text} first, or look at the list of images."),
        E::Ambiguous { .. } => "Give more of the ID.".into(),
        E::NameTaken { .. } => "Allow the name to move, or pull by digest.".into(),
        E::PlanStale => "Look at the new plan.".into(),
        E::DigestMismatch { .. } | E::SizeMismatch { .. } => {
            "Try again; if it stays so, tell whoever runs the registry.".into()
        }
        E::BlobMissing { .. }
        | E::BlobDamaged { .. }
        | E::DatabaseDamaged { .. }
        | E::Document { .. }
        | E::Config { .. } => "Run a check with repair, or pull the image again.".into(),
        _ => return None,
    })
}

fn archive(error: &archive::Error) -> Option<String> {
    use archive::Error as E;
    Some(match error {
        E::Read(source) | E::Write(source) => return io(source),
        E::RootFilesystem => "Did you mean import? It makes an image of a file system.".into(),
        E::Legacy => "Load it into a Docker and save it again.".into(),
        E::NotAnArchive { .. } => {
            "Give it a file of docker save, podman save or skopeo, or an OCI layout.".into()
        }
        E::Truncated { .. } | E::Compressed { .. } => {
            "The file was cut or damaged on its way: copy it again.".into()
        }
        _ => "Whoever made the archive has to make it again.".into(),
    })
}

fn registry(error: &registry::Error) -> Option<String> {
    use registry::Error as E;
    Some(match error {
        E::UnknownHost {
            temporary: true, ..
        } => "Check the network connection, and try again.".into(),
        E::UnknownHost { host, .. } => format!("Check the spelling of {host}."),
        E::Unreachable { .. } => "Check the network, the host and its port, and try again.".into(),
        E::Unavailable { .. } | E::Interrupted { .. } | E::Timeout { .. } => {
            "Try again: what was fetched is kept.".into()
        }
        E::Tls {
            reason: TlsReason::UnknownIssuer,
            ..
        } => "Add the registry's authority (a PEM file) to the trusted certificates.".into(),
        E::Tls {
            reason: TlsReason::Expired | TlsReason::NotYetValid,
            ..
        } => "Check this computer's clock; if it is right, the registry needs a new certificate."
            .into(),
        E::Tls {
            host,
            reason: TlsReason::NotTls,
            ..
        } => format!(
            "If {host} is meant to be without encryption, add it to the insecure registries."
        ),
        E::Tls { host, .. } => format!("Ask whoever runs {host} for a valid certificate."),
        E::Unauthorized {
            repository,
            credentials,
            host,
            ..
        } => match credentials {
            CredentialUse::None => format!("Sign in to pull {}.", path(repository, host)),
            CredentialUse::Sent => format!("Sign in to {host} again."),
            CredentialUse::Withheld { realm } => {
                format!("If {realm} belongs to {host}, allow it in the settings.")
            }
        },
        E::Denied {
            repository, host, ..
        } => {
            format!(
                "Ask the owner of {} for access, or sign in to {host} as somebody else.",
                path(repository, host)
            )
        }
        E::NotFound {
            repository_unknown: true,
            ..
        } => "Check the spelling; a private repository may need a login.".into(),
        E::NotFound {
            what: What::Manifest(_),
            ..
        } => "Look at the list of tags for one that exists.".into(),
        E::NotFound { .. } => "Whoever published the image has to push it again.".into(),
        E::RateLimited {
            retry_after: Some(wait),
            ..
        } => format!(
            "Try again in {} s, or sign in for a higher limit.",
            wait.as_secs()
        ),
        E::RateLimited { .. } => "Try again later, or sign in for a higher limit.".into(),
        E::SchemaOne { .. } => {
            "Ask for a newer tag, or have the image pushed again with a current tool.".into()
        }
        E::Ambiguous { .. } | E::Document { .. } | E::TooLarge { .. } => {
            "Whoever published the image has to mend it.".into()
        }
        E::DigestMismatch { host, .. } | E::SizeMismatch { host, .. } => {
            format!("Try again; if it stays, {host} or something on the way to it is damaged.")
        }
        E::Options(_) => "Correct it in the settings.".into(),
        _ => "Check that the host is a registry.".into(),
    })
}

fn path<'a>(repository: &'a str, host: &str) -> &'a str {
    repository
        .strip_prefix(host)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(repository)
}

pub(super) fn io(error: &std::io::Error) -> Option<String> {
    match super::words::io(error) {
        "disk_full" => Some("Free some space, then try again: what was fetched is kept.".into()),
        "read_only" => Some("Make the store's folder writable, or choose another one.".into()),
        _ => None,
    }
}
