//! Making the connection that HTTP is spoken over.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::words;
use crate::ssh::{self, Said};
use crate::{Address, Error, Result, SshFailure, TlsFiles};

/// How long an idle connection over a network is trusted before it is asked whether it still lives.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// `ERROR_PIPE_BUSY` of Windows.
#[cfg(windows)]
const PIPE_BUSY: i32 = 231;

/// Bytes both ways, whatever carries them.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// A connection that was made.
pub(crate) struct Dialled {
    stream: Box<dyn Bytes>,
    /// What ssh says on the side.
    pub(crate) said: Option<Said>,
}

/// Makes connections to one address.
pub(crate) struct Dialler {
    address: Address,
    tls: Option<TlsConnector>,
    /// The program, where the address needs it.
    ssh: Option<PathBuf>,
}

impl Dialler {
    /// Prepares; reads the files for TLS: blocking.
    pub(crate) fn new(address: Address, programs: &[PathBuf]) -> Result<Self> {
        let tls = match &address {
            Address::Tcp {
                tls: Some(files), ..
            } => Some(connector(files)?),
            _ => None,
        };
        let ssh = match &address {
            Address::Ssh { .. } => Some(ssh::program(programs).ok_or(Error::NoSsh)?),
            _ => None,
        };
        Ok(Self { address, tls, ssh })
    }

    pub(crate) async fn dial(&self) -> Result<Dialled> {
        let plain = |stream: Box<dyn Bytes>| Dialled { stream, said: None };
        match &self.address {
            Address::Unix(path) => {
                #[cfg(unix)]
                {
                    let stream = tokio::net::UnixStream::connect(path).await;
                    Ok(plain(Box::new(
                        stream.map_err(|error| self.failed(&error))?,
                    )))
                }
                #[cfg(not(unix))]
                {
                    let _ = path;
                    Err(self.failed(&io::ErrorKind::Unsupported.into()))
                }
            }
            Address::Pipe(path) => {
                #[cfg(windows)]
                {
                    let options = tokio::net::windows::named_pipe::ClientOptions::new();
                    loop {
                        match options.open(path) {
                            Ok(stream) => return Ok(plain(Box::new(stream))),
                            // Every place of the pipe is taken; one is free again in a moment.
                            Err(error) if error.raw_os_error() == Some(PIPE_BUSY) => {
                                tokio::time::sleep(Duration::from_millis(50)).await;
                            }
                            Err(error) => return Err(self.failed(&error)),
                        }
                    }
                }
                #[cfg(not(windows))]
                {
                    let _ = path;
                    Err(self.failed(&io::ErrorKind::Unsupported.into()))
                }
            }
            Address::Tcp { host, port, .. } => {
                let stream = TcpStream::connect((host.as_str(), *port))
                    .await
                    .map_err(|error| self.failed(&error))?;
                let alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE);
                socket2::SockRef::from(&stream)
                    .set_tcp_keepalive(&alive)
                    .and_then(|()| stream.set_nodelay(true))
                    .map_err(|error| self.failed(&error))?;
                let Some(tls) = &self.tls else {
                    return Ok(plain(Box::new(stream)));
                };
                let refused = |reason: String| Error::Tls {
                    address: self.address.to_string(),
                    reason,
                };
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| refused("the host's name cannot be in a certificate".into()))?;
                let stream = tls
                    .connect(name, stream)
                    .await
                    .map_err(|error| refused(words(&error)))?;
                Ok(plain(Box::new(stream)))
            }
            Address::Ssh {
                user,
                host,
                port,
                socket,
            } => {
                let program = self.ssh.as_ref().ok_or(Error::NoSsh)?;
                let target = ssh::Target {
                    user: user.as_deref(),
                    host,
                    port: *port,
                    socket: socket.as_deref(),
                };
                let (stream, said) = ssh::dial(program, &target).map_err(|error| {
                    Error::Ssh(Box::new(SshFailure::new(&self.address, error.to_string())))
                })?;
                Ok(Dialled {
                    stream: Box::new(stream),
                    said: Some(said),
                })
            }
        }
    }

    fn failed(&self, error: &io::Error) -> Error {
        let address = self.address.to_string();
        match error.kind() {
            io::ErrorKind::NotFound => Error::NotThere { address },
            io::ErrorKind::PermissionDenied => Error::Denied { address },
            io::ErrorKind::ConnectionRefused => Error::Refused { address },
            _ => Error::Unreachable {
                address,
                reason: words(error),
            },
        }
    }
}

fn connector(files: &TlsFiles) -> Result<TlsConnector> {
    Ok(TlsConnector::from(Arc::new(crate::tls::configuration(
        files,
    )?)))
}

impl AsyncRead for Dialled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Dialled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
