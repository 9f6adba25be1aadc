//! What the user has chosen, and the file that keeps it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::{Reference, TrustedRealm};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use specta::Type;

use crate::Failure;

/// More at a time than this only annoys registries.
const MOST_DOWNLOADS: u32 = 16;

/// What the user has chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The store's folder; empty = the platform's usual place. `chooseStorePlace` gives new ones, others are refused.
    pub store_place: String,
    /// How many blobs are fetched at a time, 1 to 16.
    pub parallel_downloads: u32,
    /// Light or dark.
    pub theme: Theme,
    /// PEM files with authorities to trust besides the system's. `chooseCaFiles` gives new ones, others are refused.
    pub ca_files: Vec<String>,
    /// Hosts (`host` or `host:port`) that may be spoken to without TLS or with a certificate that cannot be verified.
    pub insecure_registries: Vec<String>,
    /// Registries that the user signed in to or added, as in references. A keyring lists nothing, so they are remembered here.
    pub registries: Vec<String>,
    /// Token servers that may get the login of a registry although they are on another site: `HOST=REALM`.
    pub trusted_realms: Vec<String>,
    /// Whether the end of an operation is told by a notification while the window is in the background.
    pub notifications: bool,
    /// Who commits, as it was told last; empty until somebody does.
    pub author: String,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// As the desktop is.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            store_place: String::new(),
            parallel_downloads: 3,
            theme: Theme::System,
            ca_files: Vec::new(),
            insecure_registries: Vec::new(),
            registries: Vec::new(),
            trusted_realms: Vec::new(),
            notifications: true,
            author: String::new(),
        }
    }
}

impl Settings {
    /// Tells whether the engine has to be opened anew to follow a change to `next`.
    pub(crate) fn engine_differs(&self, next: &Settings) -> bool {
        let Settings {
            store_place,
            parallel_downloads,
            theme: _,
            ca_files,
            insecure_registries,
            registries: _,
            trusted_realms,
            notifications: _,
            author: _,
        } = self;
        *store_place != next.store_place
            || *parallel_downloads != next.parallel_downloads
            || *ca_files != next.ca_files
            || *insecure_registries != next.insecure_registries
            || *trusted_realms != next.trusted_realms
    }
}

/// The settings in force, and where they are kept.
pub(crate) struct SettingsFile {
    path: PathBuf,
    current: Mutex<Settings>,
    /// Paths that the user chose in a system dialog since the program started.
    chosen: Mutex<BTreeSet<String>>,
}

