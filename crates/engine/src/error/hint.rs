//! One thing to do.

use docker::{SshFailure, SshReason};
use registry::{CredentialError, CredentialUse, TlsReason, What};

use crate::{Error, PlaceError, human};

/// Of bytes that are not what they are said to be, nobody can tell who changed them.
const DAMAGED: &str = "It may be damaged: copy it again. If it stays so, whoever made the archive has to make it again.";

const TAKEN: &str = "Allow the name to move, choose another one, or pull by digest.";

pub(super) fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Reference(_) => Some(
            "Write it as registry.example.com/team/app:tag, or debian:12 for Docker Hub.".into(),
        ),
        Error::Platform(_) => Some("Write it as os/architecture, such as linux/arm64.".into()),
        Error::Place(PlaceError::Opaque { .. }) => {
            Some("strata copy docker-daemon:NAME NAME brings it.".into())
        }
        Error::Place(PlaceError::Unknown { .. }) => {
            Some("Write it as one of them, such as docker://debian:12.".into())
        }
        Error::Place(_) => Some(
            "The places are docker://REF, oci:FOLDER[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:NAME], \
             docker-daemon:REF, and a bare name for the store."
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
        Error::Docker(error) => docker(error),
        Error::PlatformNotFound { offered, .. } => offered.first().map(|platform| {
            format!("Ask for one of them, for example with --platform {platform}.")
        }),
        Error::LoginRefused { .. } => Some(
            "Check both. Where signing in takes a second step, make a token there and use it as the password.".into(),
        ),
        Error::NoKeyring { .. } => Some(
            "Set up a keyring or a credential helper, or agree to plain text: strata login --plain-text.".into(),
        ),
        Error::Credentials(CredentialError::Keyring { .. }) => {
            Some("Unlock the keyring, and try again.".into())
        }
        Error::Credentials(_) => Some("Correct or remove what it names, and try again.".into()),
        Error::NoRegistry { .. } => {
            Some("Write it as registry.example.com, localhost:5000, or docker.io.".into())
        }
        Error::SearchLimit { .. } => Some("Ask for 1 to 100.".into()),
        Error::NoSearchTerm => Some("Give a word, or host/word for another registry.".into()),
        Error::NoDestination { wanted } => Some(format!(
            "Say where it goes, as in strata push {wanted} registry.example.com/team/app:1."
        )),
        Error::OtherDigest { .. } => {
            Some("Push it to a tag; its digest is what the registry then has it as, too.".into())
        }
        Error::PartlyHere { here, .. } => here.first().map(|platform| {
            format!("Push one of them with --platform {platform}, or pull the others first.")
        }),
        Error::IndexTooDeep { .. } | Error::Config { .. } | Error::LayerCount { .. } => {
            Some("Whoever published the image has to mend it.".into())
        }
        Error::Store(error) => store(error),
        Error::Archive { source, .. } => archive(source),
        Error::NotInArchive { place, .. } => Some(format!(
            "Look at what it has: strata load --dry-run -i {place}"
        )),
        Error::NothingWhole { .. } => Some(
            "Save it again; where it has several platforms, with the one that you want.".into(),
        ),
        Error::BrokenMember { .. } => Some(DAMAGED.into()),
        Error::Layer { .. } | Error::DiffId { .. } => {
            Some("Whoever published the image has to push the layer again.".into())
        }
        Error::Document { .. } => Some("Run a check with repair.".into()),
        Error::NameTaken { .. } => Some(TAKEN.into()),
        Error::NameWithDigest { .. } => Some("Leave the part after the @ out.".into()),
        Error::NoSuchImage { wanted } => Some(format!(
            "Pull {wanted} first, or look at the list of images."
        )),
        Error::NoSuchFile { .. } => Some("Look at the list of files.".into()),
        Error::LayerNotHere { .. } => Some("Pull the image first.".into()),
        Error::PathExists { .. } => Some("Remove it first, or choose another path.".into()),
        Error::NotAFolder { .. } | Error::WouldReplace { .. } => {
            Some("Choose another path, or remove what is there first.".into())
        }
        Error::BadContainerName { .. } => Some("Choose a name such as web-1.".into()),
        Error::ContainerRunning { .. } => Some("Stop it first.".into()),
        Error::Runtime(error) => runtime(error),
        Error::NoFileSystem { .. } => Some("Choose an image with layers of files.".into()),
        Error::SparseMember { .. } => Some("Make the archive without --sparse.".into()),
        Error::NotChanged { .. } => Some("Look at the list of changes.".into()),
        Error::ContainerContent { .. } => {
            Some("Run a check with repair: a layer or the container's folder is damaged.".into())
        }
        Error::TooManyLinks { .. }
        | Error::RootPath
        | Error::BadPath { .. }
        | Error::IntoItself { .. } => None,
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
            "Free some space, for example with a prune, and try again. A pull goes on where it was."
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
        E::NameTaken { .. } => TAKEN.into(),
        E::ContainerNotFound { .. } => "Look at the list of containers, with strata ps -a.".into(),
        E::ContainerAmbiguous { .. } => "Give more of the ID.".into(),
        E::ContainerNameTaken { .. } => {
            "Choose another name, or remove the container that has it.".into()
        }
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
            "Use a file of docker save, podman save or skopeo, or an OCI layout.".into()
        }
        E::Truncated { .. } | E::CutBetween { .. } | E::Compressed { .. } => {
            "The file was cut or damaged on its way: copy it again.".into()
        }
        E::Tar(_) | E::DigestMismatch { .. } | E::SizeMismatch { .. } => DAMAGED.into(),
        _ => "Whoever made the archive has to make it again.".into(),
    })
}

