//! Everything that ends a command badly: its exit code, and how it is said.

use std::{io, process::ExitCode};

use serde::Serialize;

use crate::text::escaped_lines;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Something that was asked for was not done; the rest was.
    #[error("{message}")]
    Refused {
        /// The error code.
        code: &'static str,
        /// Why, one line for each thing.
        message: String,
        /// What would help.
        hint: Option<String>,
    },
    /// The user stopped it.
    #[error("{0}")]
    Cancelled(String),
    /// The result could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[from] io::Error),
    /// A program in a container could not be run.
    #[error("{failure}")]
    NotRun {
        /// Why.
        failure: Box<Failure>,
        /// What docker ends with then.
        code: u8,
    },
    /// A program in a container ended with this exit code, which is ours too.
    #[error("the program ended with {0}")]
    Ended(u8),
    /// It failed, and what was printed says it all.
    #[error("see the output")]
    Told,
}

/// An error as programs read it.
#[derive(Serialize)]
struct Document<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
}

impl Failure {
    /// One failure for several things that failed; none is success.
    pub(crate) fn of_several(mut errors: Vec<engine::Error>) -> Result<(), Failure> {
        match errors.len() {
            0 => Ok(()),
            1 => Err(Failure::Engine(errors.remove(0))),
            _ => Err(Failure::Refused {
                code: errors[0].code(),
                message: errors
                    .iter()
                    .map(engine::Error::message)
                    .collect::<Vec<_>>()
                    .join("\n"),
                hint: errors.iter().find_map(engine::Error::hint),
            }),
        }
    }

    /// The stable word for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Failure::Engine(error) => error.code(),
            Failure::Usage(_) => "usage",
            Failure::Refused { code, .. } => code,
            Failure::Cancelled(_) => "cancelled",
            Failure::NotRun { failure, .. } => failure.code(),
            Failure::Output(_) | Failure::Told | Failure::Ended(_) => "io",
        }
    }

    fn message(&self) -> String {
        match self {
            Failure::Engine(error) => error.message(),
            Failure::NotRun { failure, .. } => failure.message(),
            _ => self.to_string(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Failure::Engine(error) => error.hint(),
            Failure::Refused { hint, .. } => hint.clone(),
            Failure::Usage(_) => {
                Some("strata --help and strata VERB --help tell what can be typed.".into())
            }
            Failure::NotRun { failure, .. } => failure.hint(),
            Failure::Cancelled(_) | Failure::Output(_) | Failure::Told | Failure::Ended(_) => None,
        }
    }

    /// 2 where the command line is at fault, else 1; of what ran a program, that one's, or docker's where it could not be run.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if let Failure::Ended(code) | Failure::NotRun { code, .. } = self {
            return ExitCode::from(*code);
        }
        match self.code() {
            "usage" | "bad_reference" => ExitCode::from(2),
            _ => ExitCode::from(1),
        }
    }

    /// Words it for standard error, as JSON or for people; empty when there is nothing to say.
    pub(crate) fn render(&self, json: bool) -> String {
        if matches!(self, Failure::Told | Failure::Ended(_)) {
            return String::new();
        }
        let (message, hint) = (self.message(), self.hint());
        if json {
            return as_json(self.code(), &message, hint.as_deref());
        }
        let mut text = format!("strata: {}\n", escaped_lines(&message));
        if let Some(hint) = hint {
            text.push_str(&format!("{}\n", escaped_lines(&hint)));
        }
        text
    }
}

/// The error document, on one line.
pub(crate) fn as_json(code: &str, message: &str, hint: Option<&str>) -> String {
    let document = Document {
        error: Body {
            code,
            message,
            hint,
        },
    };
    let mut text = crate::json::to_line(&document);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_of_json_for_programs() {
        let failure = Failure::Refused {
            code: "conflict",
            message: "one\ntwo \x1b[31m".into(),
            hint: Some("force it".into()),
        };
        assert_eq!(
            failure.render(true),
            "{\"error\":{\"code\":\"conflict\",\"message\":\"one\\ntwo \\u001b[31m\",\"hint\":\"force it\"}}\n"
        );
        assert_eq!(
            failure.render(false),
            "strata: one\ntwo \\x1b[31m\nforce it\n"
        );
    }

    #[test]
    fn only_the_command_line_gives_two() {
        assert_eq!(Failure::Usage(String::new()).exit_code(), ExitCode::from(2));
        assert_eq!(
            Failure::Cancelled(String::new()).exit_code(),
            ExitCode::from(1)
        );
    }
}
