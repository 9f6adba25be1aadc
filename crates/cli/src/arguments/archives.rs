//! Bringing images in and out as files, and from place to place.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use engine::{Place, Platform, Selector};

use super::{place, platform, selector};

/// `strata load`.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// The archive: a tar, plain or compressed, or the folder of an OCI layout [default: standard input]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Only this platform of images that have several [default: all that the archive has]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platform: Option<Platform>,
    /// Only show what would be loaded, and which names would move
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Refuse when a name already names another image
    #[arg(long)]
    pub(crate) no_move: bool,
}

/// `strata save`.
#[derive(Debug, Args)]
pub(crate) struct Save {
    /// The file to write [default: standard output, unless it is a terminal]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// For whom: docker = everybody, oci = readers of OCI layouts only
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: SaveFormat,
    /// How the whole is compressed; the layers stay as they are
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) compress: SaveCompression,
    /// Only this platform of images that have several (repeatable) [default: all that are here]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platform: Vec<Platform>,
    /// Names, IDs or beginnings of IDs
    #[arg(value_name = "REF", required = true, value_parser = selector)]
    pub(crate) references: Vec<Selector>,
}

/// `strata import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The comment in the image's history
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// A Dockerfile instruction that sets how the image runs, such as 'CMD ["sh"]' (repeatable)
    #[arg(long, short, value_name = "INSTRUCTION")]
    pub(crate) change: Vec<String>,
    /// For which platform it is [default: this computer's]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platform: Option<Platform>,
    /// Refuse when the name already names another image
    #[arg(long)]
    pub(crate) no_move: bool,
    /// The tar, plain or compressed, or the folder; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The image's name: [HOST/]REPOSITORY[:TAG]
    #[arg(value_name = "REF")]
    pub(crate) name: Option<String>,
}

/// `strata copy`.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Only this platform of an image that has several
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platform: Option<Platform>,
    /// Refuse when the name already names another image
    #[arg(long)]
    pub(crate) no_move: bool,
    /// Which engine docker-daemon: in FROM means: a context of docker's, `docker`, `podman`, or an address such as
    /// ssh://user@host [default: the one that docker would use]
    #[arg(long, value_name = "ENGINE", alias = "src-daemon-host")]
    pub(crate) src_engine: Option<String>,
    /// Which engine docker-daemon: in TO means
    #[arg(long, value_name = "ENGINE", alias = "dest-daemon-host")]
    pub(crate) dest_engine: Option<String>,
    /// Where the image is
    #[arg(value_name = "FROM", value_parser = place)]
    pub(crate) from: Place,
    /// Where it goes
    #[arg(value_name = "TO", value_parser = place)]
    pub(crate) to: Place,
}

/// For whom an archive is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SaveFormat {
    /// An OCI layout and a docker-archive at once
    #[default]
    Docker,
    /// An OCI layout
    Oci,
}

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SaveCompression {
    /// Not at all
    #[default]
    None,
    /// With gzip
    Gzip,
    /// With zstd
    Zstd,
}
