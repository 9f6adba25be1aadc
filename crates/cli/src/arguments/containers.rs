//! The verbs of working containers.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
/// `strata ps`.
#[derive(Debug, Args)]
pub(crate) struct Ps {
    /// Show those that do not run, too
    #[arg(long, short)]
    pub(crate) all: bool,
    /// Do not shorten IDs
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// `json`, or a template such as '{{.ID}} {{.Names}}', with `table` in front for a header
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
}

/// `strata rm`.
#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// Remove a container that is running, and do not mind what is not there
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Names, IDs or beginnings of IDs
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) containers: Vec<String>,
}

/// `strata diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// A name, an ID or the beginning of one
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
}

/// `strata commit`.
#[derive(Debug, Args)]
pub(crate) struct Commit {
    /// Who made it, such as 'Ada <ada@example.com>'
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) author: Option<String>,
    /// What was done, for the history
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// A Dockerfile instruction that changes how the image runs, such as 'CMD ["sh"]' (repeatable)
    #[arg(long, short, value_name = "INSTRUCTION")]
    pub(crate) change: Vec<String>,
    /// Commit only what was changed at and below this path, as `strata diff` has it (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) only: Vec<OsString>,
    /// Hold what runs in the container meanwhile
    #[arg(
        long,
        short,
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    pub(crate) pause: bool,
    /// Do not hold what runs in the container
    #[arg(long, overrides_with = "pause")]
    pub(crate) no_pause: bool,
    /// How the new layer is compressed
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) compress: Compress,
    /// Refuse when the name already names another image
    #[arg(long)]
    pub(crate) no_move: bool,
    /// The container: a name, an ID or the beginning of one
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
    /// The image's name: [HOST/]REPOSITORY[:TAG]
    #[arg(value_name = "REF")]
    pub(crate) name: Option<String>,
}

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compress {
    /// With gzip, which everybody reads
    #[default]
    Gzip,
    /// With zstd
    Zstd,
}

/// `strata export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file to write [default: standard output, unless it is a terminal]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A name, an ID or the beginning of one
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
}

/// `strata cp`.
#[derive(Debug, Args)]
pub(crate) struct Cp {
    /// Keep the owners
    #[arg(long, short)]
    pub(crate) archive: bool,
    /// A file or folder, CONTAINER:PATH, REF:/PATH in an image, or `-` for a tar; with /. at the end what is in the folder
    #[arg(value_name = "SOURCE", allow_hyphen_values = true)]
    pub(crate) source: OsString,
    /// A folder to copy into or the name to copy to, CONTAINER:PATH, or `-` for a tar
    #[arg(value_name = "DEST", allow_hyphen_values = true)]
    pub(crate) destination: OsString,
}

/// `strata edit`.
#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// A name, an ID or the beginning of one
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
    /// What to do
    #[command(subcommand)]
    pub(crate) step: EditStep,
}

/// One change of a container's files or settings.
#[derive(Debug, Subcommand)]
pub(crate) enum EditStep {
    /// Remove files, and folders with all that is in them
    Rm {
        /// Paths in the container
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<OsString>,
    },
    /// Make folders
    Mkdir {
        /// Make those on the way too, and do not mind one that is there
        #[arg(long, short)]
        parents: bool,
        /// Paths in the container
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<OsString>,
    },
    /// Give a file or folder another path
    Mv {
        /// Where it is
        #[arg(value_name = "FROM")]
        from: OsString,
        /// Where it goes; nothing may be there yet
        #[arg(value_name = "TO")]
        to: OsString,
    },
    /// Write standard input into a file, whose mode and owner stay
    Write {
        /// The path in the container
        #[arg(value_name = "PATH")]
        path: OsString,
    },
    /// Make a symbolic link
    Ln {
        /// Where it points
        #[arg(value_name = "TARGET")]
        target: OsString,
        /// The path in the container
        #[arg(value_name = "PATH")]
        path: OsString,
    },
    /// Set permission bits
    Chmod {
        /// The bits, in octal
        #[arg(value_name = "MODE", value_parser = mode)]
        mode: u32,
        /// Paths in the container
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<OsString>,
    },
    /// Set the owner
    Chown {
        /// Numbers of user and group
        #[arg(value_name = "UID:GID", value_parser = owner)]
        owner: (u32, u32),
        /// Paths in the container
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<OsString>,
    },
    /// Make paths, and what is below them, what the image has there
    Revert {
        /// Paths in the container
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<OsString>,
    },
    /// Change settings by Dockerfile instructions, such as 'ENV A=b'
    Set {
        /// The instructions
        #[arg(value_name = "INSTRUCTION", required = true)]
        instructions: Vec<String>,
    },
}

fn mode(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
        .ok_or_else(|| "a mode in octal is wanted, such as 644 or 4755".into())
}

fn owner(text: &str) -> Result<(u32, u32), String> {
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    match (uid.parse(), gid.parse()) {
        (Ok(uid), Ok(gid)) => Ok((uid, gid)),
        _ => Err("numbers of user and group are wanted, such as 33:33".into()),
    }
}
