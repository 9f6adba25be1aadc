//! What an engine is told when it is opened.

mod engines;

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use oci::Platform;
use registry::{ClientOptions, CredentialSources, Keyring, Proxies, Secret, SystemKeyring};

/// How many blobs are fetched at a time unless the user says otherwise: docker's number
/// (<https://docs.docker.com/reference/cli/dockerd/>, `max-concurrent-downloads`).
const PARALLEL_DOWNLOADS: usize = 3;

/// How many blobs are sent at a time: docker's number (`max-concurrent-uploads`).
const PARALLEL_UPLOADS: usize = 5;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an engine is told when it is opened.
#[derive(Clone)]
pub struct Settings {
    /// The store's folder.
    pub store_root: PathBuf,
    /// The platform that images are chosen for when nobody asks for another.
    pub host_platform: Platform,
    /// How many blobs are fetched at a time; at least 1.
    pub parallel_downloads: usize,
    /// How many blobs are sent at a time; at least 1.
    pub parallel_uploads: usize,
    /// Which hosts may be insecure, whom to trust, where credentials are, which proxies to use.
    pub registry: ClientOptions,
    /// Where a Docker Engine or a Podman may be.
    pub engines: docker::Sources,
    /// Docker's `config.json`: which credential helper keeps logins, and where they go in plain text if the user agrees.
    pub login_file: Option<PathBuf>,
    /// Where programs are looked for that run containers, spelled as in the environment.
    pub program_path: OsString,
    /// The program that becomes a container's monitor: this one, whose `main` calls [`crate::monitor::dispatch`] first. `None` = it
    /// runs no containers.
    pub monitor: Option<PathBuf>,
    /// Tells the time.
    pub clock: Clock,
}

/// Why no settings could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no place for the store.
    #[error("no folder for the store is known: neither STRATA_STORE nor a home folder is set")]
    NoStorePlace,
}

impl Settings {
    /// Builds the defaults from the environment, which is read only through `lookup`.
    ///
    /// The store: `STRATA_STORE`, else `strata` in the platform's data folder. Credentials: podman's and docker's
    /// files. Proxies: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in capitals or not. Engines: docker's own
    /// variables and folder, and the usual sockets.
    ///
    /// # Errors
    /// [`SettingsError::NoStorePlace`] where neither the store nor a home folder is named.
    pub fn from_environment(
        lookup: &dyn Fn(&str) -> Option<OsString>,
        clock: Clock,
    ) -> Result<Settings, SettingsError> {
        let environment = Environment { lookup };
        let store_root = match environment.path("STRATA_STORE") {
            Some(root) => root,
            None => environment
                .data_folder()
                .ok_or(SettingsError::NoStorePlace)?
                .join("strata")
                .join("store"),
        };
        let agent = concat!("strata/", env!("CARGO_PKG_VERSION"));
        let mut registry = ClientOptions::new(agent, registry::Clock::new(clock.clone()));
        registry.proxies = environment.proxies();
        registry.credentials = environment.credentials();
        registry.certs_dirs = environment.certs_dirs();
        Ok(Settings {
            store_root,
            host_platform: host_platform(),
            parallel_downloads: PARALLEL_DOWNLOADS,
            parallel_uploads: PARALLEL_UPLOADS,
            registry,
            engines: environment.engines(),
            login_file: environment.docker_config(),
            program_path: environment.variable("PATH").unwrap_or_default(),
            monitor: None,
            clock,
        })
    }
}

/// Images are for Linux wherever they are looked at, but on Windows, which runs its own as well, they are still chosen for
/// Linux first, as Docker Desktop does.
fn host_platform() -> Platform {
    Platform::new("linux", architecture(), None)
}

/// Go's name of this processor, where it is not Rust's and [`Platform`] does not know Rust's.
///
/// <https://go.dev/doc/install/source#environment>
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        "mips64" if cfg!(target_endian = "little") => "mips64le",
        same => same,
    }
}

/// The environment, seen only through a function, so that nothing here depends on the process.
struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
}

