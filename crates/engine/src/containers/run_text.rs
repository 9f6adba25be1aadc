//! How a container is started, as a person writes it.

use oci::ContainerConfig;
use runtime::options::{Protocol, Source, parse_environment};
use runtime::{Limits, Mount, Network, Port, RunOptions, RunSpec};

use super::environment_text::{entries, lines};
use super::shell_words;

/// How a container is started, field by field as a person writes it. What is empty is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunText {
    /// The command in place of the image's, as in a shell; nothing is expanded.
    pub command: String,
    /// The program in place of the image's entrypoint; two quotes for none.
    pub entrypoint: String,
    /// Variables, one a line: `NAME=value`, or `NAME` for the one of here. A value that begins with a quote is read as a shell's
    /// word, so that it can have line breaks.
    pub environment: String,
    /// Folders and volumes: `[SOURCE:]PATH[:ro]`.
    pub mounts: Vec<String>,
    /// Places for memory: `PATH[:ro]`.
    pub memory: Vec<String>,
    /// Ports: `[[ADDRESS:]PORT:]PORT[/udp]`.
    pub ports: Vec<String>,
    /// `none`, `host` or `private`.
    pub network: String,
    /// The user: `USER[:GROUP]`.
    pub user: String,
    /// The folder to start in.
    pub folder: String,
    /// The container's name for itself.
    pub hostname: String,
    /// The most memory, such as `512m`.
    pub memory_limit: String,
    /// The most of the CPUs' time, such as `1.5`.
    pub cpus: String,
    /// The most processes and threads.
    pub processes: String,
    /// Whether the image's files cannot be written to.
    pub read_only: bool,
    /// Whether it has a terminal. One that has takes input.
    pub terminal: bool,
    /// Whether it takes input without one.
    pub stdin: bool,
}

/// A field of a [`RunText`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunField {
    /// [`RunText::command`].
    Command,
    /// [`RunText::entrypoint`].
    Entrypoint,
    /// [`RunText::environment`].
    Environment,
    /// [`RunText::mounts`].
    Mounts,
    /// [`RunText::memory`].
    Memory,
    /// [`RunText::ports`].
    Ports,
    /// [`RunText::network`].
    Network,
    /// [`RunText::user`].
    User,
    /// [`RunText::folder`].
    Folder,
    /// [`RunText::hostname`].
    Hostname,
    /// [`RunText::memory_limit`].
    MemoryLimit,
    /// [`RunText::cpus`].
    Cpus,
    /// [`RunText::processes`].
    Processes,
}

