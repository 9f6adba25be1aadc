//! Everything that can go wrong, with a code for programs and words for people.

mod hint;
mod words;

use std::path::PathBuf;

use oci::{Digest, ImageName, Platform};

use crate::FilterError;

/// Why a verb failed.
///
/// [`Error::code`] is stable and for programs; [`Error::message`] says what failed and why; [`Error::hint`] says one
/// thing to do. None of them holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no reference.
    #[error(transparent)]
    Reference(#[from] oci::ReferenceError),
    /// The text is no platform.
    #[error(transparent)]
    Platform(#[from] oci::PlatformError),
    /// The text is no filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The text is no place, or one that nothing can be copied to.
    #[error(transparent)]
    Place(#[from] crate::PlaceError),
    /// An archive has several images, and none was named.
    #[error("{place} has {count} images")]
    WhichImage {
        /// Which archive.
        place: String,
        /// How many.
        count: usize,
    },
    /// A change to an image's settings is none.
    #[error(transparent)]
    Change(#[from] crate::ChangeError),
    /// A filter that this verb does not know.
    #[error("{verb} knows no filter {key}")]
    FilterNotHere {
        /// The verb.
        verb: &'static str,
        /// The filter's key.
        key: &'static str,
    },
    /// A Docker Engine or a Podman, or the way to it, failed.
    #[error(transparent)]
    Docker(#[from] Box<docker::Error>),
    /// The registry, or the way to it, failed.
    #[error(transparent)]
    Registry(#[from] Box<registry::Error>),
    /// The store refused.
    #[error(transparent)]
    Store(Box<store::Error>),
    /// An archive cannot be read or written.
    #[error("{place}: {source}")]
    Archive {
        /// Which archive.
        place: String,
        /// What is wrong with it.
        source: Box<archive::Error>,
    },
    /// An archive has no image of that ID.
    #[error("{place} has no image {wanted}")]
    NotInArchive {
        /// Which archive.
        place: String,
        /// What was asked for.
        wanted: String,
    },
    /// There is nothing whole in an archive.
    #[error("{place} has no image that is whole{}", missing.as_ref().map(|missing| format!(": {missing} is missing")).unwrap_or_default())]
    NothingWhole {
        /// Which archive.
        place: String,
        /// The first member that is missing.
        missing: Option<String>,
    },
    /// A member of an archive that should be a layer cannot be read as one.
    #[error("{place}: the layer {member} cannot be read: {source}")]
    BrokenMember {
        /// Which archive.
        place: String,
        /// The member.
        member: String,
        /// What is wrong with it.
        source: std::sync::Arc<layer::Error>,
    },
    /// The content of a layer cannot be read.
    #[error("the layer {digest} cannot be read: {source}")]
    Layer {
        /// The blob.
        digest: Digest,
        /// What is wrong with it.
        source: Box<layer::Error>,
    },
    /// The image is not offered for the platform.
    #[error("{reference} is not offered for {wanted}")]
    PlatformNotFound {
        /// What was asked for, in full.
        reference: String,
        /// The platform that was asked for.
        wanted: Box<Platform>,
        /// What is offered instead.
        offered: Vec<Platform>,
    },
    /// A registry did not accept a name and its password, or a token, that were just given.
    #[error("{host} did not accept the user name and the password")]
    LoginRefused {
        /// The registry.
        host: String,
    },
    /// A login cannot be kept, neither by a helper nor in a keyring, and the user did not agree to plain text.
    #[error("nothing here can keep the login for {host}{}", reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    NoKeyring {
        /// The registry.
        host: String,
        /// Why the keyring does not, where there is one.
        reason: Option<String>,
    },
    /// A credential helper, a keyring or a file with logins failed.
    #[error(transparent)]
    Credentials(#[from] registry::CredentialError),
    /// The text names no registry.
    #[error("{text} is no registry")]
    NoRegistry {
        /// The text.
        text: String,
    },
    /// A search for too many results, or none.
    #[error("a search for {limit} results: 1 to 100 are possible")]
    SearchLimit {
        /// What was asked for.
        limit: usize,
    },
    /// A search for nothing.
    #[error("there is nothing to search for")]
    NoSearchTerm,
    /// An image is to be pushed that was not meant by a name.
    #[error("{wanted} is no name, so nothing says where to push it")]
    NoDestination {
        /// What was meant.
        wanted: String,
    },
    /// An image is to be pushed under the digest of another.
    #[error("{destination} is the digest of something else: what would be pushed is {digest}")]
    OtherDigest {
        /// Where it was to go.
        destination: String,
        /// What would be there.
        digest: Digest,
    },
    /// Several platforms of an image are here, but not all that its index names.
    #[error("{target} names images that are not here{}", listed(": ", missing))]
    PartlyHere {
        /// The index.
        target: Digest,
        /// The platforms that are here.
        here: Vec<Platform>,
        /// The platforms that are not.
        missing: Vec<Platform>,
    },
    /// An image is nested in too many indexes.
    #[error("{reference} stands in more than {limit} indexes, one in another", limit = oci::MAX_INDEX_DEPTH)]
    IndexTooDeep {
        /// What was asked for, in full.
        reference: String,
    },
    /// The image's config is not one.
    #[error("the config {digest} of {reference} cannot be used: {source}")]
    Config {
        /// What was asked for, in full.
        reference: String,
        /// The config.
        digest: Digest,
        /// What is wrong with it.
        source: oci::ConfigError,
    },
    /// A document of the store is not what it was when it came.
    #[error("the document {digest} cannot be used: {source}")]
    Document {
        /// The document.
        digest: Digest,
        /// What is wrong with it.
        source: oci::DocumentError,
    },
    /// Manifest and config disagree about how many layers there are.
    #[error("{reference} has {layers} layers, and its config names {diff_ids}")]
    LayerCount {
        /// What was asked for, in full.
        reference: String,
        /// Layers in the manifest.
        layers: usize,
        /// Diff IDs in the config.
        diff_ids: usize,
    },
    /// A layer's content is not what the config says.
    #[error("the layer {digest} holds {found}, and the image says {expected}")]
    DiffId {
        /// The blob.
        digest: Digest,
        /// The config's diff ID.
        expected: Digest,
        /// The content's.
        found: Digest,
    },
    /// A name is taken and was not to be moved.
    #[error("{name} already names {holder}")]
    NameTaken {
        /// The name.
        name: ImageName,
        /// What it names.
        holder: Digest,
    },
    /// A name for an image cannot hold a digest.
    #[error("{name} has a digest, and a name that is given has a tag")]
    NameWithDigest {
        /// The name.
        name: String,
    },
    /// There is no such image.
    #[error("there is no image {wanted} here")]
    NoSuchImage {
        /// What was asked for.
        wanted: String,
    },
    /// There is no such interrupted pull.
    #[error("there is no interrupted pull {id}")]
    NoSuchInterrupted {
        /// What was asked for.
        id: String,
    },
    /// There is no such file in the image.
    #[error("there is no {path} in the image")]
    NoSuchFile {
        /// The path in the image.
        path: String,
    },
    /// Something is there already.
    #[error("{path} is there already")]
    PathExists {
        /// The path in the container.
        path: String,
    },
    /// Something on the way is no folder, or a folder is wanted.
    #[error("{path} is no folder")]
    NotAFolder {
        /// The path in the container.
        path: String,
    },
    /// Too many symbolic links lead to further ones.
    #[error("there are too many symbolic links on the way to {path}")]
    TooManyLinks {
        /// The path in the container.
        path: String,
    },
    /// The root itself stays as it is.
    #[error("the root folder itself cannot be changed")]
    RootPath,
    /// A layer cannot have a file of that name.
    #[error("{path} is no name that a file in an image can have")]
    BadPath {
        /// The path in the container.
        path: String,
    },
    /// A folder is to go into itself.
    #[error("{path} cannot be moved into itself")]
    IntoItself {
        /// The path in the container.
        path: String,
    },
    /// A folder and something else would take each other's place.
    #[error("{path} would replace a folder by something else, or something else by a folder")]
    WouldReplace {
        /// The path in the container.
        path: String,
    },
    /// A tar has a file with holes, which is not taken in from a stream.
    #[error("{path} is stored with holes in the archive")]
    SparseMember {
        /// The member.
        path: String,
    },
    /// There is nothing to take back.
    #[error("{path} was not changed")]
    NotChanged {
        /// The path in the container.
        path: String,
    },
    /// The text is no name for a container.
    #[error(
        "{name:?} is no name for a container: it has two characters or more, begins with a letter or a digit, and goes on with those, _ . and -"
    )]
    BadContainerName {
        /// The name.
        name: String,
    },
    /// It is running, and that is in the way.
    #[error("container {name} is running")]
    ContainerRunning {
        /// Its name.
        name: String,
    },
    /// A container could not be run, or what runs not be reached.
    #[error(transparent)]
    Runtime(#[from] Box<runtime::Error>),
    /// What a container was to be made of has no file system.
    #[error("{reference} is no image of a file system")]
    NoFileSystem {
        /// What was asked for.
        reference: String,
    },
    /// What was changed in a container cannot be read.
    #[error("what was changed in container {container} cannot be read: {source}")]
    ContainerContent {
        /// The container.
        container: String,
        /// What is wrong.
        source: std::io::Error,
    },
    /// The layer that has the file is not in the store.
    #[error("the layer {digest} is not here")]
    LayerNotHere {
        /// The blob.
        digest: Digest,
    },
    /// The image has fewer layers.
    #[error("there is no layer {layer}, the image has {layers}")]
    NoSuchLayer {
        /// What was asked for.
        layer: usize,
        /// How many there are.
        layers: usize,
    },
    /// It has no content to read.
    #[error("{path} is no regular file")]
    NotAFile {
        /// The path in the image.
        path: String,
    },
    /// A file's content could not be read out of its layer.
    #[error("{path} cannot be read out of the image: {source}")]
    Unreadable {
        /// The path in the image.
        path: String,
        /// What is wrong.
        source: std::io::Error,
    },
    /// The files could not be made.
    #[error("{source}")]
    Unpack {
        /// Which one, and why.
        source: Box<layer::Error>,
    },
    /// Files were to be made in a folder that has others.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The operation was cancelled from inside.
    #[error("the operation was cancelled")]
    Cancelled,
    /// A part of this program failed in a way that it should not.
    #[error("{0}")]
    Internal(String),
}

/// Lists platforms behind a word; nothing where there are none.
fn listed(before: &str, platforms: &[Platform]) -> String {
    let words: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    match words.is_empty() {
        true => String::new(),
        false => format!("{before}{}", words.join(", ")),
    }
}

impl From<registry::Error> for Error {
    fn from(error: registry::Error) -> Self {
        Error::Registry(Box::new(error))
    }
}

impl From<docker::Error> for Error {
    fn from(error: docker::Error) -> Self {
        Error::Docker(Box::new(error))
    }
}

impl From<runtime::Error> for Error {
    fn from(error: runtime::Error) -> Self {
        Error::Runtime(Box::new(error))
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Error::Store(Box::new(error))
    }
}

/// The registry that refused, and whether it may answer otherwise to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryRefusal<'a> {
    /// The registry's host, as in references.
    pub host: &'a str,
    /// Whether it refused because of who asks. One that says "not found" may mean that, too, and does not say so.
    pub login_may_help: bool,
}

impl Error {
    /// Returns the registry that refused, where one did: it lets nobody to what was asked for, or has no such thing.
    #[must_use]
    pub fn registry_refusal(&self) -> Option<RegistryRefusal<'_>> {
        let Self::Registry(error) = self else {
            return None;
        };
        let (host, login_may_help) = match error.as_ref() {
            registry::Error::Unauthorized { host, .. } | registry::Error::Denied { host, .. } => {
                (host, true)
            }
            registry::Error::NotFound { host, .. } => (host, false),
            _ => return None,
        };
        Some(RegistryRefusal {
            host,
            login_may_help,
        })
    }

    /// Returns the stable word for programs, one of the list in the command line's contract.
    #[must_use]
    pub fn code(&self) -> &'static str {
        words::code(self)
    }

    /// Returns what a program exits with that could not run a command in a container, as docker does: 127 where there is no such
    /// command, 126 where it cannot be executed, 125 for everything else.
    #[must_use]
    pub fn run_exit_code(&self) -> u8 {
        match self {
            Self::Runtime(error) => error.exit_code(),
            _ => 125,
        }
    }

    /// Says what failed and why, in a sentence or two for people.
    #[must_use]
    pub fn message(&self) -> String {
        words::message(self)
    }

    /// Says one thing to do about it, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        hint::hint(self)
    }
}
