//! Looking into an image.

use std::ffi::OsString;

use clap::{ArgAction, Args};
use engine::{Place, Selector};

use super::{place, selector, size};

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
