//! What can be typed: the verbs and their flags, as `docs/cli.md` promises them to other programs.

mod containers;
mod registries;
mod running;

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use engine::{Place, Platform, Selector};

pub(crate) use self::registries::{Catalog, Login, Logout, Push, Search, Tags};
pub(crate) use self::running::{Create, Exec, Logs, PullPolicy, Run, RunFlags, Start, Stop};
pub(crate) use containers::{Commit, Compress, Cp, Diff, Edit, EditStep, Export, Ps, Rm};

/// Container images without a Docker engine.
#[derive(Debug, Parser)]
#[command(
    name = "strata",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 the command line could not be understood."
)]
pub(crate) struct Arguments {
    /// Flags of every verb.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags that every verb takes, before it or after it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags of every verb")]
pub(crate) struct Global {
    /// The image store [default: $STRATA_STORE, else the platform's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Print one JSON document; errors become JSON on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only what is essential: IDs or names, and no progress
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// How progress is shown on standard error
    #[arg(long, global = true, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressStyle,
    /// Verify the certificates of registries
    #[arg(
        long,
        global = true,
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    pub(crate) tls_verify: bool,
    /// Allow plain http and unverified certificates for this registry (repeatable)
    #[arg(long, global = true, value_name = "HOST")]
    pub(crate) insecure_registry: Vec<String>,
    /// Trust the certificate authorities of this PEM file too (repeatable)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Vec<PathBuf>,
    /// Send the login for a registry to this token server too, although it is on another site (repeatable)
    #[arg(long, global = true, value_name = "HOST=REALM")]
    pub(crate) trust_realm: Vec<String>,
    /// Ask this host first for what is read from a registry (repeatable)
    #[arg(long, global = true, value_name = "HOST=MIRROR")]
    pub(crate) mirror: Vec<String>,
    /// Ask this address instead of Docker Hub's search
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) search_address: Option<String>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// Bars on a terminal, else plain (nothing with --json)
    #[default]
    Auto,
    /// A line for every step
    Plain,
    /// A JSON object on a line of its own for every step
    Json,
    /// Nothing
    None,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List images
    Images(Images),
    /// Download an image from a registry
    Pull(Pull),
    /// Send an image to a registry
    Push(Push),
    /// Load images from an archive: docker save's, podman's, skopeo's, an OCI layout
    Load(Load),
    /// Save images as one archive that docker, podman and every OCI tool load
    Save(Save),
    /// Make an image of the tar of a file system, or of a folder
    Import(Import),
    /// Copy an image from one place to another: docker://, oci:, oci-archive:, docker-archive:, docker-daemon:, or a
    /// bare name = the store
    Copy(Copy),
    /// Search Docker Hub, or another registry, for repositories
    Search(Search),
    /// List the tags of a repository in a registry: digest, size, age, platforms
    Tags(Tags),
    /// List the repositories of a registry
    Catalog(Catalog),
    /// Sign in to a registry
    Login(Login),
    /// Sign out of a registry
    Logout(Logout),
    /// Give an image one more name
    Tag(Tag),
    /// Remove names, and images that have no other name
    Rmi(Rmi),
    /// Remove images that nothing uses
    Prune(Prune),
    /// Take the last change of names back: a removal, a prune, or a move by pull or tag
    Undo,
    /// Show every change of every name, newest first
    Journal(Journal),
    /// Show images in docker's JSON
    Inspect(Inspect),
    /// Show how an image was made, newest step first
    History(History),
    /// Show the layers of an image, base first
    Layers(Layers),
    /// List the files of an image, or what one layer changed
    Ls(Ls),
    /// Print a file of an image
    Cat(Cat),
    /// Copy files out of an image or container, or into a container
    Cp(Cp),
    /// Make a working container of an image
    Create(Box<Create>),
    /// Make a container of an image and run a program in it
    Run(Box<Run>),
    /// Start containers
    Start(Start),
    /// Stop containers: ask, and kill what has not ended after a while
    Stop(Stop),
    /// Run one more program in a container that is running
    Exec(Exec),
    /// Show what a container wrote
    Logs(Logs),
    /// List working containers
    Ps(Ps),
    /// Remove working containers, with all that was changed in them
    Rm(Rm),
    /// List the files that were added (A), changed (C) or deleted (D) in a container
    Diff(Diff),
    /// Change files and settings of a container, without running anything in it
    Edit(Edit),
    /// Make an image of a container
    Commit(Commit),
    /// Write the file system of a container as a tar
    Export(Export),
    /// Make the files of an image in an empty folder
    Unpack(Unpack),
    /// Compare two images: settings, layers, files, packages; or one file of both
    Compare(Compare),
    /// List the packages of an image
    Packages(Packages),
    /// Find bytes that an image carries along without using them
    Analyze(Analyze),
    /// Show what the store takes on disk
    Df(Df),
    /// List the Docker engines and Podmans that docker-daemon: can mean, and whether they answer
    Engines,
    /// Look for damage: rows, files, sizes and digests that disagree
    Check(Check),
    /// Print the version
    Version,
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page, or write a page for every verb into a folder
    Man(Man),
}

