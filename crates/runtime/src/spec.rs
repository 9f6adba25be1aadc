//! What runs, and in which surroundings: an image's config with a user's options on top.
//!
//! The rules are docker's; where [conversion.md] says the same, it is the source.
//!
//! [conversion.md]: https://github.com/opencontainers/image-spec/blob/v1.1.1/conversion.md

use std::collections::BTreeMap;

use oci::ContainerConfig;
use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::options::{Mount, Network, Port, parse_signal, target_path};
use crate::{Error, Failure};

/// What a process in a container may do, as Docker's default has it.
pub const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

/// Where programs are looked for when neither image nor user says so, as Docker has it.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Bytes of a hostname that Linux takes.
const HOSTNAME: usize = 64;

/// What a user says about a run. Everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// The command, in place of the image's.
    pub command: Vec<String>,
    /// The program in place of the image's entrypoint, whose command then does not count; empty for none.
    pub entrypoint: Option<Vec<String>>,
    /// Variables as `NAME=value`, on top of the image's.
    pub environment: Vec<String>,
    /// The folder to start in.
    pub folder: Option<String>,
    /// The user, as `USER` or `USER:GROUP`.
    pub user: Option<String>,
    /// The container's name for itself.
    pub hostname: Option<String>,
    /// Places that are not the image's.
    pub mounts: Vec<Mount>,
    /// How it reaches others.
    pub network: Network,
    /// Ports of this computer that lead into it.
    pub ports: Vec<Port>,
    /// Whether the image's files can be written to.
    pub read_only: bool,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Whether something is sent to its input.
    pub stdin: bool,
    /// Whether set-user-ID programs gain nothing.
    pub no_new_privileges: bool,
    /// How much of the computer it may take.
    #[serde(default)]
    pub limits: Limits,
}

/// A process in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The program and its arguments; never empty.
    pub arguments: Vec<String>,
    /// Variables as `NAME=value`, each name once.
    pub environment: Vec<String>,
    /// The folder that it starts in.
    pub folder: String,
    /// Who it is, as `USER` or `USER:GROUP`.
    pub user: String,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Whether something is sent to its input.
    pub stdin: bool,
}

/// A container that can be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Its first process.
    pub process: Process,
    /// Its name for itself.
    pub hostname: String,
    /// Places that are not the image's.
    pub mounts: Vec<Mount>,
    /// How it reaches others.
    pub network: Network,
    /// Ports of this computer that lead into it.
    pub ports: Vec<Port>,
    /// Whether the image's files can be written to.
    pub read_only: bool,
    /// Whether set-user-ID programs gain nothing.
    pub no_new_privileges: bool,
    /// How much of the computer it may take.
    pub limits: Limits,
    /// The signal that asks it to stop.
    pub stop_signal: i32,
    /// Notes by the image's maker, for the runtime.
    pub annotations: BTreeMap<String, String>,
}

