//! The monitor as a program of its own, for tests and for packages that give it a fixed path.

fn main() -> std::process::ExitCode {
    runtime::monitor::dispatch();
    std::process::ExitCode::from(125)
}
