//! What a user says about a run, each text parsed once.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Error;

/// How a container reaches others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Network {
    /// Through a program of its own that has no rights (pasta or slirp4netns).
    Private,
    /// As the programs outside.
    Host,
    /// Not at all; it has its own loopback.
    #[default]
    None,
}

impl std::str::FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "none" => Ok(Self::None),
            "host" => Ok(Self::Host),
            "private" | "bridge" | "default" | "pasta" | "slirp4netns" => Ok(Self::Private),
            _ => Err(Error::Option {
                option: "network",
                text: text.to_owned(),
                problem: "it is none, host or private",
            }),
        }
    }
}

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A port of this computer that leads into the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The address to listen on; all where there is none.
    pub address: Option<std::net::IpAddr>,
    /// The port to listen on.
    pub host: u16,
    /// The port in the container.
    pub container: u16,
    /// Of which protocol.
    pub protocol: Protocol,
}

impl Port {
    /// Reads docker's `-p`: `[[ADDRESS:]PORT:]PORT[/PROTOCOL]`, where ports may be ranges. An address of IPv6 is in brackets.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn parse(text: &str) -> Result<Vec<Self>, Error> {
        let refused = |problem| Error::Option {
            option: "port",
            text: text.to_owned(),
            problem,
        };
        let (rest, protocol) = match text.rsplit_once('/') {
            None | Some((_, "tcp")) => (text.strip_suffix("/tcp").unwrap_or(text), Protocol::Tcp),
            Some((rest, "udp")) => (rest, Protocol::Udp),
            Some(_) => return Err(refused("the protocol is tcp or udp")),
        };
        let (before, container) = rest
            .rsplit_once(':')
            .map_or((None, rest), |(before, port)| (Some(before), port));
        let (address, host) = match before {
            None => (None, container),
            Some(before) => match before.rsplit_once(':') {
                None => (None, before),
                Some(("", host)) => (None, host),
                Some((address, host)) => {
                    let bare = address
                        .strip_prefix('[')
                        .and_then(|text| text.strip_suffix(']'));
                    let address = bare.unwrap_or(address).parse();
                    (
                        Some(address.map_err(|_| refused("the address is none"))?),
                        host,
                    )
                }
            },
        };
        let container = range(container).ok_or_else(|| refused("a port is 1 to 65535"))?;
        let host = match host {
            "" => {
                return Err(refused(
                    "a port of this computer must be named; none is chosen by itself",
                ));
            }
            host => range(host).ok_or_else(|| refused("a port is 1 to 65535"))?,
        };
        if host.len() != container.len() {
            return Err(refused("the ranges are not of one length"));
        }
        Ok(host
            .zip(container)
            .map(|(host, container)| Self {
                address,
                host,
                container,
                protocol,
            })
            .collect())
    }
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let port = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let port = digits.then(|| text.parse::<u16>().ok()).flatten();
        port.filter(|&port| port != 0)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some(first..=last)
}

/// What stands at a place in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A folder or file of this computer.
    Host(PathBuf),
    /// A folder that is kept under a name and outlives containers.
    Volume(String),
    /// A folder that belongs to the container.
    Anonymous,
    /// Memory.
    Memory,
}

/// A place in the container that is not part of its image or its changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// What stands there.
    pub source: Source,
    /// Where: an absolute path in the container.
    pub target: String,
    /// Whether it cannot be written to.
    pub read_only: bool,
}

