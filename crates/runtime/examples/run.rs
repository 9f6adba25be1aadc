//! Runs a command on a folder or a plain tar that is an image's files: what a benchmark or a hand that tries something needs.
//!
//! `cargo run -p runtime --example run -- [--rm] [--network none|host|private] ROOT FOLDER COMMAND…`, where FOLDER is the container's.

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
    let mut network = runtime::Network::None;
    if arguments
        .next_if(|argument| argument == "--network")
        .is_some()
    {
        let name = arguments.next().unwrap_or_default();
        let Ok(named) = name.parse() else {
            return std::process::ExitCode::from(2);
        };
        network = named;
    }
    let (Some(root), Some(folder)) = (arguments.next(), arguments.next()) else {
        return std::process::ExitCode::from(2);
    };
    let folder = PathBuf::from(folder);
    let settings = Settings {
        path: std::env::var_os("PATH").unwrap_or_default(),
        monitor: std::env::current_exe().unwrap_or_default(),
        volumes: folder.join("volumes"),
        roots: folder.with_extension("roots"),
    };
    let options = RunOptions {
        command: arguments.collect(),
        network,
        ..RunOptions::default()
    };
    let ran = async {
        let spec = RunSpec::new(&oci::ContainerConfig::default(), &options)?;
        let runtime = Runtime::open(settings)?;
        let lower = vec![files(&runtime, PathBuf::from(root), &folder).await?];
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

/// Returns the folder with the image's files, unpacked if it is a tar.
#[cfg(target_os = "linux")]
async fn files(
    runtime: &runtime::Runtime,
    root: std::path::PathBuf,
    folder: &std::path::Path,
) -> Result<std::path::PathBuf, runtime::Error> {
    if root.is_dir() {
        return Ok(root);
    }
    let index = folder.with_extension("index");
    let scanned = std::fs::File::open(&root)
        .and_then(|tar| Ok((tar, std::fs::File::create(&index)?)))
        .map_err(runtime::Error::Monitor)?;
    let (_, facts) = layer::scan(scanned.0, scanned.1).expect("it is a layer");
    runtime
        .unpack(&facts.diff_id, vec![(root, index)], &|_| ())
        .await
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
