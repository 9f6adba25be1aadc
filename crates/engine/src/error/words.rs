//! Codes and messages.

use docker::SshReason;
use registry::{CredentialUse, What};

use crate::{Error, human};

pub(super) fn code(error: &Error) -> &'static str {
    match error {
        Error::Reference(_) | Error::NameWithDigest { .. } => "bad_reference",
        Error::Platform(_)
        | Error::Place(_)
        | Error::WhichImage { .. }
        | Error::Change(_)
        | Error::Filter(_)
        | Error::FilterNotHere { .. }
        | Error::SearchLimit { .. }
        | Error::NoSearchTerm
        | Error::NoDestination { .. }
        | Error::OtherDigest { .. } => "usage",
        Error::Registry(error) => registry(error),
        Error::Docker(error) => docker(error),
        Error::PlatformNotFound { .. } => "platform_not_found",
        Error::LoginRefused { .. } => "unauthorized",
        Error::NoKeyring { .. } => "no_keyring",
        Error::Credentials(_) => "credentials",
        Error::NoRegistry { .. } => "bad_reference",
        Error::PartlyHere { .. } => "incomplete_image",
        Error::IndexTooDeep { .. } | Error::Config { .. } | Error::LayerCount { .. } => {
            "invalid_response"
        }
        Error::Document { .. } => "store_damaged",
        Error::Store(error) => store(error),
        Error::Archive { source, .. } => archive(source),
        Error::NotInArchive { .. } => "not_found",
        Error::NothingWhole { .. } => "invalid_archive",
        Error::Layer { source, .. } if is_too_long(source) => "too_large",
        Error::BrokenMember { source, .. } if is_too_long(source) => "too_large",
        Error::Layer { .. } | Error::DiffId { .. } | Error::BrokenMember { .. } => "corrupt_layer",
        Error::NameTaken { .. } => "name_taken",
        Error::NoSuchImage { .. }
        | Error::NoSuchInterrupted { .. }
        | Error::NoSuchFile { .. }
        | Error::NotChanged { .. } => "not_found",
        Error::PathExists { .. } | Error::WouldReplace { .. } | Error::ContainerRunning { .. } => {
            "conflict"
        }
        Error::NotAFolder { .. } => "not_a_folder",
        Error::SparseMember { .. } => "invalid_archive",
        Error::TooManyLinks { .. }
        | Error::RootPath
        | Error::BadPath { .. }
        | Error::IntoItself { .. }
        | Error::BadContainerName { .. }
        | Error::NoFileSystem { .. } => "usage",
        Error::ContainerContent { source, .. } => match io(source) {
            "disk_full" => "disk_full",
            _ => "container_damaged",
        },
        Error::Runtime(error) => runtime(error),
        Error::LayerNotHere { .. } => "not_found",
        Error::NoSuchLayer { .. } => "usage",
        Error::NotAFile { .. } => "not_a_file",
        Error::Unreadable { .. } => "corrupt_layer",
        Error::NotEmpty { .. } => "not_empty",
        Error::Unpack { source } => match source.as_ref() {
            layer::Error::Unpack { source, .. } if io(source) == "disk_full" => "disk_full",
            layer::Error::Unpack { .. } => "unpack_failed",
            _ => "corrupt_layer",
        },
        Error::Io { source, .. } => io(source),
        Error::Cancelled => "cancelled",
        Error::Internal(_) => "internal",
    }
}

fn is_too_long(error: &layer::Error) -> bool {
    matches!(error, layer::Error::TooLong { .. })
}

fn store(error: &store::Error) -> &'static str {
    use store::Error as E;
    match error {
        E::Io { source, .. } => io(source),
        E::DiskFull { .. } => "disk_full",
        E::ReadOnly { .. } => "read_only",
        E::Newer { .. } => "store_newer",
        E::NetworkFileSystem { .. } => "store_network_fs",
        E::Busy { .. } => "busy",
        E::DigestMismatch { .. } => "digest_mismatch",
        E::SizeMismatch { .. } => "size_mismatch",
        E::TooLarge { .. }
        | E::Document {
            source: oci::DocumentError::TooMany { .. },
            ..
        } => "too_large",
        E::ImageNotFound { .. } | E::NoSuchOperation { .. } | E::ContainerNotFound { .. } => {
            "not_found"
        }
        E::Ambiguous { .. } | E::ContainerAmbiguous { .. } => "ambiguous_reference",
        E::ContainerNameTaken { .. } => "name_taken",
        E::ContainerDamaged { .. } => "container_damaged",
        E::NameTaken { .. } => "name_taken",
        E::PlanStale | E::Overtaken { .. } => "plan_stale",
        E::NothingToUndo => "nothing_to_undo",
        E::Stopped => "cancelled",
        E::NotAStore { .. } => "io",
        E::Unchecked => "conflict",
        // Documents and blobs that were verified when they came and are not what they were.
        _ => "store_damaged",
    }
}