fn docker(error: &docker::Error) -> Option<String> {
    use docker::Error as E;
    Some(match error {
        E::Address(_) => {
            "Write it as unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host.".into()
        }
        E::File { .. } => "Mend the file, or make the context again with docker.".into(),
        E::NotThere { .. } | E::Refused { .. } => {
            "Start Docker or Podman there, or choose another engine.".into()
        }
        E::Denied { address } if address.starts_with("unix:") => {
            "Join the group that owns the socket (Docker: the group docker) and sign in again, or choose another engine.".into()
        }
        E::Unreachable { .. } | E::Timeout { .. } => {
            "Check the network, the host and its port, and try again.".into()
        }
        E::Tls { .. } => {
            "Check the files ca.pem, cert.pem and key.pem of the context, and the engine's own."
                .into()
        }
        E::Ssh(failure) => ssh(failure),
        E::NoSsh => "Install an ssh client, such as OpenSSH.".into(),
        E::NotAnEngine { .. } | E::Answer { .. } => {
            "Check that a Docker or a Podman is behind the address.".into()
        }
        E::TooOld { .. } => "Update the engine: Docker 19.03 or Podman 3 is the least.".into(),
        E::TooNew { .. } => "Update Strata.".into(),
        E::Stale => "Look at the new plan.".into(),
        E::Vanished { .. } => "Look whether the engine still runs, then try again.".into(),
        E::Ambiguous { .. } => "Give more of the ID.".into(),
        E::Source(source) => return io(source),
        _ => return None,
    })
}

fn ssh(failure: &SshFailure) -> String {
    let SshFailure {
        login,
        known_as,
        known_in,
        ..
    } = failure;
    match failure.reason {
        SshReason::HostKeyChanged { .. } => {
            let list = known_in
                .as_ref()
                .map(|file| format!("-f '{}' ", file.display()))
                .unwrap_or_default();
            format!(
                "If whoever runs the host says that this is its new key: ssh-keygen {list}-R '{known_as}', then ssh {login} in a \
                 terminal. If nobody has changed it, somebody else may be answering."
            )
        }
        SshReason::HostKeyUnknown => format!(
            "Run ssh {login} in a terminal, and compare the fingerprint with what whoever runs the host tells you."
        ),
        SshReason::KeyRefused => format!(
            "Add your key there with ssh-copy-id {login}. One with a passphrase has to be in the agent: ssh-add."
        ),
        SshReason::Unreachable => "Check the network, the host and its port, and try again.".into(),
        SshReason::NoDocker => {
            "Install docker's command line there: it carries the connection.".into()
        }
        SshReason::NoEngine => "Start Docker or Podman there, or choose another engine.".into(),
        SshReason::EngineDenied => {
            "Join the group that owns the socket there (Docker: the group docker), or choose another engine.".into()
        }
        _ => format!(
            "Try ssh {login} docker version in a terminal: it has to work with a key, without a password."
        ),
    }
}

fn runtime(error: &runtime::Error) -> Option<String> {
    use runtime::{Error as E, Failure as F, Finding};
    let hint = match error {
        E::Platform => "Run it in a Docker Engine or Podman: strata copy IMAGE docker-daemon:IMAGE brings it there. Editing and committing \
             work here."
            .into(),
        E::NoRuntime => Finding::NoRuntime.remedy().into(),
        E::NoCommand => "Name a program behind the image.".into(),
        E::Mapping { message, .. } => Finding::MapRefused {
            message: message.clone(),
        }
        .remedy()
        .into(),
        E::Failure(F::Running) => "Stop it first.".into(),
        E::Failure(F::NotRunning) => "Start it first.".into(),
        E::Failure(F::InTheWay { .. }) => {
            "Choose another path, or remove what is there first.".into()
        }
        E::Failure(F::UnknownUser { .. }) => {
            "Name one of the image's /etc/passwd, or give a number.".into()
        }
        E::Failure(F::Limits { .. }) => {
            "Leave the limits out, or run it where control groups are delegated: systemd-run --user --scope -p Delegate=yes strata …"
                .into()
        }
        E::Failure(F::Unmapped { .. }) => Finding::NoRanges.remedy().into(),
        E::Failure(F::Step { step, .. }) if step.contains("user namespace") => {
            Finding::UserNamespacesOff { setting: None }.remedy().into()
        }
        _ => return None,
    };
    Some(hint)
}

