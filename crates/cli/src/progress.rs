//! Showing how far an operation is, on standard error.

mod bars;
mod lines;
mod objects;

use std::io::IsTerminal as _;

use engine::{NoProgress, Progress};

use crate::arguments::{Global, ProgressStyle};

/// Chooses how progress is shown.
///
/// A program that asked for JSON reads standard error for the error document, so nothing else is written there unless it
/// was asked for by name.
pub(crate) fn listener(global: &Global, operation: &'static str) -> Box<dyn Progress> {
    let style = match global.progress {
        ProgressStyle::Auto if global.quiet => ProgressStyle::None,
        ProgressStyle::Auto if std::io::stderr().is_terminal() => {
            return Box::new(bars::Bars::new());
        }
        ProgressStyle::Auto if global.json => ProgressStyle::None,
        ProgressStyle::Auto => ProgressStyle::Plain,
        chosen => chosen,
    };
    match style {
        ProgressStyle::Json => Box::new(objects::Objects::new(operation, std::io::stderr())),
        ProgressStyle::Plain => Box::new(lines::Lines::new(operation, std::io::stderr())),
        ProgressStyle::Auto | ProgressStyle::None => Box::new(NoProgress),
    }
}