fn archive(error: &archive::Error) -> &'static str {
    use archive::Error as E;
    match error {
        E::Read(source) | E::Write(source) => io(source),
        E::DigestMismatch { .. } => "digest_mismatch",
        E::SizeMismatch { .. } => "size_mismatch",
        E::TooLarge { .. } | E::Bomb { .. } | E::TooManyMembers | E::TooManyDocuments { .. } => {
            "too_large"
        }
        // What is left is wrong with the archive, the errors of later versions included.
        _ => "invalid_archive",
    }
}

fn docker(error: &docker::Error) -> &'static str {
    use docker::Error as E;
    match error {
        E::Address(_) | E::ContainerName { .. } => "usage",
        E::NotThere { .. }
        | E::Refused { .. }
        | E::Unreachable { .. }
        | E::NoSsh
        | E::Vanished { .. } => "unreachable",
        E::Ssh(failure) => match failure.reason {
            SshReason::KeyRefused | SshReason::EngineDenied => "denied",
            SshReason::HostKeyChanged { .. } | SshReason::HostKeyUnknown => "host_key",
            _ => "unreachable",
        },
        E::Denied { .. } => "denied",
        E::Timeout { .. } => "timeout",
        E::Tls { .. } => "tls",
        E::TooOld { .. } | E::TooNew { .. } => "engine_unsupported",
        E::NotFound { .. } => "not_found",
        E::Conflict { .. } => "conflict",
        E::Stale => "plan_stale",
        E::Ambiguous { .. } => "ambiguous_reference",
        E::Failed { .. } => "engine_failed",
        E::File { .. } => "io",
        E::Source(source) => io(source),
        // What is left are answers that break the protocol.
        _ => "invalid_response",
    }
}

fn runtime(error: &runtime::Error) -> &'static str {
    use runtime::{Error as E, Failure as F};
    match error {
        E::Platform | E::NoRuntime | E::Mapping { .. } => "cannot_run",
        E::Option { .. } | E::NoCommand => "usage",
        E::Io { source, .. } => io(source),
        E::Failure(failure) => match failure {
            F::UnknownUser { .. } | F::UnknownGroup { .. } | F::CommandNotFound { .. } => {
                "not_found"
            }
            F::CommandNotExecutable { .. } => "not_executable",
            F::Running | F::NotRunning | F::InTheWay { .. } => "conflict",
            F::Limits { .. } => "cannot_run",
            _ => "run_failed",
        },
        _ => "run_failed",
    }
}

fn registry(error: &registry::Error) -> &'static str {
    use registry::Error as E;
    match error {
        E::UnknownHost { .. } => "unknown_host",
        E::Unreachable { .. } | E::Unavailable { .. } | E::Interrupted { .. } => "unreachable",
        E::Tls { .. } => "tls",
        E::Timeout { .. } => "timeout",
        E::Unauthorized { .. } => "unauthorized",
        E::Denied { .. } => "denied",
        E::NotFound {
            what: What::Manifest(_),
            ..
        } => "tag_not_found",
        E::NotFound { .. } => "not_found",
        E::RateLimited { .. } => "rate_limited",
        E::SchemaOne { .. } => "schema1",
        E::Ambiguous { .. } => "ambiguous_document",
        E::DigestMismatch { .. } => "digest_mismatch",
        E::SizeMismatch { .. } => "size_mismatch",
        E::TooLarge { .. } => "too_large",
        E::WrongBytes { .. } => "digest_mismatch",
        E::NotOffered { .. } => "not_offered",
        E::Rejected { .. } => "rejected",
        E::Source { source, .. } => io(source),
        E::TokenServer { source, .. } | E::Redirected { source, .. } => registry(source),
        E::Options(_) => "usage",
        // What is left are answers that break the protocol, those of later versions of the client included.
        _ => "invalid_response",
    }
}

/// What the system's words for a file come down to.
pub(super) fn io(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull
        | std::io::ErrorKind::QuotaExceeded
        | std::io::ErrorKind::FileTooLarge => "disk_full",
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
            "read_only"
        }
        _ => "io",
    }
}

pub(super) fn message(error: &Error) -> String {
    match error {
        Error::Registry(error) => registry_message(error),
        Error::PlatformNotFound { offered, .. } if offered.is_empty() => {
            format!("{error}: no platform is offered at all.")
        }
        Error::PlatformNotFound { offered, .. } => {
            let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
            format!("{error}; there is {}.", offered.join(", "))
        }
        other => human::sentence(&other.to_string()),
    }
}

fn registry_message(error: &registry::Error) -> String {
    match error {
        registry::Error::Unauthorized {
            host,
            credentials: CredentialUse::None,
            ..
        } => format!("{host} asked for a password."),
        other => human::sentence(&other.to_string()),
    }
}