impl Environment<'_> {
    /// A variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }

    fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(|| self.path("USERPROFILE"))
    }

    /// Where programs keep their data: <https://specifications.freedesktop.org/basedir-spec/latest/>, and what the other
    /// systems have instead.
    fn data_folder(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            return self.path("LOCALAPPDATA");
        }
        if cfg!(target_os = "macos") {
            return Some(self.home()?.join("Library").join("Application Support"));
        }
        // A relative XDG path is to be ignored, says the specification.
        let data = self
            .path("XDG_DATA_HOME")
            .filter(|folder| folder.is_absolute());
        data.or_else(|| Some(self.home()?.join(".local").join("share")))
    }

    /// podman's files first, then docker's: the order of containers-auth.json(5).
    fn credentials(&self) -> CredentialSources {
        let home = self.home();
        let below_home = |parts: &[&str]| {
            home.as_ref().map(|home| {
                parts
                    .iter()
                    .fold(home.clone(), |path, part| path.join(part))
            })
        };
        let runtime = self
            .path("XDG_RUNTIME_DIR")
            .map(|folder| folder.join("containers").join("auth.json"));
        let config = self
            .path("XDG_CONFIG_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| below_home(&[".config"]))
            .map(|folder| folder.join("containers").join("auth.json"));
        let docker = self.docker_config();
        let named = self.path("REGISTRY_AUTH_FILE");
        let helper_path = self.variable("PATH");
        CredentialSources {
            named_files: usize::from(named.is_some()),
            files: [named, runtime, config, docker]
                .into_iter()
                .flatten()
                .collect(),
            helper_path: helper_path
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            keyring: self.keyring(),
        }
    }

    /// Where docker and podman look for the authorities of single registries, the user's own first.
    fn certs_dirs(&self) -> Vec<PathBuf> {
        let config = self
            .path("XDG_CONFIG_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| Some(self.home()?.join(".config")));
        let own = config.into_iter().flat_map(|config| {
            ["containers", "docker"].map(|program| config.join(program).join("certs.d"))
        });
        let docker = self.home().map(|home| home.join(".docker").join("certs.d"));
        let system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
        let system = system.into_iter().filter(|_| cfg!(unix));
        own.chain(docker).chain(system).collect()
    }

    fn docker_config(&self) -> Option<PathBuf> {
        let below_home = || Some(self.home()?.join(".docker"));
        let folder = self.path("DOCKER_CONFIG").or_else(below_home)?;
        Some(folder.join("config.json"))
    }

    /// The system's keyring, where there is a session that can have one. `STRATA_KEYRING=off` does without.
    fn keyring(&self) -> Option<Arc<dyn Keyring>> {
        let is_off = self
            .variable("STRATA_KEYRING")
            .is_some_and(|value| value == "off");
        let session = match cfg!(target_os = "linux") {
            // Without a session's bus there is nobody to ask.
            true => self.variable("DBUS_SESSION_BUS_ADDRESS").is_some(),
            false => self.home().is_some(),
        };
        (session && !is_off).then(|| Arc::new(SystemKeyring) as Arc<dyn Keyring>)
    }

    /// Lower case wins, as with curl; what is not UTF-8 is no URL.
    fn proxies(&self) -> Proxies {
        let either = |name: &str| {
            self.variable(&name.to_lowercase())
                .or_else(|| self.variable(name))
                .and_then(|value| value.into_string().ok())
        };
        let all = either("ALL_PROXY");
        Proxies {
            http: either("HTTP_PROXY")
                .or_else(|| all.clone())
                .map(Secret::new),
            https: either("HTTPS_PROXY").or(all).map(Secret::new),
            no_proxy: either("NO_PROXY"),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("store_root", &self.store_root)
            .field("host_platform", &self.host_platform)
            .field("parallel_downloads", &self.parallel_downloads)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables: HashMap<String, OsString> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect();
        Settings::from_environment(
            &|name| variables.get(name).cloned(),
            Arc::new(|| Timestamp::UNIX_EPOCH),
        )
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_store_is_where_the_environment_says() {
        let root = |variables: &[(&str, &str)]| {
            settings(variables).map(|settings| settings.store_root).ok()
        };
        assert_eq!(
            root(&[("STRATA_STORE", "/s"), ("HOME", "/h")]),
            Some("/s".into())
        );
        assert_eq!(
            root(&[("XDG_DATA_HOME", "/data"), ("HOME", "/h")]),
            Some("/data/strata/store".into())
        );
        assert_eq!(
            root(&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")]),
            Some("/h/.local/share/strata/store".into())
        );
        assert_eq!(root(&[("HOME", "")]), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn credentials_are_looked_up_in_podmans_order_and_then_dockers() {
        let all = settings(&[
            ("HOME", "/h"),
            ("REGISTRY_AUTH_FILE", "/auth.json"),
            ("XDG_RUNTIME_DIR", "/run/user/1"),
            ("PATH", "/usr/bin:/bin"),
        ])
        .expect("settings");
        let files: Vec<String> = all
            .registry
            .credentials
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        assert_eq!(
            files,
            [
                "/auth.json",
                "/run/user/1/containers/auth.json",
                "/h/.config/containers/auth.json",
                "/h/.docker/config.json"
            ]
        );
        assert_eq!(all.registry.credentials.named_files, 1);
        assert_eq!(all.registry.credentials.helper_path.len(), 2);
    }

    #[test]
    fn a_proxy_in_small_letters_wins_and_its_password_is_not_printed() {
        let set = settings(&[
            ("STRATA_STORE", "/s"),
            ("HTTPS_PROXY", "http://big.example"),
            ("https_proxy", "http://user:hunter2@small.example"),
            ("ALL_PROXY", "socks5h://all.example"),
            ("no_proxy", "localhost"),
        ])
        .expect("settings");
        assert!(set.registry.proxies.http.is_some());
        assert_eq!(set.registry.proxies.no_proxy.as_deref(), Some("localhost"));
        assert!(!format!("{set:?}{:?}", set.registry).contains("hunter2"));
    }
}