impl Mount {
    /// Reads docker's `-v`: `[SOURCE:]TARGET[:OPTIONS]`, where the source is an absolute path or a volume's name, and the options are
    /// `ro`, `rw` and, for compatibility, `z`, `Z` and `rprivate`, which have no meaning here.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |problem| Error::Option {
            option: "volume",
            text: text.to_owned(),
            problem,
        };
        let mut parts: Vec<&str> = text.split(':').collect();
        let mut read_only = false;
        if parts.len() == 3 || (parts.len() == 2 && !parts[1].starts_with('/')) {
            for option in parts.pop().unwrap_or_default().split(',') {
                match option {
                    "ro" => read_only = true,
                    "rw" | "z" | "Z" | "rprivate" => {}
                    _ => return Err(refused("the options are ro or rw")),
                }
            }
        }
        let (source, target) = match parts.as_slice() {
            [target] => (Source::Anonymous, *target),
            [source, target] if source.starts_with('/') => {
                (Source::Host(PathBuf::from(source)), *target)
            }
            [name, target] if is_volume_name(name) => (Source::Volume((*name).to_owned()), *target),
            [_, _] => {
                return Err(refused(
                    "the source is an absolute path or a name of letters, digits and _.-",
                ));
            }
            _ => return Err(refused("it is [SOURCE:]TARGET[:ro]")),
        };
        let target = target_path(target)
            .ok_or_else(|| refused("the place in the container is an absolute path, and not /"))?;
        Ok(Self {
            source,
            target,
            read_only,
        })
    }

    /// Reads docker's `--tmpfs`: a place in the container. Options behind a colon are refused but for `rw` and `ro`.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn memory(text: &str) -> Result<Self, Error> {
        let refused = |problem| Error::Option {
            option: "tmpfs",
            text: text.to_owned(),
            problem,
        };
        let (target, options) = text.split_once(':').unwrap_or((text, "rw"));
        let read_only = match options {
            "rw" => false,
            "ro" => true,
            _ => return Err(refused("the options are ro or rw")),
        };
        let target = target_path(target)
            .ok_or_else(|| refused("the place in the container is an absolute path, and not /"))?;
        Ok(Self {
            source: Source::Memory,
            target,
            read_only,
        })
    }

    /// Makes a place for the content of an image's volume, or nothing where the image names none that can be.
    pub fn anonymous(target: &str) -> Option<Self> {
        Some(Self {
            source: Source::Anonymous,
            target: target_path(target)?,
            read_only: false,
        })
    }
}

/// Docker's grammar of volume names.
fn is_volume_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.len() <= 255
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Resolves `.` and `..` of an absolute path by its text.
pub(crate) fn target_path(text: &str) -> Option<String> {
    if !text.starts_with('/') || text.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| format!("/{}", parts.join("/")))
}

/// Reads docker's `-e`: `NAME=VALUE`, or `NAME` for the value that `lookup` gives, and nothing where it gives none.
///
/// # Errors
/// [`Error::Option`].
pub fn parse_environment(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Error> {
    let refused = |problem| Error::Option {
        option: "environment",
        text: text.to_owned(),
        problem,
    };
    if text.contains('\0') {
        return Err(refused("it holds a NUL"));
    }
    match text.split_once('=') {
        Some(("", _)) => Err(refused("it has no name")),
        Some(_) => Ok(Some(text.to_owned())),
        None if text.is_empty() => Err(refused("it has no name")),
        None => Ok(lookup(text).map(|value| format!("{text}={value}"))),
    }
}

/// Reads docker's `--env-file`: one variable a line, `#` begins a comment line, and nothing is unquoted.
///
/// # Errors
/// [`Error::Option`].
pub fn parse_environment_file(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for line in text.lines().map(str::trim_start) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let name = line.split('=').next().unwrap_or_default();
        if name.contains(char::is_whitespace) {
            return Err(Error::Option {
                option: "environment file",
                text: line.to_owned(),
                problem: "a name holds no space",
            });
        }
        found.extend(parse_environment(line, lookup)?);
    }
    Ok(found)
}