/// `strata images`.
#[derive(Debug, Args)]
pub(crate) struct Images {
    /// Show intermediate images too
    #[arg(long, short)]
    pub(crate) all: bool,
    /// Do not shorten IDs
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// Show the digests that the names name
    #[arg(long)]
    pub(crate) digests: bool,
    /// Show only these: dangling=, label=, before=, since=, reference= (repeatable)
    #[arg(long, short, value_name = "KEY=VALUE")]
    pub(crate) filter: Vec<String>,
    /// `json`, or a template such as '{{.Repository}}:{{.Tag}}', with `table` in front for a header
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Show only this repository, or repository:tag; `*`, `?` and `[…]` are patterns
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `strata pull`.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// For which platform, such as linux/arm64/v8 [default: this computer's]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platform: Option<Platform>,
    /// Refuse when the name already names another image
    #[arg(long)]
    pub(crate) no_move: bool,
    /// The image: [HOST/]REPOSITORY[:TAG][@DIGEST]
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
}

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

/// `strata tag`.
#[derive(Debug, Args)]
pub(crate) struct Tag {
    /// The image: a name, an ID or the beginning of one
    #[arg(value_name = "SRC", value_parser = selector)]
    pub(crate) source: Selector,
    /// Its further name: [HOST/]REPOSITORY[:TAG]
    #[arg(value_name = "DST")]
    pub(crate) name: String,
}

/// `strata rmi`.
#[derive(Debug, Args)]
pub(crate) struct Rmi {
    /// Remove an ID with all its names, and do not mind what is not there
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Keep parents that have no name
    #[arg(long)]
    pub(crate) no_prune: bool,
    /// Only show what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Drop the bytes at once: undo cannot bring them back
    #[arg(long)]
    pub(crate) now: bool,
    /// Names, IDs or beginnings of IDs
    #[arg(value_name = "REF", required = true, value_parser = selector)]
    pub(crate) references: Vec<Selector>,
}

/// `strata prune`.
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Every image that no container uses, not only those without a name
    #[arg(long, short)]
    pub(crate) all: bool,
    /// Only these: until=, label=, label!= (repeatable)
    #[arg(long, short, value_name = "KEY=VALUE")]
    pub(crate) filter: Vec<String>,
    /// Only show what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Drop the bytes at once, and those that earlier removals keep for undo
    #[arg(long)]
    pub(crate) now: bool,
}

