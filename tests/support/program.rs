//! Programs that a test starts, and that end with it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running program; killed by its process id when dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it. `package` is named when it is not there.
    pub(crate) fn start(command: &mut Command, package: &str) -> Running {
        let program = command.get_program().to_owned();
        let child = command.stdin(Stdio::null()).spawn();
        Running(child.unwrap_or_else(|error| {
            panic!(
                "{}: {error}. It is in Debian's package {package}.",
                program.display()
            )
        }))
    }

    /// Starts it and returns the first line that it prints.
    pub(crate) fn start_and_read(command: &mut Command, package: &str) -> (Running, String) {
        let mut running = Running::start(command.stdout(Stdio::piped()), package);
        let output = running.0.stdout.as_mut().expect("piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        (running, line.trim().to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