fn registry(error: &registry::Error) -> Option<String> {
    use registry::Error as E;
    Some(match error {
        E::UnknownHost {
            temporary: true, ..
        } => "Check the network connection, and try again.".into(),
        E::UnknownHost { host, .. } => {
            format!("Check the spelling of {host}, and the network connection.")
        }
        E::Unreachable { .. } => "Check the network, the host and its port, and try again.".into(),
        E::Unavailable { host, .. } => {
            format!("Try again later; if it stays so, tell whoever runs {host}.")
        }
        E::Interrupted { .. } | E::Timeout { .. } => "Try again: what was fetched is kept.".into(),
        E::Tls {
            host,
            reason: TlsReason::UnknownIssuer,
            ..
        } => format!(
            "If the fingerprint is the one that whoever runs {host} tells you, add its authority (a PEM file) to the trusted \
             certificates: in the settings, with --ca-file, or as certs.d/{host}/ca.crt in docker's or podman's folder."
        ),
        E::Tls {
            host,
            reason: TlsReason::SelfSigned,
            ..
        } => format!(
            "If the fingerprint is the one that whoever runs {host} tells you, add the certificate itself (a PEM file) to the trusted \
             ones: in the settings, with --ca-file, or as certs.d/{host}/ca.crt in docker's or podman's folder."
        ),
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
            CredentialUse::None if repository == host => format!("Sign in to {host}."),
            CredentialUse::None => {
                format!("Sign in to {host} to use {}.", path(repository, host))
            }
            CredentialUse::Sent => format!("Sign in to {host} again."),
            CredentialUse::Withheld { realm } => {
                format!(
                    "If {realm} belongs to {host}, agree to it: in the settings, or with --trust-realm {host}={realm}."
                )
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
        } => {
            // A server may say any number.
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            let wait = human::duration(seconds.into()).to_lowercase();
            format!("Try again in {wait}, or sign in for a higher limit.")
        }
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
        E::WrongBytes { .. } => {
            "Run a check that reads every byte; if it finds nothing, something on the way damages the bytes.".into()
        }
        E::RedirectRefused { host, .. } => format!(
            "Try again, which gets a new address; if it stays so, whoever runs the registry has to mend its way to {host}."
        ),
        E::Redirect { host, .. } | E::Realm { host, .. } => {
            format!("Tell whoever runs {host}: it is set up wrongly, or somebody else answers for it.")
        }
        E::TokenServer { host, source } => match source.as_ref() {
            E::UnknownHost { .. } | E::Unreachable { .. } | E::Timeout { .. } => format!(
                "Check the network; if it stays so, whoever runs {host} has to name a token server that can be reached from here."
            ),
            other => return registry(other),
        },
        E::Redirected { host, .. } => format!(
            "Check the network; if it stays so, whoever runs {host} has to redirect to a host that can be reached from here."
        ),
        E::NotOffered {
            what: What::Upload(_),
            ..
        } => "The registry is read-only: choose another one.".into(),
        E::NotOffered { host, .. } => format!("Ask for a repository of {host} by its name."),
        E::Rejected { .. } => "The registry's words say why; it may have rules of its own.".into(),
        E::Source { .. } => "Run a check with repair.".into(),
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
        "disk_full" => Some("Free some space, then try again.".into()),
        "read_only" => Some("Make the store's folder writable, or choose another one.".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(error: impl Into<Error>) -> String {
        hint(&error.into()).expect("something can be done")
    }

    #[test]
    fn a_wait_is_told_in_words_whatever_the_server_says() {
        for (seconds, words) in [
            (1, "in 1 second,"),
            (3600, "in about an hour,"),
            (7200, "in 2 hours,"),
            (u64::MAX, "years,"),
        ] {
            let limited = registry::Error::RateLimited {
                host: "a.example".into(),
                retry_after: Some(Duration::from_secs(seconds)),
                message: None,
            };
            let said = said(limited);
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn each_way_in_which_ssh_fails_has_its_own_remedy() {
        let failed = |reason| {
            let failure = SshFailure {
                host: "build".into(),
                login: "-p 2222 ada@build".into(),
                known_as: "[10.0.0.7]:2222".into(),
                known_in: Some("/home/ada/.ssh/known_hosts".into()),
                reason,
                said: String::new(),
            };
            said(Box::new(docker::Error::Ssh(Box::new(failure))))
        };
        for (reason, remedy) in [
            (
                SshReason::HostKeyChanged { fingerprint: None },
                "ssh-keygen -f '/home/ada/.ssh/known_hosts' -R '[10.0.0.7]:2222'",
            ),
            (SshReason::HostKeyUnknown, "Run ssh -p 2222 ada@build in"),
            (SshReason::KeyRefused, "ssh-copy-id -p 2222 ada@build."),
            (SshReason::NoEngine, "Start Docker or Podman there"),
            (SshReason::Other, "ssh -p 2222 ada@build docker version"),
        ] {
            let said = failed(reason);
            assert!(said.contains(remedy), "{said}");
        }
    }
}
