//! Listing, naming and removing images.

use clap::Args;
use engine::Selector;

use super::selector;

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
