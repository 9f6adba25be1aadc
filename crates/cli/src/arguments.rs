//! What can be typed: the verbs and their flags, as `docs/cli.md` promises them to other programs.

mod archives;
mod containers;
mod images;
mod inside;
mod registries;
mod running;
mod store;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use engine::{Place, Platform, Selector};

pub(crate) use self::archives::{Copy, Import, Load, Save, SaveCompression, SaveFormat};
pub(crate) use self::containers::{Commit, Compress, Cp, Diff, Edit, EditStep, Export, Ps, Rm};
pub(crate) use self::images::{Images, Journal, Prune, Rmi, Tag};
pub(crate) use self::inside::{
    Analyze, Cat, Compare, History, Inspect, Layers, Ls, Packages, Unpack,
};
pub(crate) use self::registries::{Catalog, Login, Logout, Pull, Push, Search, Tags};
pub(crate) use self::running::{Create, Exec, Logs, PullPolicy, Run, RunFlags, Start, Stop};
pub(crate) use self::store::{Check, Df};

/// Container images without a Docker engine.
#[derive(Debug, Parser)]
#[command(
    name = "strata",
    version,
    arg_required_else_help = true,
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
