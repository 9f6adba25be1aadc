//! What a verb needs from the outside: settings from the environment, the clock, a runtime, signals.

use std::{
    future::Future,
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use engine::{Engine, Event, Mirror, Progress, Settings, TrustedRealm};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use crate::{arguments::Global, failure::Failure, progress, text::escaped_lines};

/// How long blocking work may take to end after a cancelled verb, so that what it was writing is whole.
const GRACE: Duration = Duration::from_secs(5);

/// One run of the program.
pub(crate) struct Session {
    global: Global,
    /// Whether a verb has come to where its effect can no longer be held back.
    recording: Arc<AtomicBool>,
}

/// Shows how far a verb is, and notices when it comes to its last step.
struct Noticing {
    shown: Box<dyn Progress>,
    recording: Arc<AtomicBool>,
}

impl Progress for Noticing {
    fn report(&self, event: Event) {
        if event == Event::Recording {
            self.recording.store(true, Ordering::Relaxed);
        }
        self.shown.report(event);
    }
}

impl Session {
    pub(crate) fn new(global: Global) -> Session {
        Session {
            global,
            recording: Arc::default(),
        }
    }

    /// Whether the result is wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        self.global.json
    }

    /// Whether only the essential is wanted.
    pub(crate) fn quiet(&self) -> bool {
        self.global.quiet
    }

    /// Shows how far the work is, in the way that was asked for.
    pub(crate) fn progress(&self, operation: &'static str) -> Box<dyn Progress> {
        Box::new(Noticing {
            shown: progress::listener(&self.global, operation),
            recording: self.recording.clone(),
        })
    }

    /// The time.
    #[expect(
        clippy::unused_self,
        reason = "the time is the session's to tell, wherever it has it from"
    )]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Says something beside the result: on standard error, and not to programs or to those who asked for quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.global.json && !self.global.quiet {
            // A note that nobody can read any more is no reason to fail.
            drop(writeln!(io::stderr(), "{}", escaped_lines(text)));
        }
    }

    /// Opens the store and runs a verb on it, on this thread: nothing is started that a short verb has to wait for.
    pub(crate) fn with_engine<T>(
        &self,
        verb: impl AsyncFnOnce(&Engine) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { verb(&self.open().await?).await })
    }

    /// As [`Session::with_engine`], for long work: on every core, and stopped in good order by Ctrl-C and by SIGTERM, unless its
    /// progress has told that it is recording.
    ///
    /// `kept` says what is left when it was stopped.
    pub(crate) fn with_engine_at_length<T>(
        &self,
        kept: &str,
        verb: impl AsyncFnOnce(&Engine) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            let stopped = stopped()?;
            let mut work = std::pin::pin!(async { verb(&self.open().await?).await });
            tokio::select! {
                outcome = &mut work => outcome,
                // Too late: what it does is done, and is its outcome.
                () = stopped => match self.recording.load(Ordering::Relaxed) {
                    true => work.await,
                    false => Err(Failure::Cancelled(format!("Stopped. {kept}"))),
                },
            }
        });
        shut_down(runtime);
        outcome
    }

    /// As [`Session::with_engine_at_length`], where signals are not for this program but for the one that it runs.
    pub(crate) fn with_engine_alone<T>(
        &self,
        verb: impl AsyncFnOnce(&Engine) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(async { verb(&self.open().await?).await });
        shut_down(runtime);
        outcome
    }

    async fn open(&self) -> Result<Engine, Failure> {
        let engine = Engine::open(self.settings()?).await?;
        if let Some(recovered) = engine.status().recovered {
            self.note(&format!(
                "The store's database was damaged and has been rebuilt from the files: {} images, {} names.",
                recovered.images, recovered.names
            ));
        }
        Ok(engine)
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let lookup = |name: &str| match (name, &self.global.store) {
            ("STRATA_STORE", Some(folder)) => Some(folder.clone().into_os_string()),
            _ => std::env::var_os(name),
        };
        let mut settings = Settings::from_environment(&lookup, Arc::new(Timestamp::now))
            .map_err(|error| Failure::Usage(error.to_string()))?;
        settings.monitor = std::env::current_exe().ok();
        let registry = &mut settings.registry;
        registry.tls_verify = self.global.tls_verify;
        registry
            .insecure_hosts
            .extend_from_slice(&self.global.insecure_registry);
        registry.ca_files.extend_from_slice(&self.global.ca_file);
        for pair in &self.global.trust_realm {
            let (host, realm) = two_hosts(pair)?;
            registry.trusted_realms.push(TrustedRealm {
                registry: host.to_owned(),
                realm: realm.to_owned(),
            });
        }
        for pair in &self.global.mirror {
            let (registry_host, host) = two_hosts(pair)?;
            registry.mirrors.push(Mirror {
                registry: registry_host.to_owned(),
                host: host.to_owned(),
            });
        }
        if let Some(address) = &self.global.search_address {
            registry.hub_search = vec![address.clone()];
        }
        Ok(settings)
    }
}

/// Reads `REGISTRY=HOST`.
fn two_hosts(pair: &str) -> Result<(&str, &str), Failure> {
    pair.split_once('=')
        .filter(|(one, other)| !one.is_empty() && !other.is_empty())
        .ok_or_else(|| Failure::Usage(format!("{pair}: write it as REGISTRY=HOST")))
}

/// Ends when the user or the system wants the program to stop. From its first poll on, the signals no longer kill.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            if tokio::signal::ctrl_c().await.is_err() {
                // Without the signal the work cannot be stopped in good order; it goes on.
                std::future::pending::<()>().await;
            }
        })
    }
}

fn shut_down(runtime: Runtime) {
    runtime.shutdown_timeout(GRACE);
}