impl RunSpec {
    /// Puts a user's options on top of an image's config.
    ///
    /// An image's stop signal that is none counts as `SIGTERM`, a volume of it that is no path is passed over.
    ///
    /// # Errors
    /// [`Error::NoCommand`]; [`Error::Option`] where a text holds a NUL, a name of the host is none, or ports need another network.
    pub fn new(config: &ContainerConfig, options: &RunOptions) -> Result<Self, Error> {
        let mut arguments = match &options.entrypoint {
            Some(entrypoint) => entrypoint
                .iter()
                .filter(|part| !part.is_empty())
                .cloned()
                .collect(),
            None => config.entrypoint.clone(),
        };
        match (&options.command, &options.entrypoint) {
            (command, _) if !command.is_empty() => arguments.extend_from_slice(command),
            (_, None) => arguments.extend_from_slice(&config.cmd),
            (_, Some(_)) => {}
        }
        let hostname = given(options.hostname.as_ref())
            .cloned()
            .unwrap_or_else(|| "container".to_owned());
        let is_name = !hostname.is_empty()
            && hostname.len() <= HOSTNAME
            && hostname
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        if !is_name {
            return Err(Error::Option {
                option: "hostname",
                text: hostname,
                problem: "it is up to 64 letters, digits, - and .",
            });
        }
        if let (Some(port), true) = (options.ports.first(), options.network == Network::None) {
            return Err(Error::Option {
                option: "port",
                text: port.host.to_string(),
                problem: "a container without a network has no ports; use --network private",
            });
        }
        let mut environment = vec![PATH.to_owned(), format!("HOSTNAME={hostname}")];
        if options.terminal {
            environment.push("TERM=xterm".to_owned());
        }
        environment.extend_from_slice(&config.env);
        environment.extend_from_slice(&options.environment);
        let folder = given(options.folder.as_ref());
        if let Some(folder) = folder {
            absolute_folder(folder)?;
        }
        let folder = folder.unwrap_or(&config.working_dir);
        let process = Process {
            arguments,
            environment,
            folder: target_path(&format!("/{folder}")).unwrap_or_else(|| "/".to_owned()),
            user: given(options.user.as_ref()).unwrap_or(&config.user).clone(),
            terminal: options.terminal,
            stdin: options.stdin,
        };
        let mut mounts = options.mounts.clone();
        for target in config.volumes.keys() {
            if let Some(mount) = Mount::anonymous(target)
                && mounts.iter().all(|other| other.target != mount.target)
            {
                mounts.push(mount);
            }
        }
        // What is deeper comes later, or the outer place would hide it.
        mounts.sort_by_key(|mount| mount.target.matches('/').count());
        Ok(Self {
            process: process.checked()?,
            hostname,
            mounts,
            network: options.network,
            ports: options.ports.clone(),
            read_only: options.read_only,
            no_new_privileges: options.no_new_privileges,
            limits: options.limits,
            stop_signal: config
                .stop_signal
                .as_deref()
                .and_then(|text| parse_signal(text).ok())
                .unwrap_or(15),
            annotations: config.labels.clone(),
        })
    }
}

