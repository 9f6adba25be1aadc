//! What the commands work on: the engine once it is open, the settings, the plans that were shown.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use engine::{Engine, EnginePlace};
use tokio::sync::{Notify, watch};

use crate::commands::store::StorePlaceFrom;
use crate::comparisons::Comparisons;
use crate::desktop::{Choice, Desktop, Notice};
use crate::drag_out::{Dragged, DraggedFiles, DraggedWhat};
use crate::error::caught;
use crate::files::{Files, GivenFile};
use crate::launch::{Launch, store_key};
use crate::looks::Looks;
use crate::outlines::Outlines;
use crate::plans::{Kept, KeptPlace, Plans};
use crate::progress::ChannelSink;
use crate::settings::{Settings, SettingsFile};
use crate::terminals::Terminals;
use crate::{Failure, Operations};

/// What the commands work on. Cloning gives the same session.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    launch: Launch,
    settings: SettingsFile,
    engine: watch::Sender<Opening>,
    openings: AtomicU64,
    plans: Plans<Kept>,
    comparisons: Comparisons,
    looks: Looks,
    place_plans: Plans<KeptPlace>,
    places: Mutex<HashMap<String, EnginePlace>>,
    files: Files,
    outlines: Outlines,
    dragged: DraggedFiles,
    dragging: AtomicBool,
    terminals: Terminals,
    desktop: Desktop,
    changed: Notify,
    started: Instant,
}

/// The engine, or why there is none.
#[derive(Clone)]
pub(crate) enum Opening {
    Underway,
    Open(Engine),
    Failed(Failure),
}

impl Session {
    /// Reads the settings. The engine is opened by [`Session::open`].
    #[must_use]
    pub fn new(launch: Launch, desktop: Desktop) -> Session {
        let settings = SettingsFile::open(launch.settings_file.clone());
        let told = launch.engine_settings(&settings.current()).ok();
        // Files of one window only: the next start on this store sweeps them.
        let dragged = told.map(|told| launch.dragged_files.join(store_key(&told.store_root)));
        let shared = Shared {
            launch,
            settings,
            engine: watch::Sender::new(Opening::Underway),
            openings: AtomicU64::new(0),
            plans: Plans::default(),
            comparisons: Comparisons::default(),
            looks: Looks::default(),
            place_plans: Plans::default(),
            places: Mutex::default(),
            files: Files::default(),
            outlines: Outlines::default(),
            dragged: DraggedFiles::in_folder(dragged),
            dragging: AtomicBool::new(false),
            terminals: Terminals::default(),
            desktop,
            changed: Notify::new(),
            started: Instant::now(),
        };
        Session {
            shared: Arc::new(shared),
        }
    }

    /// Opens the engine that the settings name, and returns at once: commands wait for it.
    ///
    /// Work that is under way goes on with the engine that it began with.
    pub fn open(&self) {
        let turn = self.shared.openings.fetch_add(1, Ordering::SeqCst) + 1;
        self.shared.engine.send_replace(Opening::Underway);
        // They belong to the engine that is left.
        self.connections().clear();
        let session = self.clone();
        tauri::async_runtime::spawn(async move {
            let settings = session.settings();
            let opened = caught(async {
                let told = session.shared.launch.engine_settings(&settings);
                let told = told.map_err(|error| Failure::new("usage", error.to_string()))?;
                Ok(Engine::open(told).await?)
            });
            let state = match opened.await {
                Ok(engine) => Opening::Open(engine),
                Err(failure) => Opening::Failed(failure),
            };
            // An opening that was overtaken by the next one has nothing to say any more.
            if session.shared.openings.load(Ordering::SeqCst) == turn {
                session.shared.engine.send_replace(state);
            }
        });
    }

    /// Runs a command's work on the engine, as soon as that is open.
    ///
    /// # Errors
    /// The work's own, those of opening the store, and `internal` for a panic.
    pub(crate) async fn with<T, W>(&self, work: impl FnOnce(Engine) -> W) -> Result<T, Failure>
    where
        W: Future<Output = Result<T, Failure>>,
    {
        caught(async { work(self.engine().await?).await }).await
    }

    /// Runs work that changes the store, and lets the window hear of it without delay.
    ///
    /// Also where the work fails: it may have changed something before.
    ///
    /// # Errors
    /// As [`Session::with`].
    pub(crate) async fn change<T, W>(&self, work: impl FnOnce(Engine) -> W) -> Result<T, Failure>
    where
        W: Future<Output = Result<T, Failure>>,
    {
        let outcome = self.with(work).await;
        self.changed();
        outcome
    }

