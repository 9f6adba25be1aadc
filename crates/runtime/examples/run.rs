//! Runs a command in a folder that is an image's files: what a benchmark or a hand that tries something needs.
//!
//! `cargo run -p runtime --example run -- ROOT FOLDER COMMAND…`; with `--rm` before them the container goes away at the end.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    runtime::monitor::dispatch();
    let threads = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    threads.expect("the system lets it wait").block_on(run())
}

#[cfg(target_os = "linux")]
async fn run() -> std::process::ExitCode {
    use std::io::Write;
    use std::path::PathBuf;

    use runtime::{RunOptions, RunSpec, Runtime, Settings, Start};

    let mut arguments = std::env::args().skip(1).peekable();
    let remove = arguments.next_if(|argument| argument == "--rm").is_some();
    let (Some(root), Some(folder)) = (arguments.next(), arguments.next()) else {
        return std::process::ExitCode::from(2);
    };
    let folder = PathBuf::from(folder);
    let settings = Settings {
        path: std::env::var_os("PATH").unwrap_or_default(),
        monitor: std::env::current_exe().unwrap_or_default(),
        volumes: folder.join("volumes"),
        roots: folder.join("roots"),
    };
    let options = RunOptions {
        command: arguments.collect(),
        ..RunOptions::default()
    };
    let ran = async {
        let spec = RunSpec::new(&oci::ContainerConfig::default(), &options)?;
        let lower = vec![PathBuf::from(root)];
        let runtime = Runtime::open(settings)?;
        let start = Start {
            folder,
            lower,
            spec,
            detached: false,
            remove,
            log: None,
        };
        let mut running: runtime::Running = Box::pin(runtime.start(start)).await?;
        let (output, errors) = (running.output.take(), running.errors.take());
        let (_, _, code) = tokio::join!(
            pass(output, std::io::stdout()),
            pass(errors, std::io::stderr()),
            running.wait()
        );
        code
    };
    match ran.await {
        Ok(code) => std::process::ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            std::process::ExitCode::from(error.exit_code())
        }
    }
}

/// Passes on what a process writes.
#[cfg(target_os = "linux")]
async fn pass(from: Option<tokio::net::unix::pipe::Receiver>, mut to: impl std::io::Write) {
    use tokio::io::AsyncReadExt;

    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let _ = to.write_all(&buffer[..count]);
    }
    let _ = to.flush();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