/// What is wrong with a field of a [`RunText`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunProblem {
    /// Which.
    pub field: RunField,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl RunText {
    /// Writes options so that [`RunText::parse`] reads the same ones.
    #[must_use]
    pub fn of(options: &RunOptions) -> Self {
        let words = |words: &[String]| shell_words::join(words.iter().map(String::as_str));
        let (memory, mounts): (Vec<&Mount>, Vec<&Mount>) = options
            .mounts
            .iter()
            .partition(|mount| mount.source == Source::Memory);
        Self {
            command: words(&options.command),
            entrypoint: options.entrypoint.as_deref().map(words).unwrap_or_default(),
            environment: lines(&options.environment),
            mounts: mounts.into_iter().map(mount_text).collect(),
            memory: memory.into_iter().map(mount_text).collect(),
            ports: port_texts(&options.ports),
            network: match options.network {
                Network::None => "none",
                Network::Host => "host",
                Network::Private => "private",
            }
            .to_owned(),
            user: options.user.clone().unwrap_or_default(),
            folder: options.folder.clone().unwrap_or_default(),
            hostname: options.hostname.clone().unwrap_or_default(),
            memory_limit: options.limits.memory.map(memory_text).unwrap_or_default(),
            cpus: options.limits.cpus.map(cpus_text).unwrap_or_default(),
            processes: number_text(options.limits.processes),
            read_only: options.read_only,
            terminal: options.terminal,
            stdin: options.stdin,
        }
    }

    /// Reads all fields; `lookup` gives the value of a variable of here. Whether the image has a command is not looked at: it can
    /// still get one.
    ///
    /// # Errors
    /// Every field that cannot be, once, in the order of the fields.
    pub fn parse(
        &self,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<RunOptions, Vec<RunProblem>> {
        let mut problems = Problems::default();
        let said = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let command = problems.words(RunField::Command, &self.command);
        let entrypoint = problems.words(RunField::Entrypoint, &self.entrypoint);
        let environment = entries(&self.environment);
        let environment = problems.each(RunField::Environment, &environment, |text| {
            parse_environment(text, lookup).map(Vec::from_iter)
        });
        let mut mounts = problems.each(RunField::Mounts, &self.mounts, |text| {
            Mount::parse(text).map(|mount| vec![mount])
        });
        mounts.extend(problems.each(RunField::Memory, &self.memory, |text| {
            Mount::memory(text).map(|mount| vec![mount])
        }));
        let ports = problems.each(RunField::Ports, &self.ports, Port::parse);
        let network = match self.network.trim().parse() {
            Ok(network) => network,
            Err(error) => {
                problems.note(RunField::Network, &error);
                Network::Private
            }
        };
        let limits = Limits {
            memory: problems.one(
                RunField::MemoryLimit,
                &self.memory_limit,
                Limits::parse_memory,
            ),
            cpus: problems.one(RunField::Cpus, &self.cpus, Limits::parse_cpus),
            processes: problems.one(
                RunField::Processes,
                &self.processes,
                Limits::parse_processes,
            ),
        };
        let options = RunOptions {
            command,
            entrypoint: (!entrypoint.is_empty()).then_some(entrypoint),
            environment,
            folder: said(&self.folder),
            user: said(&self.user),
            hostname: said(&self.hostname),
            mounts,
            network,
            ports,
            read_only: self.read_only,
            terminal: self.terminal,
            stdin: self.stdin || self.terminal,
            // No field says this: what a container has of it, it keeps.
            no_new_privileges: false,
            limits,
        };
        problems.whole(&options);
        match problems.0.is_empty() {
            true => Ok(options),
            false => Err(problems.0),
        }
    }
}

/// What is wrong so far, one thing of a field.
#[derive(Default)]
struct Problems(Vec<RunProblem>);

impl Problems {
    fn note(&mut self, field: RunField, error: &dyn std::fmt::Display) {
        if self.0.iter().all(|known| known.field != field) {
            self.0.push(RunProblem {
                field,
                message: crate::human::sentence(&error.to_string()),
            });
        }
    }

    fn words(&mut self, field: RunField, line: &str) -> Vec<String> {
        shell_words::split(line).unwrap_or_else(|error| {
            self.note(field, &error);
            Vec::new()
        })
    }

    fn each<T>(
        &mut self,
        field: RunField,
        texts: &[String],
        parse: impl Fn(&str) -> Result<Vec<T>, runtime::Error>,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for text in texts {
            match parse(text) {
                Ok(some) if !text.is_empty() => all.extend(some),
                Err(error) if !text.is_empty() => self.note(field, &error),
                _ => {}
            }
        }
        all
    }

    fn one<T>(
        &mut self,
        field: RunField,
        text: &str,
        parse: impl Fn(&str) -> Result<Option<T>, runtime::Error>,
    ) -> Option<T> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        parse(text).unwrap_or_else(|error| {
            self.note(field, &error);
            None
        })
    }

    /// Looks at what depends on several fields, and at what only a run refuses.
    fn whole(&mut self, options: &RunOptions) {
        // What an image says is for its own page; any command will do here.
        let image = ContainerConfig {
            cmd: vec!["sh".to_owned()],
            ..ContainerConfig::default()
        };
        let Err(error) = RunSpec::new(&image, options) else {
            return;
        };
        let field = match &error {
            runtime::Error::Option { option, .. } => match *option {
                "port" => RunField::Ports,
                "hostname" => RunField::Hostname,
                "environment" => RunField::Environment,
                "folder" => RunField::Folder,
                "user" => RunField::User,
                _ => RunField::Command,
            },
            // An entrypoint that was taken away, and nothing in its place.
            _ if options.entrypoint.is_some() => RunField::Entrypoint,
            _ => RunField::Command,
        };
        self.note(field, &error);
    }
}

/// Writes bytes as docker's `--memory` reads them.
fn memory_text(bytes: u64) -> String {
    let units = [
        (1 << 40, "t"),
        (1 << 30, "g"),
        (1 << 20, "m"),
        (1 << 10, "k"),
    ];
    let unit = units.iter().find(|(unit, _)| bytes.is_multiple_of(*unit));
    unit.map_or_else(
        || bytes.to_string(),
        |(unit, letter)| format!("{}{letter}", bytes / unit),
    )
}

