//! Telling the window that the store has changed, by whichever program.

use std::time::Duration;

use engine::Engine;
use tauri::{AppHandle, Runtime};
use tauri_specta::Event as _;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use crate::Session;
use crate::contract::StoreChanged;
use crate::session::Opening;

/// How often other programs' changes are looked for. A look reads one number.
const PERIOD: Duration = Duration::from_millis(500);

/// How often what nothing holds any more is freed, and how long after the start for the first time.
const COLLECT: Duration = Duration::from_secs(3600);
const COLLECT_FIRST: Duration = Duration::from_secs(60);

/// Watches the store for as long as the program runs.
pub(crate) fn start<R: Runtime>(app: &AppHandle<R>, session: &Session) {
    let app = app.clone();
    let session = session.clone();
    tauri::async_runtime::spawn(async move {
        let told = |generation| {
            if let Err(error) = (StoreChanged { generation }).emit(&app) {
                tracing::warn!(%error, "the window did not hear of a change");
            }
        };
        watch(&session, told).await;
    });
}

/// Calls `changed` once after every change, and when another store is opened.
pub(crate) async fn watch(session: &Session, changed: impl Fn(u64)) {
    let mut openings = session.openings();
    let mut clock = interval(PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut collect = interval_at(Instant::now() + COLLECT_FIRST, COLLECT);
    let mut last = None;
    let mut running = false;
    // What the first engine holds is no change, but what another one holds is.
    let mut first = true;
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            () = session.until_changed() => {}
            _ = collect.tick() => {
                let opening = openings.borrow().clone();
                free(&opening).await;
            }
            reopened = openings.changed() => {
                if reopened.is_err() {
                    return;
                }
                last = None;
            }
        }
        let Opening::Open(engine) = openings.borrow().clone() else {
            continue;
        };
        // An end is noted by who looks.
        if running {
            running = any_runs(&engine).await;
        }
        match engine.generation().await {
            Ok(generation) if last == Some(generation) => {}
            Ok(generation) => {
                if last.is_some() || !first {
                    changed(generation);
                }
                first = false;
                last = Some(generation);
                running = any_runs(&engine).await;
            }
            // It is asked again soon, and every command tells the user why.
            Err(error) => tracing::debug!(%error, "the store's generation cannot be read"),
        }
    }
}

/// Notes of containers that have ended that they did, and tells whether any runs still.
async fn any_runs(engine: &Engine) -> bool {
    match engine.containers().await {
        Ok(containers) => containers
            .iter()
            .any(|container| container.status.is_running()),
        Err(error) => {
            tracing::debug!(%error, "it cannot be seen whether a container runs");
            false
        }
    }
}

async fn free(opening: &Opening) {
    let Opening::Open(engine) = opening else {
        return;
    };
    if !engine.status().read_only
        && let Err(error) = engine.collect().await
    {
        tracing::warn!(%error, "what is not needed any more could not be freed");
    }
}
