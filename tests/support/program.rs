//! Programs that a test starts, and that end with it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running program; killed by its process id when dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it. `package` is named when it is not there.
    pub(crate) fn start(command: &mut Command, package: &str) -> Running {
        Running(spawn(command, package))
    }

    /// Starts one that is told a port of the loopback, and returns it and the port when it listens there.
    pub(crate) fn start_on_port(command: impl Fn(u16) -> Command, package: &str) -> (Running, u16) {
        let started = testkit::start_on_port(|port| spawn(&mut command(port), package));
        let (child, port) = started.expect("it listens");
        (Running(child), port)
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

fn spawn(command: &mut Command, package: &str) -> Child {
    let program = command.get_program().to_owned();
    let child = command.stdin(Stdio::null()).spawn();
    child.unwrap_or_else(|error| {
        panic!(
            "{}: {error}. It is in Debian's package {package}.",
            program.display()
        )
    })
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
