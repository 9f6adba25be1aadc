//! Programs in containers that this window started: their output, their input, their end.
//!
//! They live here and not in the page: a page that looks at another tab, or is loaded anew, finds them again with the last of what
//! they wrote. They end with the window: the engine kills a program whose starter is gone, unless it was started to live on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use engine::{ContainerId, Control, Input, Output, RunningContainer};
use serde::Serialize;
use specta::Type;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::feed::Feed;
use crate::{Failure, Session};

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// The signal that nothing withstands.
const KILL: i32 = 9;

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramEnd {
    /// Its exit code, or 128 and the number of the signal that killed it; `null` where nobody saw it.
    pub(crate) code: Option<u8>,
    /// What else went wrong.
    pub(crate) failure: Option<Failure>,
}

/// A program in a container, as the page knows it.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TerminalRow {
    /// Names it to the commands.
    pub(crate) id: String,
    /// What runs, as it was written; empty for the container's own command.
    pub(crate) title: String,
    /// Whether it is the container's first program, with which the container ends.
    pub(crate) first: bool,
    /// Whether it has a terminal; without one its lines end as in a file, and it has no size.
    pub(crate) terminal: bool,
    /// How it ended; `null` while it runs.
    pub(crate) ended: Option<ProgramEnd>,
}

/// A program that was started here.
pub(crate) struct Terminal {
    row: TerminalRow,
    container: ContainerId,
    control: Control,
    input: tokio::sync::Mutex<Option<Input>>,
    feed: Arc<Feed<ProgramEnd>>,
}

/// What kind of program is started.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub(crate) title: String,
    pub(crate) first: bool,
    pub(crate) terminal: bool,
}

/// The programs that were started here, and the pages that look at them.
#[derive(Default)]
pub(crate) struct Terminals {
    numbers: AtomicU64,
    known: Mutex<Vec<Arc<Terminal>>>,
    views: Mutex<HashMap<String, Weak<Feed<ProgramEnd>>>>,
}

impl Terminals {
    /// Keeps a program that has just started, and attends to it until it has ended. One that ended before it in the same place is
    /// forgotten.
    pub(crate) fn keep(
        &self,
        session: &Session,
        mut process: RunningContainer,
        started: Started,
    ) -> Arc<Terminal> {
        let Started {
            title,
            first,
            terminal,
        } = started;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let kept = Arc::new(Terminal {
            row: TerminalRow {
                id: format!("t{number}"),
                title,
                first,
                terminal,
                ended: None,
            },
            container: process.id().clone(),
            control: process.control(),
            input: tokio::sync::Mutex::new(process.input.take()),
            feed: Arc::new(Feed::new()),
        });
        {
            let mut known = lock(&self.known);
            known.retain(|other| {
                other.container != kept.container || other.row.first != first || other.runs()
            });
            known.push(kept.clone());
        }
        tauri::async_runtime::spawn(attend(session.clone(), kept.clone(), process));
        kept
    }

    /// Returns the programs of a container, the oldest first.
    pub(crate) fn of(&self, container: &ContainerId) -> Vec<TerminalRow> {
        let known = lock(&self.known);
        let own = known.iter().filter(|kept| kept.container == *container);
        own.map(|kept| kept.row()).collect()
    }

    /// Returns a program.
    ///
    /// # Errors
    /// `not_found`.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Terminal>, Failure> {
        let known = lock(&self.known);
        let found = known.iter().find(|kept| kept.row.id == id);
        found
            .cloned()
            .ok_or_else(|| Failure::new("not_found", "The program is not here any more."))
    }

    /// Forgets a program that has ended.
    pub(crate) fn forget(&self, id: &str) {
        lock(&self.known).retain(|kept| kept.row.id != id || kept.runs());
    }

    /// Notes which feed a page looks at under a name.
    pub(crate) fn note_view(&self, name: &str, feed: &Arc<Feed<ProgramEnd>>) {
        let mut views = lock(&self.views);
        views.retain(|_, feed| feed.strong_count() > 0);
        views.insert(name.to_owned(), Arc::downgrade(feed));
    }

    /// Returns the feed that a page looks at; none where that has gone meanwhile.
    pub(crate) fn viewed(&self, name: &str) -> Option<Arc<Feed<ProgramEnd>>> {
        lock(&self.views).get(name).and_then(Weak::upgrade)
    }

    /// Forgets what a page looked at.
    pub(crate) fn close_view(&self, name: &str) {
        let feed = lock(&self.views).remove(name);
        if let Some(feed) = feed.and_then(|feed| feed.upgrade()) {
            feed.close(name);
        }
    }

    /// Forgets what any page looked at: it was loaded anew.
    pub(crate) fn close_views(&self) {
        let views = std::mem::take(&mut *lock(&self.views));
        for feed in views.into_values().filter_map(|feed| feed.upgrade()) {
            feed.close_all();
        }
    }
}

impl Terminal {
    /// Describes it.
    pub(crate) fn row(&self) -> TerminalRow {
        TerminalRow {
            ended: self.feed.ended(),
            ..self.row.clone()
        }
    }

    fn runs(&self) -> bool {
        self.feed.ended().is_none()
    }

    pub(crate) fn feed(&self) -> &Arc<Feed<ProgramEnd>> {
        &self.feed
    }

    /// Sends what was typed. What comes after the end is lost, as in any terminal.
    pub(crate) async fn send(&self, bytes: &[u8]) {
        let mut input = self.input.lock().await;
        if let Some(open) = input.as_mut()
            && let Err(error) = open.write_all(bytes).await
        {
            tracing::debug!(%error, "a program takes no input any more");
            *input = None;
        }
    }

    /// Ends the input of a program without a terminal.
    pub(crate) async fn end_input(&self) {
        *self.input.lock().await = None;
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.control.resize(rows, columns);
    }

    /// Kills the program, the whole container where it is its first one.
    ///
    /// # Errors
    /// `conflict` where it has ended.
    pub(crate) async fn kill(&self) -> Result<(), Failure> {
        let killed = self.control.signal(KILL).await;
        Ok(killed.map_err(engine::Error::from)?)
    }
}

/// Passes on what a program writes until it has ended.
async fn attend(session: Session, terminal: Arc<Terminal>, mut process: RunningContainer) {
    let feed = terminal.feed();
    let out = pass(process.output.take(), feed);
    let errors = pass(process.errors.take(), feed);
    let ((), (), ended) = tokio::join!(out, errors, process.wait());
    terminal.end_input().await;
    feed.end(match ended {
        Ok(code) => ProgramEnd {
            code: Some(code),
            failure: None,
        },
        Err(error) => ProgramEnd {
            code: None,
            failure: Some(error.into()),
        },
    });
    session.changed();
}

async fn pass(from: Option<Output>, feed: &Feed<ProgramEnd>) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; PIECE];
    // The end of a terminal is an error.
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        feed.take(&buffer[..count]).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