/// `strata journal`.
#[derive(Debug, Args)]
pub(crate) struct Journal {
    /// Only the changes of this name
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `strata inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A template such as '{{.Architecture}}' or '{{json .Config}}'
    #[arg(long, short, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Names, IDs or beginnings of IDs
    #[arg(value_name = "REF", required = true, value_parser = selector)]
    pub(crate) references: Vec<Selector>,
}

/// `strata history`.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// Do not shorten IDs and instructions
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// Sizes and times for people; =false gives bytes and RFC 3339
    #[arg(
        long,
        short = 'H',
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    pub(crate) human: bool,
    /// `json`, or a template such as '{{.CreatedBy}}', with `table` in front for a header
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// A name, an ID or the beginning of one
    #[arg(value_name = "REF", value_parser = selector)]
    pub(crate) reference: Selector,
}

/// `strata layers`.
#[derive(Debug, Args)]
pub(crate) struct Layers {
    /// Do not shorten digests and instructions
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// A name, an ID or the beginning of one, or a place such as docker://NAME or oci:FOLDER
    #[arg(value_name = "REF", value_parser = place)]
    pub(crate) image: Place,
}

/// `strata ls`.
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// List everything below, too
    #[arg(long, short = 'R')]
    pub(crate) recursive: bool,
    /// Only what this layer added (A), changed (C) or removed (D); 1 is the base
    #[arg(long, value_name = "N")]
    pub(crate) layer: Option<usize>,
    /// A name, an ID or the beginning of one, or a place such as docker://NAME or oci:FOLDER
    #[arg(value_name = "REF", value_parser = place)]
    pub(crate) image: Place,
    /// The folder or file in the image
    #[arg(value_name = "PATH", default_value = "/")]
    pub(crate) path: OsString,
}

/// `strata cat`.
#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// A name, an ID or the beginning of one, or a place such as docker://NAME or oci:FOLDER
    #[arg(value_name = "REF", value_parser = place)]
    pub(crate) image: Place,
    /// The file in the image; links are followed
    #[arg(value_name = "PATH")]
    pub(crate) path: OsString,
}

/// `strata unpack`.
#[derive(Debug, Args)]
pub(crate) struct Unpack {
    /// A name, an ID or the beginning of one, or a place such as docker://NAME or oci:FOLDER
    #[arg(value_name = "REF", value_parser = place)]
    pub(crate) image: Place,
    /// An empty folder, or one that is made
    #[arg(value_name = "DIR")]
    pub(crate) folder: OsString,
}

/// `strata compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A name, an ID or the beginning of one, or a place such as docker://NAME or oci:FOLDER
    #[arg(value_name = "A", value_parser = place)]
    pub(crate) first: Place,
    /// What it is compared with
    #[arg(value_name = "B", value_parser = place)]
    pub(crate) second: Place,
    /// Only this file, line by line
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<OsString>,
}

/// `strata packages`.
#[derive(Debug, Args)]
pub(crate) struct Packages {
    /// A name, an ID or the beginning of one, or a place such as docker://NAME or oci:FOLDER
    #[arg(value_name = "REF", value_parser = place)]
    pub(crate) image: Place,
}

/// `strata analyze`.
#[derive(Debug, Args)]
pub(crate) struct Analyze {
    /// Fail below this efficiency, 0 to 1
    #[arg(long, value_name = "RATIO")]
    pub(crate) lowest_efficiency: Option<f64>,
    /// Fail when more bytes are wasted, such as 20MB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) highest_wasted_bytes: Option<u64>,
    /// Fail when a larger part of the bytes above the base is wasted, 0 to 1
    #[arg(long, value_name = "RATIO")]
    pub(crate) highest_user_wasted_percent: Option<f64>,
    /// A name, an ID or the beginning of one, or a place such as docker://NAME or oci:FOLDER
    #[arg(value_name = "REF", value_parser = place)]
    pub(crate) image: Place,
}

/// `strata df`.
#[derive(Debug, Args)]
pub(crate) struct Df {
    /// Show what each image takes, too
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// `strata check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Read and hash every byte
    #[arg(long)]
    pub(crate) read_data: bool,
    /// Move what is damaged aside and fetch it again; nothing is deleted
    #[arg(long)]
    pub(crate) repair: bool,
}

/// `strata completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// `strata man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write strata.1 and strata-VERB.1 into this folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

fn selector(text: &str) -> Result<Selector, String> {
    if text.is_empty() {
        return Err("a name or an ID is wanted".into());
    }
    Ok(Selector::from(text))
}

fn place(text: &str) -> Result<Place, String> {
    text.parse::<Place>().map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<u64, String> {
    engine::human::parse_size(text).ok_or_else(|| "a size such as 20MB is wanted".into())
}

fn platform(text: &str) -> Result<Platform, String> {
    text.parse::<Platform>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}
