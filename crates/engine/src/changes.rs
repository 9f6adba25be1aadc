//! The changes of `import -c` and `commit -c`: single Dockerfile instructions, applied to an image's settings.
//!
//! What they mean is what docker's `builder/dockerfile/dispatchers.go` does with them, measured with version 20.10.

mod apply;
mod healthcheck;
mod words;

use serde_json::{Map, Value};

use self::words::Pair;

/// One instruction that changes how a container of an image runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Cmd(Vec<String>),
    Entrypoint(Vec<String>),
    Env(Vec<Pair>),
    Expose(Vec<String>),
    Label(Vec<Pair>),
    OnBuild(String),
    User(String),
    Volume(Vec<String>),
    WorkDir(String),
    Healthcheck(Value),
    StopSignal(String),
}

/// Why a text is no change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The instruction is none that may change an image's settings.
    #[error("{instruction} is not a valid change command")]
    Unknown {
        /// The instruction, cut to 50 characters.
        instruction: String,
    },
    /// The instruction needs something behind it.
    #[error("{instruction} requires {wants}")]
    Wants {
        /// The instruction.
        instruction: &'static str,
        /// What is missing.
        wants: &'static str,
    },
    /// A word cannot be understood.
    #[error("{instruction}: {word:?} {problem}")]
    Word {
        /// The instruction.
        instruction: &'static str,
        /// The word, cut to 200 characters.
        word: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Instructions that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Changes {
    changes: Vec<Change>,
}

impl Changes {
    /// Reads one instruction from each text.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, ChangeError> {
        let changes = texts
            .iter()
            .filter(|text| !text.trim().is_empty())
            .map(|text| parse(text))
            .collect::<Result<_, _>>()?;
        Ok(Self { changes })
    }

    /// Applies them to the settings of an image, one after the other. Fields that no instruction names stay as they are.
    pub(crate) fn apply(&self, config: &mut Map<String, Value>) -> Result<(), ChangeError> {
        for change in &self.changes {
            apply::apply(change, config)?;
        }
        // An entrypoint of one's own makes no sense of the old arguments, wherever it stands.
        let sets = |wanted: fn(&Change) -> bool| self.changes.iter().any(wanted);
        if sets(|change| matches!(change, Change::Entrypoint(words) if !words.is_empty()))
            && !sets(|change| matches!(change, Change::Cmd(_)))
        {
            config.remove("Cmd");
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<Change, ChangeError> {
    let text = text.trim();
    let (name, rest) = text
        .split_once(char::is_whitespace)
        .map_or((text, ""), |(name, rest)| (name, rest.trim()));
    let some = |instruction, wants| match rest {
        "" => Err(ChangeError::Wants { instruction, wants }),
        rest => Ok(rest.to_owned()),
    };
    Ok(match name.to_ascii_uppercase().as_str() {
        "CMD" => Change::Cmd(command(rest)),
        "ENTRYPOINT" => Change::Entrypoint(command(rest)),
        "ENV" => Change::Env(words::pairs("ENV", rest)?),
        "EXPOSE" => {
            some("EXPOSE", "at least one argument")?;
            Change::Expose(words::split(rest))
        }
        "LABEL" => Change::Label(words::pairs("LABEL", rest)?),
        "ONBUILD" => {
            let trigger = some("ONBUILD", "an instruction")?;
            let first = trigger.split_whitespace().next().unwrap_or_default();
            if ["ONBUILD", "FROM", "MAINTAINER"]
                .iter()
                .any(|refused| first.eq_ignore_ascii_case(refused))
            {
                return Err(ChangeError::Word {
                    instruction: "ONBUILD",
                    word: first.to_owned(),
                    problem: "is not allowed as a trigger",
                });
            }
            Change::OnBuild(trigger)
        }
        "USER" => Change::User(some("USER", "exactly one argument")?),
        "VOLUME" => {
            some("VOLUME", "at least one argument")?;
            Change::Volume(json_words(rest).unwrap_or_else(|| words::split(rest)))
        }
        "WORKDIR" => Change::WorkDir(some("WORKDIR", "exactly one argument")?),
        "HEALTHCHECK" => Change::Healthcheck(healthcheck::parse(rest)?),
        "STOPSIGNAL" => Change::StopSignal(some("STOPSIGNAL", "exactly one argument")?),
        _ => {
            return Err(ChangeError::Unknown {
                instruction: name.chars().take(50).collect(),
            });
        }
    })
}

/// Reads what a command is: a JSON list of words, or a line for the shell.
fn command(rest: &str) -> Vec<String> {
    match json_words(rest) {
        Some(words) => words,
        None if rest.is_empty() => Vec::new(),
        None => ["/bin/sh", "-c", rest].map(str::to_owned).to_vec(),
    }
}

/// Reads a JSON list of texts; anything else is no list but a line.
fn json_words(rest: &str) -> Option<Vec<String>> {
    rest.starts_with('[')
        .then(|| serde_json::from_str(rest).ok())
        .flatten()
}

#[cfg(test)]
mod tests;
