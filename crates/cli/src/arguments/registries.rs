//! The verbs that speak to registries.

use clap::Args;
use engine::{Platform, Selector};

use super::{platform, selector};

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

/// `strata push`.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// Only this platform of an image that has several, without its index [default: all]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platform: Option<Platform>,
    /// Refuse when the registry's tag already names another image
    #[arg(long)]
    pub(crate) no_move: bool,
    /// Push every tag that the repository SRC has here
    #[arg(long, short)]
    pub(crate) all_tags: bool,
    /// The image: a name, an ID or the beginning of one; with --all-tags a repository
    #[arg(value_name = "SRC", value_parser = selector)]
    pub(crate) source: Selector,
    /// Where it goes: [HOST/]REPOSITORY[:TAG] [default: what it is called]; with --all-tags a repository
    #[arg(value_name = "DEST")]
    pub(crate) destination: Option<String>,
}

/// `strata search`.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// At most so many results, 1 to 100 [default: 25]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Only these: stars=N (at least so many), is-official=true or false (repeatable)
    #[arg(long, short, value_name = "KEY=VALUE")]
    pub(crate) filter: Vec<String>,
    /// Do not shorten descriptions
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// A word; HOST/WORD searches that registry instead of Docker Hub
    #[arg(value_name = "TERM")]
    pub(crate) term: String,
}

/// `strata tags`.
#[derive(Debug, Args)]
pub(crate) struct Tags {
    /// At most so many tags, latest and the highest versions first [default: 100; with -q, all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// The repository: [HOST/]REPOSITORY
    #[arg(value_name = "REPO")]
    pub(crate) repository: String,
}

/// `strata catalog`.
#[derive(Debug, Args)]
pub(crate) struct Catalog {
    /// At most so many repositories [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// The registry
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
}

/// `strata login`.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Who you are there
    #[arg(long, short, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Take the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Keep it in plain text in docker's config.json where there is neither a credential helper nor a keyring
    #[arg(long)]
    pub(crate) plain_text: bool,
    /// The registry [default: docker.io]
    #[arg(value_name = "HOST")]
    pub(crate) host: Option<String>,
}

/// `strata logout`.
#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// The registry [default: docker.io]
    #[arg(value_name = "HOST")]
    pub(crate) host: Option<String>,
}