/// Reads the name or number of a signal: `TERM`, `SIGTERM`, `15`, `RTMIN+3`.
///
/// # Errors
/// [`Error::Option`].
pub fn parse_signal(text: &str) -> Result<i32, Error> {
    let refused = || Error::Option {
        option: "signal",
        text: text.to_owned(),
        problem: "there is no such signal",
    };
    if let Ok(number) = text.parse::<i32>() {
        return (1..=64)
            .contains(&number)
            .then_some(number)
            .ok_or_else(refused);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(rest) = name.strip_prefix("RTMIN") {
        let offset = match rest {
            "" => Some(0),
            rest => rest.strip_prefix('+').and_then(|text| text.parse().ok()),
        };
        let offset: i32 = offset.ok_or_else(refused)?;
        return (0..=30)
            .contains(&offset)
            .then_some(34 + offset)
            .ok_or_else(refused);
    }
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
        .ok_or_else(refused)
}

/// Linux's numbers, the same on all machines that this runs on.
const SIGNALS: [(&str, i32); 31] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn port(text: &str) -> Vec<(Option<String>, u16, u16, Protocol)> {
        let ports = Port::parse(text).expect("it is one");
        ports
            .into_iter()
            .map(|port| {
                (
                    port.address.map(|at| at.to_string()),
                    port.host,
                    port.container,
                    port.protocol,
                )
            })
            .collect()
    }

    #[test]
    fn ports_as_docker_reads_them() {
        assert_eq!(port("8080:80"), [(None, 8080, 80, Protocol::Tcp)]);
        assert_eq!(port("80"), [(None, 80, 80, Protocol::Tcp)]);
        assert_eq!(port("53:53/udp"), [(None, 53, 53, Protocol::Udp)]);
        let local = Some("127.0.0.1".to_owned());
        assert_eq!(
            port("127.0.0.1:1-2:3-4"),
            [
                (local.clone(), 1, 3, Protocol::Tcp),
                (local, 2, 4, Protocol::Tcp)
            ]
        );
        let six = Some("::1".to_owned());
        assert_eq!(port("[::1]:8080:80/tcp"), [(six, 8080, 80, Protocol::Tcp)]);
        for bad in [
            "", "0", "65536", "1-2:3", "2-1:2-1", "x:80", "80/sctp", "host:1:2", "1:2:", ":80",
        ] {
            assert!(Port::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn volumes_as_docker_reads_them() {
        let mount = |text: &str| Mount::parse(text).expect("it is one");
        let host = mount("/srv:/data/../x/:ro");
        assert_eq!(
            (host.source, host.target.as_str(), host.read_only),
            (Source::Host("/srv".into()), "/x", true)
        );
        assert_eq!(
            mount("cache:/var/cache").source,
            Source::Volume("cache".into())
        );
        assert_eq!(mount("/data").source, Source::Anonymous);
        assert!(mount("/data:ro").read_only);
        for bad in [
            "",
            "x",
            "./x:/y",
            "/a:/",
            "/a:b",
            "a:/b:c",
            "/a:/b:ro:rw",
            "/a:/\0",
            "-x:/y",
        ] {
            assert!(Mount::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            Mount::memory("/tmp").map(|mount| mount.source).ok(),
            Some(Source::Memory)
        );
    }

    #[test]
    fn environment_by_value_and_by_name() {
        let lookup = |name: &str| (name == "HERE").then(|| "yes".to_owned());
        let read = |text| parse_environment(text, &lookup).expect("it is one");
        assert_eq!(read("A=b=c"), Some("A=b=c".to_owned()));
        assert_eq!(read("HERE"), Some("HERE=yes".to_owned()));
        assert_eq!(read("GONE"), None);
        assert!(parse_environment("=x", &lookup).is_err());
        assert!(parse_environment("A=\0", &lookup).is_err());
        let file = "\u{feff}# comment\n\n  A=1 \nHERE\nQ=\"x\"\n";
        assert_eq!(
            parse_environment_file(file, &lookup).expect("reads"),
            ["A=1 ", "HERE=yes", "Q=\"x\""]
        );
        assert!(parse_environment_file("A B=1", &lookup).is_err());
    }

    #[test]
    fn signals_by_name_and_number() {
        assert_eq!(parse_signal("SIGTERM").ok(), Some(15));
        assert_eq!(parse_signal("kill").ok(), Some(9));
        assert_eq!(parse_signal("3").ok(), Some(3));
        assert_eq!(parse_signal("SIGRTMIN+3").ok(), Some(37));
        for bad in ["", "0", "65", "-9", "NOPE", "RTMIN+31", "RTMIN-1"] {
            assert!(parse_signal(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_place_in_the_container_has_no_dots(text in "/[a./]{0,12}") {
            if let Some(path) = target_path(&text) {
                prop_assert!(path.starts_with('/') && !path.ends_with('/'));
                prop_assert!(path.split('/').skip(1).all(|part| !matches!(part, "" | "." | "..")));
            }
        }
    }
}
