//! The command line: `strata`.
//!
//! Here live the environment, the clock and standard output; what the verbs mean is the engine's. The words that can be
//! typed are in [`arguments`], one file in [`verbs`] prints what each of them gives, and `docs/cli.md` promises it.

mod arguments;
mod failure;
mod json;
mod listing;
mod path;
mod progress;
mod session;
mod table;
mod template;
mod text;
mod verbs;

use std::{
    ffi::OsStr,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser as _, error::ErrorKind};

use crate::{arguments::Arguments, failure::Failure, session::Session};

fn main() -> ExitCode {
    engine::monitor::dispatch();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return not_understood(&error),
    };
    let json = arguments.global.json;
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            to_standard_error(&failure.render(json));
            failure.exit_code()
        }
    }
}

/// Standard output, as long as somebody reads it.
///
/// `strata images | head -1` has what it wants: there is nobody to complain to, and nothing to complain about. But the verb
/// goes on to its end, and its exit code says how that was.
struct Reader<W>(Option<W>);

impl<W: Write> Write for Reader<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(out) = &mut self.0 else {
            return Ok(bytes.len());
        };
        match out.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.0 = None;
                Ok(bytes.len())
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.as_mut().map_or(Ok(()), Write::flush) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.0 = None;
                Ok(())
            }
            other => other,
        }
    }
}

/// Runs the verb; what it prints goes out in one piece where it is short.
fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut out = io::BufWriter::with_capacity(1 << 16, Reader(Some(io::stdout().lock())));
    let session = Session::new(arguments.global);
    // A verb that fails half-way has printed what it did until then.
    let outcome = verbs::run(&session, arguments.verb, &mut out);
    let written = out.flush();
    outcome?;
    Ok(written?)
}

/// Help and version go to standard output; the rest is an error of the command line, in JSON if `--json` is among it.
fn not_understood(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == OsStr::new("--json"));
    let is_request = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if is_request || !wants_json {
        // Nobody left to read it is no error of ours.
        drop(error.print());
    } else {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let hint = "strata --help and strata VERB --help tell what can be typed.";
        to_standard_error(&failure::as_json("usage", message, Some(hint)));
    }
    if is_request {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    }
}

fn to_standard_error(text: &str) {
    // When standard error is gone, the exit code still tells.
    drop(io::stderr().write_all(text.as_bytes()));
}
