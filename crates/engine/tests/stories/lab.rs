//! A store of its own, an engine on it, and a registry that does as it is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use engine::{
    CheckOptions, Engine, Error, Event, ImageQuery, MovePolicy, NoProgress, Platform, Progress,
    PullRequest, Pulled, Reference, RetryPolicy, Settings,
};
use jiff::Timestamp;
use tempfile::TempDir;
use testkit::Registry;
use tokio::sync::Notify;

pub(crate) struct Lab {
    pub(crate) registry: Registry,
    pub(crate) engine: Engine,
    pub(crate) folder: TempDir,
}

impl Lab {
    pub(crate) async fn new() -> Lab {
        let folder = tempfile::tempdir().unwrap();
        Lab {
            registry: Registry::start(),
            engine: open(&folder.path().join("store")).await,
            folder,
        }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) async fn pull(&self, reference: &Reference) -> Result<Pulled, Error> {
        self.engine.pull(&request(reference), &NoProgress).await
    }

    /// The code of the error that a pull must end with.
    pub(crate) async fn refusal(&self, reference: &Reference) -> &'static str {
        match self.pull(reference).await {
            Ok(pulled) => panic!("{reference} was pulled: {pulled:?}"),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                error.code()
            }
        }
    }

    /// Every name that the store has.
    pub(crate) async fn names(&self) -> Vec<String> {
        let list = self.engine.images(&ImageQuery::default()).await.unwrap();
        let names = list.images.iter().flat_map(|image| &image.names);
        names.map(ToString::to_string).collect()
    }

    /// Waits until the registry keeps so many clients waiting.
    pub(crate) async fn keeps_waiting(&self, clients: usize) {
        while self.registry.clients_kept_waiting() != clients {
            tokio::task::yield_now().await;
        }
    }

    /// Looks at every byte and every row.
    pub(crate) async fn check(&self) {
        check(&self.engine).await;
    }
}

/// Wakes somebody when bytes of a layer have come.
#[derive(Default)]
pub(crate) struct SomeCame(pub(crate) Notify);

impl Progress for SomeCame {
    fn report(&self, event: Event) {
        if matches!(event, Event::Fetched { current: 1.., .. }) {
            self.0.notify_one();
        }
    }
}

/// Opens an engine as a program would, but for pauses between attempts: nobody waits in a test.
pub(crate) async fn open(store: &Path) -> Engine {
    Engine::open(settings(store)).await.unwrap()
}

pub(crate) fn settings(store: &Path) -> Settings {
    let lookup = |name: &str| (name == "STRATA_STORE").then(|| store.into());
    let mut settings = Settings::from_environment(&lookup, Arc::new(Timestamp::now)).unwrap();
    settings.registry.retry = RetryPolicy {
        first_delay: Duration::from_millis(1),
        longest_delay: Duration::from_millis(2),
        ..settings.registry.retry
    };
    // What the testkit's indexes hold, whatever this machine is.
    settings.host_platform = Platform::new("linux", "amd64", None);
    settings
}

pub(crate) fn request(reference: &Reference) -> PullRequest {
    PullRequest {
        reference: reference.clone(),
        platform: None,
        move_policy: MovePolicy::Move,
    }
}

pub(crate) async fn check(engine: &Engine) {
    let everything = CheckOptions { read_data: true };
    let report = engine.check(everything, &NoProgress).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}
