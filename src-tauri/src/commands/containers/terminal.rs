//! Running programs in containers: start, type, look, stop.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{ContainerId, Engine, ExecOptions, LogReader, StartRequest, run_options};
use serde::Deserialize;
use specta::Type;
use tauri::{State, ipc::Channel};

use super::id_of;
use crate::feed::{Feed, RawBytes};
use crate::terminals::{ProgramEnd, Started, TerminalRow};
use crate::{Failure, Operations, Session};

/// How often the page hears how much of an image is unpacked.
const PERIOD: Duration = Duration::from_millis(100);

/// How often a log is looked at for more.
const LOOK: Duration = Duration::from_millis(100);

/// How long a container may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
}

/// Starts a container in a terminal of the window; it ends with the window. `on_unpacked` hears how many bytes of the image are
/// unpacked, which happens once for all its containers.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_in_terminal(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    container: String,
    size: TerminalSize,
    on_unpacked: Channel<u64>,
) -> Result<TerminalRow, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    session
        .change(|engine| async move {
            let id = id_of(&container)?;
            let request = StartRequest {
                detached: false,
                stdin: true,
                terminal: true,
            };
            let started = operations.run(&operation, start(&engine, &id, request, on_unpacked));
            let process = Box::pin(started).await?;
            process.control().resize(size.rows, size.columns);
            let started = Started {
                title: String::new(),
                first: true,
                terminal: true,
            };
            Ok(session.terminals().keep(session, process, started).row())
        })
        .await
}

/// Starts a container that lives on when the window is closed, as its options say. What it writes is in its log.
#[tauri::command]
#[specta::specta]
pub(crate) async fn start_in_background(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    container: String,
    on_unpacked: Channel<u64>,
) -> Result<(), Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    session
        .change(|engine| async move {
            let id = id_of(&container)?;
            let request = StartRequest {
                detached: true,
                ..StartRequest::default()
            };
            let started = operations.run(&operation, start(&engine, &id, request, on_unpacked));
            let mut process = Box::pin(started).await?;
            // Nobody reads it here, and the log has it.
            drop((
                process.input.take(),
                process.output.take(),
                process.errors.take(),
            ));
            let session = session.clone();
            tauri::async_runtime::spawn(async move {
                if let Err(error) = process.wait().await {
                    tracing::warn!(%error, "the end of a container was not seen");
                }
                session.changed();
            });
            Ok(())
        })
        .await
}

async fn start(
    engine: &Engine,
    id: &ContainerId,
    request: StartRequest,
    on_unpacked: Channel<u64>,
) -> Result<engine::RunningContainer, engine::Error> {
    let last: Mutex<Option<Instant>> = Mutex::default();
    let told = move |bytes: u64| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < PERIOD) {
            return;
        }
        *last = Some(Instant::now());
        if let Err(error) = on_unpacked.send(bytes) {
            tracing::debug!(%error, "the window does not hear how much is unpacked");
        }
    };
    Box::pin(engine.start_container(id, request, &told)).await
}

/// Runs one more command in a container that runs, written as in a shell, in a terminal of its own.
#[tauri::command]
#[specta::specta]
pub(crate) async fn exec_in_container(
    session: State<'_, Session>,
    container: String,
    command: String,
    size: TerminalSize,
) -> Result<TerminalRow, Failure> {
    let session = session.inner();
    session
        .with(|engine| async move {
            let arguments =
                engine::split_words(&command).map_err(|problem| Failure::new("usage", problem))?;
            let options = ExecOptions {
                arguments,
                terminal: true,
                stdin: true,
                ..ExecOptions::default()
            };
            let process = Box::pin(engine.exec_container(&id_of(&container)?, options)).await?;
            process.control().resize(size.rows, size.columns);
            let started = Started {
                title: command.trim().to_owned(),
                first: false,
                terminal: true,
            };
            Ok(session.terminals().keep(session, process, started).row())
        })
        .await
}

/// Lists the programs that this window started in a container, the oldest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn terminals(
    session: State<'_, Session>,
    container: String,
) -> Result<Vec<TerminalRow>, Failure> {
    Ok(session.terminals().of(&id_of(&container)?))
}

/// Sends what a program wrote and writes, raw and in few messages, until it ends; `null` where another view took the place of this
/// one, or it was closed. The page says by `view_drawn` how far it is, and gets no more than it can draw.
#[tauri::command]
#[specta::specta]
pub(crate) async fn view_terminal(
    session: State<'_, Session>,
    terminal: String,
    view: String,
    on_output: Channel<RawBytes>,
) -> Result<Option<ProgramEnd>, Failure> {
    let terminal = session.terminals().get(&terminal)?;
    session.terminals().note_view(&view, terminal.feed());
    Ok(terminal.feed().show(&view, &on_output).await)
}