/// Writes thousandths of a CPU as docker's `--cpus` reads them.
fn cpus_text(thousandths: u64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn number_text(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn mount_text(mount: &Mount) -> String {
    let source = match &mount.source {
        Source::Host(path) => format!("{}:", path.display()),
        Source::Volume(name) => format!("{name}:"),
        Source::Anonymous | Source::Memory => String::new(),
    };
    let ending = if mount.read_only { ":ro" } else { "" };
    format!("{source}{}{ending}", mount.target)
}

/// Writes ports that follow each other as one range, as they were given.
fn port_texts(ports: &[Port]) -> Vec<String> {
    let follow = |a: &Port, b: &Port| {
        let next = |port: u16| port.checked_add(1);
        (a.address, a.protocol, next(a.host), next(a.container))
            == (b.address, b.protocol, Some(b.host), Some(b.container))
    };
    let range = |first: u16, last: u16| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let runs = ports.chunk_by(follow);
    let texts = runs.filter_map(|run| {
        let (first, last) = (run.first()?, run.last()?);
        let address = match first.address {
            None => String::new(),
            Some(address @ std::net::IpAddr::V4(_)) => format!("{address}:"),
            Some(address @ std::net::IpAddr::V6(_)) => format!("[{address}]:"),
        };
        let protocol = match first.protocol {
            Protocol::Tcp => "",
            Protocol::Udp => "/udp",
        };
        let host = range(first.host, last.host);
        let container = range(first.container, last.container);
        Some(format!("{address}{host}:{container}{protocol}"))
    });
    texts.collect()
}

/// Reads the words of a command as a POSIX shell does, without expanding anything.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn split_words(line: &str) -> Result<Vec<String>, String> {
    shell_words::split(line).map_err(crate::human::sentence)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|&text| text.to_owned()).collect()
    }

    /// A form in which everything is filled in.
    pub(in crate::containers) fn full() -> RunText {
        RunText {
            command: "sh -c 'echo $HOME; exit 3'".into(),
            entrypoint: "/entry --fast".into(),
            environment: "A=it's\nB=\nC='two\nlines'\nD=' x'".into(),
            mounts: texts(&["/srv/my data:/data:ro", "cache:/var/cache", "/own"]),
            memory: texts(&["/tmp", "/run:ro"]),
            ports: texts(&["127.0.0.1:8080-8082:80-82", "[::1]:53:53/udp", "9000:9000"]),
            network: "private".into(),
            user: "web:web".into(),
            folder: "/srv".into(),
            hostname: "otter".into(),
            memory_limit: "512m".into(),
            cpus: "1.5".into(),
            processes: "100".into(),
            read_only: true,
            terminal: true,
            stdin: true,
        }
    }

    fn parse(text: &RunText) -> RunOptions {
        text.parse(&|_| None).expect("it can be")
    }

    fn refused(text: &RunText) -> Vec<RunField> {
        let problems = text.parse(&|_| None).expect_err("it cannot be");
        problems.iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        assert_eq!(RunText::of(&parse(&full())), full());
        let empty = RunText {
            network: "none".into(),
            ..RunText::default()
        };
        assert_eq!(parse(&empty), RunOptions::default());
        assert_eq!(RunText::of(&RunOptions::default()), empty);
    }

    #[test]
    fn every_field_says_what_is_wrong_with_it() {
        let bad = RunText {
            command: "sh -c 'x".into(),
            environment: "A=1\n=x\n=y".into(),
            mounts: texts(&["./here:/data"]),
            memory: texts(&["tmp"]),
            ports: texts(&["http"]),
            network: "bridge0".into(),
            hostname: "a b".into(),
            memory_limit: "1m".into(),
            cpus: "many".into(),
            processes: "-2".into(),
            ..full()
        };
        use RunField as F;
        assert_eq!(
            refused(&bad),
            [
                F::Command,
                F::Environment,
                F::Mounts,
                F::Memory,
                F::Ports,
                F::Network,
                F::MemoryLimit,
                F::Cpus,
                F::Processes,
                F::Hostname
            ]
        );
        let apart = RunText {
            network: "none".into(),
            ..full()
        };
        assert_eq!(refused(&apart), [F::Ports]);
        let none = RunText {
            command: String::new(),
            entrypoint: "''".into(),
            ..full()
        };
        assert_eq!(refused(&none), [F::Entrypoint]);
    }

    #[test]
    fn a_variable_of_here_is_taken_by_its_name() {
        let named = RunText {
            environment: "HERE\n\n  GONE ".into(),
            ..full()
        };
        let options = named.parse(&|name| (name == "HERE").then(|| "yes".into()));
        assert_eq!(options.expect("it can be").environment, ["HERE=yes"]);
    }

    #[test]
    fn limits_are_written_as_they_are_read() {
        for (bytes, text) in [
            (6 << 20, "6m"),
            (3 << 30, "3g"),
            (1536 << 10, "1536k"),
            (7, "7"),
        ] {
            assert_eq!(memory_text(bytes), text);
        }
        for (thousandths, text) in [(1500, "1.5"), (2000, "2"), (10, "0.01")] {
            assert_eq!(cpus_text(thousandths), text);
        }
    }
}
