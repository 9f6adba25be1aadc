//! The store as a whole.

use clap::Args;

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
