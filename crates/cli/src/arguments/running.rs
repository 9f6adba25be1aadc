//! The verbs that run programs in containers.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use engine::{Platform, Selector};

use super::{platform, selector};
use crate::failure::Failure;

/// Whether an image is pulled before it is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PullPolicy {
    /// When it is not here
    #[default]
    Missing,
    /// Always
    Always,
    /// Never
    Never,
}

/// What `run` and `create` say of how a container is started.
#[derive(Debug, Args)]
pub(crate) struct RunFlags {
    /// The container's name [default: one that is made up]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Send standard input into it
    #[arg(long, short)]
    pub(crate) interactive: bool,
    /// Give it a terminal
    #[arg(long, short)]
    pub(crate) tty: bool,
    /// Remove the container when it has ended
    #[arg(long)]
    pub(crate) rm: bool,
    /// Set a variable; without a value the one of here (repeatable)
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Set the variables of a file, one a line (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Show a folder or file of this computer, or a named volume, at a path in the container (repeatable)
    #[arg(long, short, value_name = "[SOURCE:]PATH[:ro]")]
    pub(crate) volume: Vec<String>,
    /// Put memory at a path in the container (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) tmpfs: Vec<String>,
    /// The folder to start in
    #[arg(long, short, value_name = "PATH")]
    pub(crate) workdir: Option<String>,
    /// Who runs it
    #[arg(long, short, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// Let a port of this computer lead into it (repeatable); gives it a network of its own
    #[arg(long, short, value_name = "[[ADDRESS:]PORT:]PORT[/udp]")]
    pub(crate) publish: Vec<String>,
    /// How it reaches others: none, host, or private, through a program without rights [default: private where that can be had]
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<String>,
    /// The container's name for itself [default: the beginning of its ID]
    #[arg(long, short = 'h', short_alias = 'H', value_name = "NAME")]
    pub(crate) hostname: Option<String>,
    /// The program in place of the image's entrypoint; empty for none
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) entrypoint: Option<String>,
    /// The memory that it may take, such as 512m
    #[arg(long, short, value_name = "BYTES")]
    pub(crate) memory: Option<String>,
    /// How much of the CPUs it may take, such as 1.5
    #[arg(long, value_name = "NUMBER")]
    pub(crate) cpus: Option<String>,
    /// How many processes may be in it; -1 for any number
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(crate) pids_limit: Option<String>,
    /// Let nothing be written to the image's files
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Whether to pull the image first
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) pull: PullPolicy,
    /// For which platform; an image that is here for another one is pulled [default: this computer's]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platform: Option<Platform>,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// Takes the words behind the flags apart. Behind the first of them everything is the program's, `--` and flags too, as with docker: so
/// they are one argument here, and an unknown flag before them comes as the first word.
fn first_and_rest(words: &[String]) -> Result<(&str, &[String]), Failure> {
    match words {
        [flag, ..] if flag.starts_with('-') => Err(Failure::Usage(format!(
            "unexpected argument '{flag}' found"
        ))),
        [first, rest @ ..] => Ok((first.as_str(), rest)),
        [] => Err(Failure::Usage("a name or an ID is wanted".into())),
    }
}

/// `strata create`.
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    override_usage = "strata create [OPTIONS] <IMAGE> [COMMAND]..."
)]
pub(crate) struct Create {
    /// How it is started later
    #[command(flatten)]
    pub(crate) flags: RunFlags,
    /// The image: a name, an ID or the beginning of one
    #[arg(value_name = "IMAGE", value_parser = selector)]
    pub(crate) image: Selector,
    /// The command, in place of the image's; from its first word on everything is part of it
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<String>,
}

/// `strata run`.
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    override_usage = "strata run [OPTIONS] <IMAGE> [COMMAND]..."
)]
pub(crate) struct Run {
    /// Do not wait for its end, and print the container's ID
    #[arg(long, short)]
    pub(crate) detach: bool,
    /// How it is started
    #[command(flatten)]
    pub(crate) flags: RunFlags,
    /// The image (a name, an ID or the beginning of one); whatever follows is the command, in place of the image's
    #[arg(
        value_name = "IMAGE",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<String>,
}

impl Run {
    /// What is to be run, and the command for it.
    ///
    /// # Errors
    /// What is no image, and no flag either.
    pub(crate) fn image_and_command(&self) -> Result<(Selector, &[String]), Failure> {
        let (image, command) = first_and_rest(&self.words)?;
        Ok((selector(image).map_err(Failure::Usage)?, command))
    }
}

/// `strata start`.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Show what it writes, and wait for its end
    #[arg(long, short)]
    pub(crate) attach: bool,
    /// Send standard input into it, and show what it writes
    #[arg(long, short)]
    pub(crate) interactive: bool,
    /// Names, IDs or beginnings of IDs
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) containers: Vec<String>,
}

/// `strata stop`.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// Seconds after which it is killed
    #[arg(long, short, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) time: u32,
    /// Names, IDs or beginnings of IDs
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) containers: Vec<String>,
}

/// `strata exec`.
#[derive(Debug, Args)]
#[command(override_usage = "strata exec [OPTIONS] <CONTAINER> <COMMAND>...")]
pub(crate) struct Exec {
    /// Send standard input into it
    #[arg(long, short)]
    pub(crate) interactive: bool,
    /// Give it a terminal
    #[arg(long, short)]
    pub(crate) tty: bool,
    /// Set a variable; without a value the one of here (repeatable)
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// The folder to start in
    #[arg(long, short, value_name = "PATH")]
    pub(crate) workdir: Option<String>,
    /// Who runs it
    #[arg(long, short, value_name = "USER[:GROUP]")]
    pub(crate) user: Option<String>,
    /// The container (a name, an ID or the beginning of one), then the program and its arguments
    #[arg(
        value_name = "CONTAINER",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<String>,
}

impl Exec {
    /// The container, and the command for it.
    ///
    /// # Errors
    /// What is no container, and no flag either; a command that is missing.
    pub(crate) fn container_and_command(&self) -> Result<(&str, &[String]), Failure> {
        match first_and_rest(&self.words)? {
            (_, []) => Err(Failure::Usage(
                "a command is wanted behind the container".into(),
            )),
            both => Ok(both),
        }
    }
}

/// `strata logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Go on until it ends
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Put the time before each line
    #[arg(long, short)]
    pub(crate) timestamps: bool,
    /// A name, an ID or the beginning of one
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
}
