//! What every story starts with.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use oci::{Descriptor, Reference};
use registry::{
    ClientOptions, Clock, CredentialUse, Error, Observer, RegistryClient, Repository, Retrying,
};
use tempfile::TempDir;

/// A client and what it reported. Pauses between tries take no time and are noted.
pub(crate) struct Lab {
    pub(crate) client: RegistryClient,
    pub(crate) pauses: Arc<Mutex<Vec<Duration>>>,
    pub(crate) heard: Heard,
    folder: TempDir,
}

/// Notes what an observer hears.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) retries: Mutex<Vec<String>>,
    pub(crate) warnings: Mutex<Vec<String>>,
}

impl Observer for Heard {
    fn retrying(&self, retrying: Retrying<'_>) {
        let line = format!("{}: {}", retrying.attempt, retrying.reason);
        self.retries.lock().expect("not poisoned").push(line);
    }

    fn warning(&self, _: &str, text: &str) {
        self.warnings
            .lock()
            .expect("not poisoned")
            .push(text.to_owned());
    }
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// Makes a lab whose client knows the logins in this credential file.
    pub(crate) fn with_login(file: &str) -> Self {
        let lab = Self::new();
        let path = lab.write("config.json", file);
        lab.rebuild(|options| options.credentials.files.push(path))
    }

    pub(crate) fn with(change: impl FnOnce(&mut ClientOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let client = RegistryClient::new(ClientOptions::new("x", clock(Arc::default())));
        Self {
            client,
            pauses: Arc::default(),
            heard: Heard::default(),
            folder,
        }
        .rebuild(change)
    }

    /// Replaces the client by one with other options.
    pub(crate) fn rebuild(mut self, change: impl FnOnce(&mut ClientOptions)) -> Self {
        let mut options = ClientOptions::new("strata-test/1", clock(self.pauses.clone()));
        change(&mut options);
        self.client = RegistryClient::new(options);
        self
    }

    /// Gives silent servers up after so long. Only for stories about silence: a busy machine is silent too.
    pub(crate) fn impatient(patience: Duration) -> Self {
        Self::with(|options| {
            options.timeouts.headers = patience;
            options.timeouts.stall = patience;
        })
    }

    /// Writes a file into the lab's folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Downloads a blob as the engine does: opens it again at the offset reached until it is whole or given up.
    pub(crate) async fn download(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Vec<u8>, Error> {
        let mut attempts = self
            .client
            .attempts(registry::What::Blob(descriptor.digest.clone()));
        let mut bytes = Vec::new();
        loop {
            let mut stream = self
                .client
                .blob(repository, descriptor, bytes.len() as u64, &self.heard)
                .await?;
            bytes.truncate(usize::try_from(stream.starts_at()).expect("small"));
            let mut broken = None;
            while let Some(chunk) = stream.next().await {
                match chunk {
                    Ok(chunk) => bytes.extend_from_slice(&chunk),
                    Err(error) => broken = Some(error),
                }
            }
            attempts.progressed_to(bytes.len() as u64);
            match broken {
                None => return Ok(bytes),
                Some(error) => attempts.again(error, &self.heard).await?,
            }
        }
    }

    /// Returns why a reference cannot be resolved.
    pub(crate) async fn refused(&self, reference: &Reference) -> Error {
        let resolved = self.client.resolve(reference, &()).await;
        resolved.expect_err("a reference that is refused")
    }

    pub(crate) fn retries(&self) -> usize {
        self.heard.retries.lock().expect("not poisoned").len()
    }
}

/// Returns what was done about credentials before a registry asked for a login.
pub(crate) fn used(error: &Error) -> &CredentialUse {
    match error {
        Error::Unauthorized { credentials, .. } => credentials,
        other => panic!("the registry wants no login: {other:?}"),
    }
}

fn clock(pauses: Arc<Mutex<Vec<Duration>>>) -> Clock {
    let now = Arc::new(|| "2026-01-01T00:00:00Z".parse().expect("a time"));
    Clock::new(now).with_pause(move |delay| {
        pauses.lock().expect("not poisoned").push(delay);
        std::future::ready(())
    })
}
