//! Where an engine is reached.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// Where an engine is reached, in the words of docker's `--host`.
///
/// <https://docs.docker.com/reference/cli/docker/#specify-daemon-host--h---host>
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `unix://PATH`: a socket of this computer.
    Unix(PathBuf),
    /// `npipe://PATH`: a named pipe of Windows.
    Pipe(String),
    /// `tcp://HOST:PORT`: in the clear, or with TLS where there are files for it.
    Tcp {
        /// The host, a name or an address.
        host: String,
        /// The port.
        port: u16,
        /// How the connection is secured; `None` = not at all.
        tls: Option<TlsFiles>,
    },
    /// `ssh://[USER@]HOST[:PORT][/SOCKET]`: through the user's own `ssh`, with the user's keys and settings.
    Ssh {
        /// The user there; `None` = what ssh's settings say.
        user: Option<String>,
        /// The host, or its name in ssh's settings.
        host: String,
        /// The port; `None` = what ssh's settings say.
        port: Option<u16>,
        /// The socket there; `None` = what the host's own docker uses.
        socket: Option<String>,
    },
}

/// Files for TLS, as `docker --tlsverify` has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TlsFiles {
    /// Whom to trust; `None` = whom the system trusts.
    pub ca: Option<PathBuf>,
    /// The client's certificate, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Whether any certificate is good enough: only where the user said so.
    pub any_certificate: bool,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address of an engine: {reason}")]
pub struct AddressError {
    /// The text, cut to 200 characters, without a password.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Address {
    /// Adds TLS to an address that can have it.
    #[must_use]
    pub fn with_tls(self, files: TlsFiles) -> Self {
        match self {
            Self::Tcp { host, port, .. } => Self::Tcp {
                host,
                port,
                tls: Some(files),
            },
            other => other,
        }
    }

    /// Tells whether what is said to it travels over a network for everybody to read and to change.
    #[must_use]
    pub fn is_in_the_clear(&self) -> bool {
        matches!(self, Self::Tcp { tls: None, .. }) && !self.is_local()
    }

    /// Tells whether it is on this computer, where nothing travels over a network.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) | Self::Pipe(_) => true,
            Self::Tcp { host, .. } => matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1"),
            Self::Ssh { .. } => false,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |reason| AddressError {
            text: without_password(text).chars().take(200).collect(),
            reason,
        };
        if text.chars().any(char::is_control) {
            return Err(fail("it has control characters"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(fail("it begins with unix://, npipe://, tcp:// or ssh://"));
        };
        match scheme {
            "unix" if rest.is_empty() => Err(fail("the socket's path is missing")),
            "unix" => Ok(Self::Unix(rest.into())),
            "npipe" if rest.is_empty() => Err(fail("the pipe's path is missing")),
            "npipe" => Ok(Self::Pipe(rest.replace('/', "\\"))),
            "tcp" | "http" | "https" => {
                // `http` gives the URL a host whatever docker's scheme is.
                let url = Url::parse(&format!("http://{rest}"))
                    .map_err(|_| fail("the host cannot be read"))?;
                let host = url.host_str().unwrap_or_default();
                if !matches!(url.path(), "" | "/") || url.query().is_some() {
                    return Err(fail("behind the host stands nothing but a port"));
                }
                if !url.username().is_empty() || url.password().is_some() {
                    return Err(fail("an engine takes no user and no password"));
                }
                let secure = scheme == "https";
                let port = explicit_port(rest, &url).unwrap_or(if secure { 2376 } else { 2375 });
                Ok(Self::Tcp {
                    host: host.trim_matches(['[', ']']).to_owned(),
                    port,
                    tls: secure.then(TlsFiles::default),
                })
            }
            "ssh" => {
                let url = Url::parse(text).map_err(|_| fail("the host cannot be read"))?;
                if url.password().is_some() {
                    return Err(fail("ssh takes no password in an address"));
                }
                if url.query().is_some() || url.fragment().is_some() {
                    return Err(fail(
                        "behind the host stands nothing but a port and a socket",
                    ));
                }
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
                // ssh would take it for one of its flags.
                if host.starts_with('-') || url.username().starts_with('-') {
                    return Err(fail("a host or user does not begin with a dash"));
                }
                if host.is_empty() {
                    return Err(fail("the host is missing"));
                }
                // ssh's settings may hand it to a shell on this side, as `ProxyCommand` does.
                if !host.chars().all(|c| is_plain(c) || c == ':') {
                    return Err(fail("the host has characters that a shell would take"));
                }
                let socket = Some(url.path()).filter(|path| !matches!(*path, "" | "/"));
                if socket.is_some_and(|socket| !socket.chars().all(is_plain)) {
                    return Err(fail(
                        "the socket's path has characters that a shell would take",
                    ));
                }
                let user = Some(url.username()).filter(|user| !user.is_empty());
                if user.is_some_and(|user| !user.chars().all(is_plain)) {
                    return Err(fail("the user has characters that a shell would take"));
                }
                Ok(Self::Ssh {
                    user: user.map(str::to_owned),
                    host: host.to_owned(),
                    port: url.port(),
                    socket: socket.map(str::to_owned),
                })
            }
            _ => Err(fail("it begins with unix://, npipe://, tcp:// or ssh://")),
        }
    }
}

/// `Url` forgets a port that is its scheme's own.
fn explicit_port(rest: &str, url: &Url) -> Option<u16> {
    url.port().or_else(|| {
        let authority = rest.split('/').next().unwrap_or_default();
        authority.ends_with(":80").then_some(80)
    })
}

/// ssh hands its words to a shell on the other side.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/._-+@".contains(character)
}