impl SettingsFile {
    /// Reads the settings. What the file does not tell, or tells in a way that cannot be, is as by default.
    pub(crate) fn open(path: PathBuf) -> SettingsFile {
        let read = match fs::read(&path) {
            Ok(bytes) => understood(&bytes),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, path = %path.display(), "the settings cannot be read");
                }
                Settings::default()
            }
        };
        SettingsFile {
            path,
            current: Mutex::new(read),
            chosen: Mutex::new(BTreeSet::new()),
        }
    }

    pub(crate) fn current(&self) -> Settings {
        self.lock().clone()
    }

    /// Notes that the user chose these paths in a system dialog: settings may name them from now on.
    pub(crate) fn chosen(&self, paths: &[String]) {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.extend(paths.iter().cloned());
    }

    /// Keeps new settings, and returns those that they replace.
    ///
    /// On return they are on disk; on error the old ones are in force, here and there.
    ///
    /// # Errors
    /// `usage` when a value cannot be, or a path was not chosen by the user; `io`.
    pub(crate) fn save(&self, next: &Settings) -> Result<Settings, Failure> {
        let mut current = self.lock();
        self.check(&current, next)?;
        write(&self.path, next).map_err(|error| {
            Failure::new(
                "io",
                format!(
                    "The settings could not be written to {}: {error}.",
                    self.path.display()
                ),
            )
        })?;
        Ok(std::mem::replace(&mut *current, next.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, current: &Settings, next: &Settings) -> Result<(), Failure> {
        if !(1..=MOST_DOWNLOADS).contains(&next.parallel_downloads) {
            let words =
                format!("Between 1 and {MOST_DOWNLOADS} layers can be downloaded at a time.");
            return Err(Failure::new("usage", words));
        }
        let mut hosts = next.insecure_registries.iter().chain(&next.registries);
        if let Some(host) = hosts.find(|host| !is_host(host)) {
            let words = format!(
                "\u{201c}{host}\u{201d} is not a registry: it is written as host or host:port."
            );
            return Err(Failure::new("usage", words));
        }
        if let Some(pair) = next
            .trusted_realms
            .iter()
            .find(|pair| realm(pair).is_none())
        {
            let words = format!(
                "\u{201c}{pair}\u{201d} does not say which token server is trusted: it is written as registry=server."
            );
            return Err(Failure::new("usage", words));
        }
        // The page cannot name files: only dialogs can, which the page does not control.
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |path: &String| chosen.contains(path) || current.ca_files.contains(path);
        let place = &next.store_place;
        let place_known =
            place.is_empty() || *place == current.store_place || chosen.contains(place);
        if !place_known || !next.ca_files.iter().all(known) {
            let words = "A folder or file in the settings was not chosen in a dialog.";
            return Err(Failure::new("usage", words));
        }
        Ok(())
    }
}

/// Reads `HOST=REALM`.
pub(crate) fn realm(pair: &str) -> Option<TrustedRealm> {
    let (registry, realm) = pair.split_once('=')?;
    (is_host(registry) && is_host(realm)).then(|| TrustedRealm {
        registry: registry.to_owned(),
        realm: realm.to_owned(),
    })
}

fn is_host(text: &str) -> bool {
    format!("{text}/x")
        .parse::<Reference>()
        .is_ok_and(|reference| reference.host() == text)
}

/// Takes what can be understood, key by key, so that one bad value does not cost the others.
fn understood(bytes: &[u8]) -> Settings {
    let mut settings = Settings::default();
    let Ok(Value::Object(found)) = serde_json::from_slice(bytes) else {
        tracing::warn!("the settings are not a JSON object; the defaults are in force");
        return settings;
    };
    for (key, value) in found {
        let Ok(Value::Object(mut whole)) = serde_json::to_value(&settings) else {
            continue;
        };
        whole.insert(key.clone(), value);
        match serde_json::from_value(Value::Object(whole)) {
            Ok(next) => settings = next,
            Err(error) => tracing::warn!(%error, key, "a setting cannot be understood"),
        }
    }
    settings.parallel_downloads = settings.parallel_downloads.clamp(1, MOST_DOWNLOADS);
    settings
}

/// Writes a whole new file and puts it in the place of the old one.
fn write(path: &Path, settings: &Settings) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let fresh = path.with_extension("json.new");
    let mut file = File::create(&fresh)?;
    file.write_all(&serde_json::to_vec_pretty(settings)?)?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, SettingsFile) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config").join("settings.json");
        (folder, SettingsFile::open(path))
    }

    #[test]
    fn what_was_saved_is_there_after_a_restart() {
        let (_folder, file) = file();
        let next = Settings {
            theme: Theme::Dark,
            insecure_registries: vec!["registry.lan:5000".into(), "localhost".into()],
            ..Settings::default()
        };
        let before = file.save(&next).expect("saved");
        assert_eq!(before, Settings::default());
        assert_eq!(SettingsFile::open(file.path.clone()).current(), next);
    }

    #[test]
    fn a_path_that_no_dialog_gave_is_refused_and_nothing_changes() {
        let (_folder, file) = file();
        let shadow = Settings {
            ca_files: vec!["/etc/shadow".into()],
            ..Settings::default()
        };
        let elsewhere = Settings {
            store_place: "/".into(),
            ..Settings::default()
        };
        for refused in [&shadow, &elsewhere] {
            assert_eq!(file.save(refused).expect_err("refused").code, "usage");
        }
        assert_eq!(file.current(), Settings::default());
        assert!(!file.path.exists());
        file.chosen(&["/etc/shadow".into()]);
        file.save(&shadow).expect("the user chose it");
        file.save(&shadow).expect("and it is known from then on");
    }

    #[test]
    fn a_registry_is_a_host_and_nothing_else() {
        let (_folder, file) = file();
        for bad in ["", "http://a.example", "a.example/team", "A b", "nodots"] {
            let settings = Settings {
                insecure_registries: vec![bad.into()],
                ..Settings::default()
            };
            assert_eq!(file.save(&settings).expect_err(bad).code, "usage");
        }
    }

    #[test]
    fn a_bad_value_costs_only_itself() {
        let text = br#"{"theme":"dark","parallelDownloads":"many","notifications":false,"fromTheFuture":1}"#;
        let settings = understood(text);
        assert_eq!(settings.theme, Theme::Dark);
        assert_eq!(settings.parallel_downloads, 3);
        assert!(!settings.notifications);
        assert_eq!(understood(b"\x00 not json"), Settings::default());
    }
}
