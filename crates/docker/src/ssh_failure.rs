//! Why ssh did not get through, read from its own words: they are English, whatever the language of the computer is.

use std::path::PathBuf;

use crate::Address;

/// How ssh failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshFailure {
    /// The host.
    pub host: String,
    /// What follows `ssh` where a person tries the same: `-p 2222 ada@build.example`. Nothing in it needs quotes.
    pub login: String,
    /// What the host is called in the list of known keys: `build.example`, or `[build.example]:2222`. Nothing in it needs quotes but for
    /// the brackets.
    ///
    /// ssh's own word for it where it said one: of a name in its settings it looks for the host behind it.
    pub known_as: String,
    /// The list of known keys that has another key, where ssh named it.
    pub known_in: Option<PathBuf>,
    /// Why, as far as it can be told.
    pub reason: SshReason,
    /// ssh's own last words.
    pub said: String,
}

/// Why ssh did not get through.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SshReason {
    /// The host shows another key than the one that is known here.
    HostKeyChanged {
        /// The fingerprint of the key that it shows, such as `SHA256:…`.
        fingerprint: Option<String>,
    },
    /// Nobody has ever said here that the host's key is the right one.
    HostKeyUnknown,
    /// The host takes none of the keys that it was offered.
    KeyRefused,
    /// There is no way to the host, or nobody listens there.
    Unreachable,
    /// The host has no `docker` that could carry the bytes.
    NoDocker,
    /// The host has one, and no engine answers it.
    NoEngine,
    /// The user may not use the engine there.
    EngineDenied,
    /// Something else.
    Other,
}

impl SshFailure {
    /// Judges what an ssh to an address said. An address that is none of ssh's has an empty host.
    pub(crate) fn new(address: &Address, said: String) -> Self {
        let (user, host, port) = match address {
            Address::Ssh {
                user, host, port, ..
            } => (user.as_deref(), host.as_str(), *port),
            _ => (None, "", None),
        };
        let mut login = port.map(|port| format!("-p {port} ")).unwrap_or_default();
        if let Some(user) = user {
            login.push_str(user);
            login.push('@');
        }
        login.push_str(host);
        Self {
            host: host.to_owned(),
            login,
            known_as: known_as(&said).unwrap_or_else(|| match port {
                Some(port) if port != 22 => format!("[{host}]:{port}"),
                _ => host.to_owned(),
            }),
            known_in: known_in(&said),
            reason: judge(&said),
            said,
        }
    }

    /// Returns the line that tells most.
    fn line(&self) -> &str {
        let telling = |line: &&str| judge(line) == self.reason;
        let line = self.said.lines().rev().find(telling);
        let line = line.unwrap_or(&self.said).trim();
        line.strip_prefix("ssh: ").unwrap_or(line)
    }
}

impl std::fmt::Display for SshFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = &self.host;
        match &self.reason {
            SshReason::HostKeyChanged { fingerprint } => {
                write!(
                    f,
                    "{host} shows another host key than the one that is known here"
                )?;
                match fingerprint {
                    Some(fingerprint) => write!(f, " ({fingerprint})"),
                    None => Ok(()),
                }
            }
            SshReason::HostKeyUnknown => write!(f, "the host key of {host} is not known here"),
            SshReason::KeyRefused => {
                write!(f, "{host} takes none of this user's keys: {}", self.line())
            }
            SshReason::Unreachable => write!(f, "ssh cannot reach {host}: {}", self.line()),
            SshReason::NoDocker => write!(f, "{host} has no docker command: {}", self.line()),
            SshReason::NoEngine => write!(f, "no engine answers on {host}: {}", self.line()),
            SshReason::EngineDenied => {
                write!(
                    f,
                    "this user may not use the engine on {host}: {}",
                    self.line()
                )
            }
            SshReason::Other => write!(f, "ssh to {host} failed: {}", self.said),
        }
    }
}

impl std::error::Error for SshFailure {}

fn judge(said: &str) -> SshReason {
    let has = |words: &[&str]| words.iter().any(|words| said.contains(words));
    let at_socket = has(&["dial unix", "Docker daemon", "Podman socket"]);
    if has(&[
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "has changed and you have requested strict checking",
    ]) {
        let fingerprint = said.split_whitespace().find_map(fingerprint);
        SshReason::HostKeyChanged { fingerprint }
    } else if has(&[
        "Host key verification failed",
        "host key is known for",
        "Host key fingerprint",
    ]) {
        SshReason::HostKeyUnknown
    } else if has(&["Permission denied (", "Too many authentication failures"]) {
        SshReason::KeyRefused
    } else if at_socket && has(&["permission denied", "Permission denied"]) {
        SshReason::EngineDenied
    } else if at_socket && has(&["no such file", "refused", "annot connect"]) {
        SshReason::NoEngine
    } else if has(&["docker"]) && has(&["not found", "not recognized", "o such file"]) {
        SshReason::NoDocker
    } else if has(&[
        "ssh: connect to host",
        "ssh: Could not resolve hostname",
        "kex_exchange_identification",
        "Connection timed out",
    ]) {
        SshReason::Unreachable
    } else {
        SshReason::Other
    }
}