    /// Follows a verb to its end: the page hears from `sink` how far it is and can cancel it, and the user gets the notice of its
    /// end. One that is cancelled ends without a notice; one that is being recorded is no longer cancelled.
    ///
    /// # Errors
    /// As [`Operations::run`].
    pub(crate) fn follow<Done, Outcome>(
        &self,
        operations: &Operations,
        operation: &str,
        sink: &ChannelSink,
        verb: impl Future<Output = Result<Done, engine::Error>>,
        notice: impl FnOnce(&Result<Outcome, Failure>) -> Notice,
    ) -> impl Future<Output = Result<Outcome, Failure>>
    where
        Outcome: From<Done>,
    {
        // Verbs are large, and this one would be moved several times.
        let verb = Box::pin(verb);
        let followed = async move {
            let outcome = sink.tell(verb).await;
            let outcome = outcome.map(Outcome::from).map_err(Failure::from);
            self.announce_end(notice(&outcome));
            outcome
        };
        operations.run_to(operation, followed, || sink.is_recording())
    }

    async fn engine(&self) -> Result<Engine, Failure> {
        let mut engine = self.shared.engine.subscribe();
        let state = engine
            .wait_for(|state| !matches!(state, Opening::Underway))
            .await;
        match state.as_deref() {
            Ok(Opening::Open(engine)) => Ok(engine.clone()),
            Ok(Opening::Failed(failure)) => Err(failure.clone()),
            // The sender lives as long as the session.
            Ok(Opening::Underway) | Err(_) => Err(Failure::new("internal", "The store is closed.")),
        }
    }

    /// Opens the engine again if the last attempt failed, so that asking for the status again is trying again.
    pub(crate) fn retry(&self) {
        let failed = matches!(*self.shared.engine.borrow(), Opening::Failed(_));
        if failed {
            self.open();
        }
    }

    /// Hears of every opening of an engine.
    pub(crate) fn openings(&self) -> watch::Receiver<Opening> {
        self.shared.engine.subscribe()
    }

    /// Says that this program has changed the store, so that the window hears of it without delay.
    pub(crate) fn changed(&self) {
        self.shared.changed.notify_one();
    }

    /// Waits until [`Session::changed`] is called.
    pub(crate) async fn until_changed(&self) {
        self.shared.changed.notified().await;
    }

    /// The plans for the store that were shown.
    pub(crate) fn plans(&self) -> &Plans<Kept> {
        &self.shared.plans
    }

    /// The plans for engines elsewhere that were shown.
    pub(crate) fn place_plans(&self) -> &Plans<KeptPlace> {
        &self.shared.place_plans
    }

    pub(crate) fn comparisons(&self) -> &Comparisons {
        &self.shared.comparisons
    }

    pub(crate) fn looks(&self) -> &Looks {
        &self.shared.looks
    }

    /// The programs in containers that this window started.
    pub(crate) fn terminals(&self) -> &Terminals {
        &self.shared.terminals
    }