/// Returns what was said. A text without a letter says nothing, as with docker: `--user "$UNSET"` makes nobody root.
pub(crate) fn given(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

/// Refuses a folder to start in that is none, as docker does.
///
/// # Errors
/// [`Error::Option`].
pub(crate) fn absolute_folder(folder: &str) -> Result<(), Error> {
    let problem = match folder {
        folder if folder.contains('\0') => "it holds a NUL",
        folder if !folder.starts_with('/') => "it is an absolute path",
        _ => return Ok(()),
    };
    Err(Error::Option {
        option: "folder",
        text: folder.to_owned(),
        problem,
    })
}

/// Refuses a command that has no program.
///
/// # Errors
/// [`Error::NoCommand`]; [`Failure::CommandNotFound`] for one without a name.
pub(crate) fn has_program(command: &[String]) -> Result<(), Error> {
    match command.first() {
        None => Err(Error::NoCommand),
        Some(program) if program.is_empty() => Err(Error::Failure(Failure::CommandNotFound {
            command: String::new(),
        })),
        Some(_) => Ok(()),
    }
}

impl Process {
    /// Refuses what no process can have, and keeps of each variable the last one, in the place of the first.
    ///
    /// # Errors
    /// [`Error::NoCommand`], [`Error::Option`]; [`Failure::CommandNotFound`] for a program without a name.
    pub fn checked(mut self) -> Result<Self, Error> {
        has_program(&self.arguments)?;
        let texts = [
            ("command", &self.arguments),
            ("environment", &self.environment),
        ];
        for (option, texts) in texts {
            if let Some(text) = texts.iter().find(|text| text.contains('\0')) {
                return Err(Error::Option {
                    option,
                    text: text.clone(),
                    problem: "it holds a NUL",
                });
            }
        }
        for (option, text) in [("folder", &self.folder), ("user", &self.user)] {
            if text.contains('\0') {
                return Err(Error::Option {
                    option,
                    text: text.clone(),
                    problem: "it holds a NUL",
                });
            }
        }
        let mut environment: Vec<String> = Vec::new();
        for variable in self.environment {
            let name = variable.split('=').next().unwrap_or_default();
            let same = environment
                .iter_mut()
                .find(|other| other.split('=').next() == Some(name));
            match same {
                Some(other) => *other = variable,
                None => environment.push(variable),
            }
        }
        self.environment = environment;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Source;

    fn image() -> ContainerConfig {
        ContainerConfig {
            entrypoint: vec!["/entry".into()],
            cmd: vec!["serve".into()],
            env: vec!["A=1".into(), "PATH=/bin".into()],
            working_dir: "srv/../app".into(),
            volumes: [
                ("/data".to_owned(), serde_json::json!({})),
                ("bad".to_owned(), serde_json::json!({})),
            ]
            .into(),
            stop_signal: Some("SIGQUIT".into()),
            user: "web".into(),
            ..ContainerConfig::default()
        }
    }

    fn spec(options: &RunOptions) -> RunSpec {
        RunSpec::new(&image(), options).expect("it can run")
    }

    #[test]
    fn the_image_says_what_runs() {
        let spec = spec(&RunOptions::default());
        assert_eq!(spec.process.arguments, ["/entry", "serve"]);
        assert_eq!(
            spec.process.environment,
            ["PATH=/bin", "HOSTNAME=container", "A=1"]
        );
        assert_eq!(spec.process.folder, "/app");
        assert_eq!(spec.process.user, "web");
        assert_eq!(spec.stop_signal, 3);
        let places: Vec<_> = spec
            .mounts
            .iter()
            .map(|mount| (&mount.source, mount.target.as_str()))
            .collect();
        assert_eq!(places, [(&Source::Anonymous, "/data")]);
    }

    #[test]
    fn the_user_says_it_better() {
        let command = RunOptions {
            command: vec!["x".into()],
            ..RunOptions::default()
        };
        assert_eq!(spec(&command).process.arguments, ["/entry", "x"]);
        let entrypoint = RunOptions {
            entrypoint: Some(vec!["sh".into()]),
            ..command.clone()
        };
        assert_eq!(spec(&entrypoint).process.arguments, ["sh", "x"]);
        let none = RunOptions {
            entrypoint: Some(vec![String::new()]),
            ..RunOptions::default()
        };
        assert!(matches!(
            RunSpec::new(&image(), &none),
            Err(Error::NoCommand)
        ));
        let nameless = RunOptions {
            entrypoint: Some(Vec::new()),
            command: vec![String::new(), "x".into()],
            ..RunOptions::default()
        };
        let refused = RunSpec::new(&image(), &nameless).expect_err("it has no name");
        assert_eq!(refused.exit_code(), 127, "{refused}");
        // As `--user "$UNSET"` in a script: nobody becomes root by that.
        let unset = RunOptions {
            folder: Some(String::new()),
            user: Some(String::new()),
            hostname: Some(String::new()),
            ..RunOptions::default()
        };
        assert_eq!(spec(&unset), spec(&RunOptions::default()));
        let options = RunOptions {
            environment: vec!["A=2".into(), "B=".into()],
            terminal: true,
            mounts: vec![Mount::parse("/srv:/data").expect("it is one")],
            ..RunOptions::default()
        };
        let spec = spec(&options);
        assert_eq!(
            spec.process.environment,
            ["PATH=/bin", "HOSTNAME=container", "TERM=xterm", "A=2", "B="]
        );
        assert_eq!(
            spec.mounts.len(),
            1,
            "the image's volume has its place already"
        );
    }

    #[test]
    fn what_no_process_can_have_is_refused() {
        let bad = [
            RunOptions {
                command: vec!["a\0b".into()],
                ..RunOptions::default()
            },
            RunOptions {
                environment: vec!["A=\0".into()],
                ..RunOptions::default()
            },
            RunOptions {
                user: Some("a\0".into()),
                ..RunOptions::default()
            },
            RunOptions {
                folder: Some("/a\0".into()),
                ..RunOptions::default()
            },
            RunOptions {
                folder: Some("a/b".into()),
                ..RunOptions::default()
            },
            RunOptions {
                hostname: Some("a b".into()),
                ..RunOptions::default()
            },
            RunOptions {
                ports: Port::parse("80").expect("it is one"),
                ..RunOptions::default()
            },
        ];
        for options in bad {
            assert!(RunSpec::new(&image(), &options).is_err(), "{options:?}");
        }
    }
}
