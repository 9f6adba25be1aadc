//! How the program was started: its arguments and its environment, which are read nowhere else.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{Clock, SettingsError};

use crate::commands::store::StorePlaceFrom;
use crate::settings::Settings;

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Open the window, on this store if one is named.
    Open(Option<PathBuf>),
    /// Print how it is used.
    Help,
    /// Print the version.
    Version,
}

/// The text of `--help`.
pub const HELP: &str = "\
Container images on this computer, without a Docker Engine.

Usage: strata-desktop [--store DIR]

  --store DIR   work on the image store in DIR (default: STRATA_STORE, then the settings, then the usual place)
  --version     print the version
  --help        print this

The command line for the same images is `strata`.
";

impl Request {
    /// Reads the arguments, without the program's name.
    ///
    /// # Errors
    /// A sentence about the argument that is not understood.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
        let mut arguments = arguments.into_iter();
        let mut store = None;
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--help" | "-h") => return Ok(Request::Help),
                Some("--version" | "-V") => return Ok(Request::Version),
                Some("--store") => store = Some(arguments.next().ok_or("--store needs a folder")?),
                Some(text) if text.starts_with("--store=") => {
                    store = Some(text["--store=".len()..].into());
                }
                // Finder gives the first start of a downloaded program a number.
                Some(text) if cfg!(target_os = "macos") && text.starts_with("-psn_") => {}
                _ => return Err(format!("{} is not understood", argument.display())),
            }
        }
        match store {
            Some(folder) if folder.is_empty() => Err("--store needs a folder".into()),
            store => Ok(Request::Open(store.map(PathBuf::from))),
        }
    }
}

/// Looks a variable of the environment up.
pub type Lookup = Arc<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// What the program was started with.
#[derive(Clone)]
pub struct Launch {
    /// `--store`, absolute.
    pub store: Option<PathBuf>,
    /// The environment.
    pub environment: Lookup,
    /// The time.
    pub clock: Clock,
    /// Where the settings are kept.
    pub settings_file: PathBuf,
    /// The folder for files that are dragged out of windows, of which each store gets a part.
    pub dragged_files: PathBuf,
}

impl Launch {
    /// Tells where the store is said to be, and by whom. `None`: the platform's usual place.
    pub(crate) fn store_place(&self, settings: &Settings) -> (Option<PathBuf>, StorePlaceFrom) {
        let environment = (self.environment)("STRATA_STORE").filter(|folder| !folder.is_empty());
        if let Some(folder) = &self.store {
            (Some(folder.clone()), StorePlaceFrom::Argument)
        } else if let Some(folder) = environment {
            (Some(PathBuf::from(folder)), StorePlaceFrom::Environment)
        } else if settings.store_place.is_empty() {
            (None, StorePlaceFrom::Default)
        } else {
            (
                Some(PathBuf::from(&settings.store_place)),
                StorePlaceFrom::Settings,
            )
        }
    }

    /// Joins arguments, environment and settings into what an engine is told.
    ///
    /// # Errors
    /// When nobody says where the store is and there is no home folder.
    pub(crate) fn engine_settings(
        &self,
        settings: &Settings,
    ) -> Result<engine::Settings, SettingsError> {
        let (place, _) = self.store_place(settings);
        let lookup = |name: &str| match (name, &place) {
            ("STRATA_STORE", place) => place.clone().map(OsString::from),
            _ => (self.environment)(name),
        };
        let mut told = engine::Settings::from_environment(&lookup, self.clock.clone())?;
        told.monitor = monitor();
        told.parallel_downloads = usize::try_from(settings.parallel_downloads).unwrap_or(1);
        told.registry
            .insecure_hosts
            .extend(settings.insecure_registries.iter().cloned());
        told.registry
            .ca_files
            .extend(settings.ca_files.iter().map(PathBuf::from));
        let realms = settings.trusted_realms.iter();
        told.registry
            .trusted_realms
            .extend(realms.filter_map(|pair| crate::settings::realm(pair)));
        Ok(told)
    }
}

/// Returns the program that stands beside a container: the small one that lies beside this one, where it does.
///
/// The libraries of a window start a thread before `main`, and a process with threads can enter no user namespace, nor join another
/// process's mounts. Without the small program root can still start containers, and nothing more.
fn monitor() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let small = own.with_file_name("strata-monitor");
    Some(if small.is_file() { small } else { own })
}

/// Names the store in letters and digits, so that two windows on one store find each other and others do not.
pub(crate) fn store_key(root: &Path) -> String {
    let text: &OsStr = root.as_os_str();
    let digest = engine::Digest::sha256(text.as_encoded_bytes());
    // A part of a D-Bus name must not begin with a digit.
    format!("s{}", digest.short())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Request, String> {
        Request::parse(arguments.iter().map(OsString::from))
    }

    fn launch(store: Option<&str>, environment: Option<&'static str>) -> Launch {
        Launch {
            store: store.map(PathBuf::from),
            environment: Arc::new(move |name| match name {
                "STRATA_STORE" => environment.map(OsString::from),
                "HOME" | "LOCALAPPDATA" => Some("/home/somebody".into()),
                _ => None,
            }),
            clock: Arc::new(|| {
                std::time::SystemTime::UNIX_EPOCH
                    .try_into()
                    .expect("the epoch")
            }),
            settings_file: PathBuf::new(),
            dragged_files: PathBuf::new(),
        }
    }

    #[test]
    fn arguments() {
        assert_eq!(parse(&[]), Ok(Request::Open(None)));
        assert_eq!(
            parse(&["--store", "/s"]),
            Ok(Request::Open(Some("/s".into())))
        );
        assert_eq!(parse(&["--store=/s"]), Ok(Request::Open(Some("/s".into()))));
        assert_eq!(parse(&["--help", "x"]), Ok(Request::Help));
        for bad in [
            &["--store"][..],
            &["--store="],
            &["--stoer", "/s"],
            &["image.tar"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_strongest_says_where_the_store_is() {
        let chosen = Settings {
            store_place: "/chosen".into(),
            ..Settings::default()
        };
        let place = |launch: Launch, settings: &Settings| {
            let root = launch
                .engine_settings(settings)
                .expect("a place")
                .store_root;
            (root, launch.store_place(settings).1)
        };
        let argument = place(launch(Some("/given"), Some("/set")), &chosen);
        assert_eq!(argument, ("/given".into(), StorePlaceFrom::Argument));
        let environment = place(launch(None, Some("/set")), &chosen);
        assert_eq!(environment, ("/set".into(), StorePlaceFrom::Environment));
        let settings = place(launch(None, Some("")), &chosen);
        assert_eq!(settings, ("/chosen".into(), StorePlaceFrom::Settings));
        let (root, from) = place(launch(None, None), &Settings::default());
        assert_eq!(from, StorePlaceFrom::Default);
        assert!(root.starts_with("/home/somebody"), "{}", root.display());
    }

    #[test]
    fn settings_reach_the_engine() {
        let settings = Settings {
            parallel_downloads: 7,
            insecure_registries: vec!["registry.lan".into()],
            ca_files: vec!["/ca.pem".into()],
            ..Settings::default()
        };
        let told = launch(None, None)
            .engine_settings(&settings)
            .expect("settings");
        assert_eq!(told.parallel_downloads, 7);
        assert_eq!(told.registry.insecure_hosts, ["registry.lan"]);
        assert_eq!(told.registry.ca_files, [PathBuf::from("/ca.pem")]);
    }
}