/// An address takes no password, but somebody may have put one into it.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => format!("{scheme}://…@{host}"),
        _ => text.to_owned(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Pipe(path) => write!(f, "npipe://{}", path.replace('\\', "/")),
            Self::Tcp { host, port, .. } if host.contains(':') => {
                write!(f, "tcp://[{host}]:{port}")
            }
            Self::Tcp { host, port, .. } => write!(f, "tcp://{host}:{port}"),
            Self::Ssh {
                user,
                host,
                port,
                socket,
            } => {
                f.write_str("ssh://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                match host.contains(':') {
                    true => write!(f, "[{host}]")?,
                    false => f.write_str(host)?,
                }
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                f.write_str(socket.as_deref().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is typed is an address or an error; an address says itself, and means the same again.
        #[test]
        fn an_address_reads_back(text in "(unix|npipe|tcp|http|https|ssh)://[a-z0-9.:@/$;%\\[\\]-]{0,30}") {
            if let Ok(address) = text.parse::<Address>() {
                let shown = address.to_string();
                let again = shown.parse::<Address>();
                prop_assert!(again.is_ok(), "{} {:?}", shown, again);
                prop_assert_eq!(again.map(|again| again.to_string()), Ok(shown));
            }
        }
    }

    #[test]
    fn addresses_are_dockers() {
        for text in [
            "unix:///var/run/docker.sock",
            "npipe:////./pipe/docker_engine",
            "tcp://127.0.0.1:2375",
            "tcp://[::1]:2376",
            "tcp://localhost:80",
            "ssh://build",
            "ssh://ada@build.example:2222",
            "ssh://ada@build/run/user/1000/podman/podman.sock",
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        let defaults: Address = "tcp://engine".parse().expect("an address");
        assert_eq!(defaults.to_string(), "tcp://engine:2375");
        let secure: Address = "https://engine".parse().expect("an address");
        assert_eq!(secure.to_string(), "tcp://engine:2376");
    }

    #[test]
    fn what_ssh_or_a_shell_would_take_for_something_else_is_refused() {
        for text in [
            "",
            "docker.sock",
            "unix://",
            "npipe://",
            "ftp://engine",
            "tcp://",
            "tcp://engine/path",
            "tcp://user:secret@engine",
            "ssh://",
            "ssh://-oProxyCommand=touch%20x",
            "ssh://-lroot@host",
            "ssh://user:secret@host",
            "ssh://host/$(touch x)",
            "ssh://host/a;b",
            "ssh://a$(touch)b",
            "ssh://a'b",
            "ssh://a%60b@host",
            "unix:///a\nb",
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