/// Reads under which name ssh looked for the key that has changed. Not everything that is said is ssh's own, and this goes into a command.
fn known_as(said: &str) -> Option<String> {
    let line = said.lines().find_map(|line| {
        line.trim()
            .strip_prefix("Host key for ")?
            .split_once(" has changed")
    });
    let (name, _) = line?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_:%[]".contains(c);
    let is_name = !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain);
    is_name.then(|| name.to_owned())
}

/// Reads which file has the key that has changed.
fn known_in(said: &str) -> Option<PathBuf> {
    let file = said.lines().find_map(|line| {
        let (_, file) = line
            .trim()
            .strip_prefix("Offending ")?
            .split_once(" key in ")?;
        let (file, line) = file.rsplit_once(':')?;
        line.parse::<u64>().ok().map(|_| file)
    })?;
    let is_plain = |c: char| !c.is_control() && !"'\"\\`$".contains(c);
    (file.starts_with('/') && file.chars().all(is_plain)).then(|| file.into())
}

/// Reads a fingerprint, and nothing that only begins like one: it is shown as what to compare with.
fn fingerprint(word: &str) -> Option<String> {
    let word = word.trim_end_matches('.');
    let hash = word.strip_prefix("SHA256:")?;
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    (hash.len() == 43 && hash.chars().all(is_base64)).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(said: &str) -> SshFailure {
        let address = "ssh://ada@build:2222".parse().expect("an address");
        SshFailure::new(&address, said.to_owned())
    }

    #[test]
    fn what_ssh_says_is_told_apart() {
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n\
             The fingerprint for the ED25519 key sent by the remote host is\n\
             SHA256:de4msOafERquHITySINHDwPoYNudC6VEdc8iq0MQkK8.\n\
             Host key for [build]:2222 has changed and you have requested strict checking.\n\
             Host key verification failed.";
        for (said, told) in [
            (
                changed,
                "build shows another host key than the one that is known here \
                 (SHA256:de4msOafERquHITySINHDwPoYNudC6VEdc8iq0MQkK8)",
            ),
            (
                "No ED25519 host key is known for build and you have requested strict checking.\nHost key verification failed.",
                "the host key of build is not known here",
            ),
            (
                "Welcome to build\nada@build: Permission denied (publickey,password).",
                "build takes none of this user's keys: ada@build: Permission denied (publickey,password).",
            ),
            (
                "ssh: connect to host build port 2222: Connection refused",
                "ssh cannot reach build: connect to host build port 2222: Connection refused",
            ),
            (
                "ssh: Could not resolve hostname build: Name or service not known",
                "ssh cannot reach build: Could not resolve hostname build: Name or service not known",
            ),
            (
                "bash: line 1: docker: command not found",
                "build has no docker command: bash: line 1: docker: command not found",
            ),
            (
                "zsh:1: command not found: docker",
                "build has no docker command: zsh:1: command not found: docker",
            ),
            (
                "failed to open the raw stream connection: dial unix /x.sock: connect: no such file or directory",
                "no engine answers on build: failed to open the raw stream connection: dial unix /x.sock: connect: no such file or directory",
            ),
            (
                "dial unix /var/run/docker.sock: connect: permission denied",
                "this user may not use the engine on build: dial unix /var/run/docker.sock: connect: permission denied",
            ),
            (
                "client_loop: send disconnect: Broken pipe",
                "ssh to build failed: client_loop: send disconnect: Broken pipe",
            ),
        ] {
            assert_eq!(failure(said).to_string(), told);
        }
    }

    #[test]
    fn what_a_person_types_instead_has_user_and_port() {
        let with_port = failure("x");
        assert_eq!(with_port.login, "-p 2222 ada@build");
        assert_eq!(with_port.known_as, "[build]:2222");
        let plain = "ssh://build".parse().expect("an address");
        let plain = SshFailure::new(&plain, String::new());
        assert_eq!((&*plain.login, &*plain.known_as), ("build", "build"));
    }

    #[test]
    fn the_list_of_known_keys_is_the_one_that_ssh_means() {
        let said = "Offending ECDSA key in /home/ada/.ssh/known_hosts:3\n  remove with:\n\
             Host key for [10.0.0.7]:2200 has changed and you have requested strict checking.\r\n\
             Host key verification failed.";
        let changed = failure(said);
        assert_eq!(changed.known_as, "[10.0.0.7]:2200");
        assert_eq!(
            changed.known_in,
            Some("/home/ada/.ssh/known_hosts".into()),
            "the number of the line is no part of it"
        );
        for other in [
            "Host key for x'; touch y #' has changed and you have requested strict checking.",
            "Host key for -f has changed and you have requested strict checking.",
            "Offending RSA key in /tmp/'$(touch y)':1",
            "Offending RSA key in known_hosts",
        ] {
            let changed = failure(other);
            assert_eq!(changed.known_as, "[build]:2222", "{other}");
            assert_eq!(changed.known_in, None, "{other}");
        }
    }

    #[test]
    fn no_other_text_is_taken_for_a_fingerprint() {
        for said in [
            "REMOTE HOST IDENTIFICATION HAS CHANGED SHA256:short",
            "REMOTE HOST IDENTIFICATION HAS CHANGED SHA256:$(touch-x)aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            let reason = failure(said).reason;
            assert_eq!(reason, SshReason::HostKeyChanged { fingerprint: None });
        }
    }
}