/// Sends what a container wrote, the last of it, and what it writes until it ends; as `view_terminal`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn view_log(
    session: State<'_, Session>,
    container: String,
    view: String,
    on_output: Channel<RawBytes>,
) -> Result<(), Failure> {
    let session = session.inner();
    session
        .with(|engine| async move {
            let id = id_of(&container)?;
            let reader = engine.container_logs(&id).await?;
            let feed = Arc::new(Feed::new());
            session.terminals().note_view(&view, &feed);
            tokio::select! {
                followed = follow(&engine, &id, reader, &feed) => {
                    followed?;
                }
                _ = feed.show(&view, &on_output) => return Ok(()),
            }
            Ok(())
        })
        .await
}

/// Notes how many bytes a view has drawn since it began.
#[tauri::command]
#[specta::specta]
pub(crate) async fn view_drawn(
    session: State<'_, Session>,
    view: String,
    bytes: u64,
) -> Result<(), Failure> {
    if let Some(feed) = session.terminals().viewed(&view) {
        feed.drawn(&view, bytes);
    }
    Ok(())
}

/// Closes a view. The program goes on, and what it writes is kept for the next one.
#[tauri::command]
#[specta::specta]
pub(crate) async fn close_view(session: State<'_, Session>, view: String) -> Result<(), Failure> {
    session.terminals().close_view(&view);
    Ok(())
}

/// Types into a program's terminal.
#[tauri::command]
#[specta::specta]
pub(crate) async fn terminal_input(
    session: State<'_, Session>,
    terminal: String,
    text: String,
) -> Result<(), Failure> {
    let terminal = session.terminals().get(&terminal)?;
    terminal.send(text.as_bytes()).await;
    Ok(())
}

/// Tells a program's terminal its size.
#[tauri::command]
#[specta::specta]
pub(crate) async fn terminal_resize(
    session: State<'_, Session>,
    terminal: String,
    size: TerminalSize,
) -> Result<(), Failure> {
    let terminal = session.terminals().get(&terminal)?;
    terminal.resize(size.rows, size.columns);
    Ok(())
}

/// Kills a program that this window started, and forgets one that has ended.
#[tauri::command]
#[specta::specta]
pub(crate) async fn close_terminal(
    session: State<'_, Session>,
    terminal: String,
) -> Result<(), Failure> {
    let known = session.terminals().get(&terminal)?;
    if known.feed().ended().is_none() {
        known.kill().await?;
    } else {
        session.terminals().forget(&terminal);
    }
    Ok(())
}

/// Asks a container to stop, and kills it when it has not within ten seconds.
#[tauri::command]
#[specta::specta]
pub(crate) async fn stop_container(
    session: State<'_, Session>,
    container: String,
) -> Result<(), Failure> {
    session
        .change(
            |engine| async move { Ok(engine.stop_container(&id_of(&container)?, PATIENCE).await?) },
        )
        .await
}

/// Sends a signal to a container's first program, by its name: `KILL`, `HUP`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn signal_container(
    session: State<'_, Session>,
    container: String,
    signal: String,
) -> Result<(), Failure> {
    session
        .change(|engine| async move {
            let number = run_options::parse_signal(&signal).map_err(engine::Error::from)?;
            Ok(engine.signal_container(&id_of(&container)?, number)?)
        })
        .await
}

/// Reads a log to its end and on, as long as the container runs.
async fn follow(
    engine: &Engine,
    id: &ContainerId,
    mut reader: LogReader,
    feed: &Feed<ProgramEnd>,
) -> Result<(), Failure> {
    loop {
        // What is written before its end is seen before.
        let goes_on = match engine.container(id.as_str()).await {
            Ok(container) => container.status.is_running(),
            Err(error) if error.code() == "not_found" => false,
            Err(error) => return Err(error.into()),
        };
        while let Some(line) = reader.next_line().map_err(|error| log_failed(&error))? {
            feed.take(&line.text).await;
        }
        if !goes_on {
            feed.end(ProgramEnd {
                code: None,
                failure: None,
            });
            // The view ends when it has all of it.
            return std::future::pending().await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn log_failed(error: &std::io::Error) -> Failure {
    Failure::new("io", format!("The log cannot be read: {error}."))
}