    /// Tells the value of a variable of this program's environment, where it is text.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let value = (self.shared.launch.environment)(name)?;
        value.into_string().ok()
    }

    /// Returns the connection to an engine elsewhere, where one was made.
    pub(crate) fn place(&self, id: &str) -> Option<EnginePlace> {
        self.connections().get(id).cloned()
    }

    /// Keeps the connection to an engine elsewhere for the next question.
    pub(crate) fn keep_place(&self, id: &str, place: EnginePlace) {
        self.connections().insert(id.to_owned(), place);
    }

    /// Lets go of the connections to engines that are not there any more, or somewhere else by now.
    pub(crate) fn keep_places_at(&self, is_there: impl Fn(&str, &str) -> bool) {
        self.connections()
            .retain(|id, place| is_there(id, place.address()));
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, HashMap<String, EnginePlace>> {
        self.shared
            .places
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a registry that the user signed in to. Where that cannot be written, it is only missing in the list.
    pub(crate) fn note_registry(&self, host: &str) {
        let mut next = self.settings();
        if next.registries.iter().any(|known| known == host) {
            return;
        }
        next.registries.push(host.to_owned());
        if let Err(failure) = self.save_settings(&next) {
            tracing::warn!(%failure, host, "a registry is not remembered");
        }
    }

    /// Forgets a registry that the user signed in to or added. Logins are not touched.
    pub(crate) fn forget_registry(&self, host: &str) -> Result<(), Failure> {
        let mut next = self.settings();
        next.registries.retain(|known| known != host);
        self.save_settings(&next)?;
        Ok(())
    }

    /// Tells the settings that are in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.shared.settings.current()
    }

    pub(crate) fn store_place_from(&self) -> StorePlaceFrom {
        self.shared.launch.store_place(&self.settings()).1
    }

    /// Tells in which folder the store is or will be, where that is known.
    #[must_use]
    pub fn store_root(&self) -> Option<PathBuf> {
        let settings = self.shared.launch.engine_settings(&self.settings());
        settings.ok().map(|settings| settings.store_root)
    }

    /// Tells whether the store is the one that a start without arguments and environment opens.
    pub(crate) fn is_usual_store(&self) -> bool {
        let from = self.store_place_from();
        matches!(from, StorePlaceFrom::Settings | StorePlaceFrom::Default)
    }

    /// Saves the settings, and opens the engine anew where they concern it.
    pub(crate) fn save_settings(&self, next: &Settings) -> Result<Settings, Failure> {
        let before = self.shared.settings.save(next)?;
        if before.engine_differs(next) {
            self.open();
        }
        Ok(self.settings())
    }

    /// Returns the trees of images that were drawn last.
    pub(crate) fn outlines(&self) -> Outlines {
        self.shared.outlines.clone()
    }

    /// Keeps a file that the user dropped.
    pub(crate) fn give(&self, path: PathBuf) -> GivenFile {
        self.shared.files.keep(path)
    }

    /// Returns the path of a file that the user gave.
    pub(crate) fn file(&self, token: &str) -> Result<PathBuf, Failure> {
        self.shared.files.path(token)
    }

    /// The files that are dragged out of the window.
    pub(crate) fn dragged(&self) -> &DraggedFiles {
        &self.shared.dragged
    }

    /// Tells whether images and files can be dragged out of the window.
    pub(crate) fn drags_out(&self) -> bool {
        self.shared.desktop.drag.is_some()
    }

    /// Lets the pointer take something out of the window, as a file that is called so.
    ///
    /// # Errors
    /// `unsupported` where the desktop has no way for it, and those of [`DraggedFiles::place`].
    pub(crate) fn drag_out(&self, what: DraggedWhat, name: &str) -> Result<(), Failure> {
        let Some(drag) = &self.shared.desktop.drag else {
            let words = "Nothing can be dragged out of the window on this system.";
            return Err(Failure::new("unsupported", words).with_hint("Save it instead."));
        };
        let file = self.shared.dragged.place(name)?;
        drag(self.clone(), Dragged { what, file });
        Ok(())
    }

    /// Notes whether the pointer holds something of this window.
    #[cfg(target_os = "linux")]
    pub(crate) fn drag_underway(&self, underway: bool) {
        self.shared.dragging.store(underway, Ordering::SeqCst);
    }

    /// Tells whether the pointer holds something of this window.
    pub(crate) fn is_dragging(&self) -> bool {
        self.shared.dragging.load(Ordering::SeqCst)
    }

    /// Lets the user choose files in a system dialog; the page gets a token for each.
    pub(crate) async fn choose_files(&self, choice: Choice) -> Vec<GivenFile> {
        let chosen = (self.shared.desktop.choose)(choice).await;
        chosen.into_iter().map(|path| self.give(path)).collect()
    }

    /// Lets the user choose in a system dialog; what they choose may stand in the settings.
    pub(crate) async fn choose(&self, choice: Choice) -> Result<Vec<String>, Failure> {
        let chosen = (self.shared.desktop.choose)(choice).await;
        let texts: Result<Vec<String>, PathBuf> = chosen
            .into_iter()
            .map(|path| path.into_os_string().into_string().map_err(PathBuf::from))
            .collect();
        let texts = texts.map_err(|path| {
            let words = format!("The name {} cannot be written as text.", path.display());
            Failure::new("usage", words).with_hint("Choose a path whose name is valid Unicode.")
        })?;
        self.shared.settings.chosen(&texts);
        Ok(texts)
    }

    /// Tells the user the end of an operation, if they want notifications.
    pub(crate) fn announce_end(&self, notice: Notice) {
        if self.settings().notifications {
            (self.shared.desktop.announce)(notice);
        }
    }

    /// Draws everything in the window at a part of its usual size, in percent.
    pub(crate) fn zoom(&self, percent: u32) {
        (self.shared.desktop.zoom)(percent);
    }

    /// Notes that the window shows its first real frame.
    pub(crate) fn painted(&self) {
        let elapsed = self.shared.started.elapsed();
        tracing::info!(milliseconds = elapsed.as_millis(), "first paint");
    }
}
