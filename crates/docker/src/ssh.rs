//! Reaching an engine through the user's own `ssh`: `docker system dial-stdio` on the other side carries the bytes.
//!
//! The way of docker itself: <https://github.com/docker/cli/tree/master/cli/connhelper>.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

/// How long after a connection's end its ssh may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How much of what ssh says is kept.
const MAX_SAID: usize = 4096;

/// Whom ssh is to reach.
pub(crate) struct Target<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    pub(crate) socket: Option<&'a str>,
}

/// Finds the program in the folders of a search path.
pub(crate) fn program(folders: &[PathBuf]) -> Option<PathBuf> {
    let name = if cfg!(windows) { "ssh.exe" } else { "ssh" };
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// Starts ssh. Whether it gets through shows when something is read.
pub(crate) fn dial(program: &Path, target: &Target<'_>) -> io::Result<(SshStream, Said)> {
    let mut command = Command::new(program);
    // Nobody is there to type a password: a key or an agent has to do.
    command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]);
    command.args(["-o", "ServerAliveInterval=15", "-T"]);
    if let Some(user) = target.user {
        command.args(["-l", user]);
    }
    if let Some(port) = target.port {
        command.arg("-p").arg(port.to_string());
    }
    command.arg("--").arg(target.host).arg("docker");
    if let Some(socket) = target.socket {
        command.arg("--host").arg(format!("unix://{socket}"));
    }
    command.args(["system", "dial-stdio"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    let input = child.stdin.take().ok_or_else(gone)?;
    let output = child.stdout.take().ok_or_else(gone)?;
    let errors = child.stderr.take().ok_or_else(gone)?;
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        let mut text = Vec::new();
        let mut errors = errors;
        let mut piece = [0; 1024];
        // The last words are the ones that say why.
        while let Ok(count) = errors.read(&mut piece).await
            && count > 0
        {
            text.extend_from_slice(&piece[..count]);
            let surplus = text.len().saturating_sub(MAX_SAID);
            text.drain(..surplus);
        }
        sender.send_replace(Some(String::from_utf8_lossy(&text).trim().to_owned()));
    });
    let stream = SshStream {
        input: Some(input),
        output,
        _child: child,
    };
    Ok((stream, Said(receiver)))
}

/// What an ssh says on its standard error.
#[derive(Clone)]
pub(crate) struct Said(watch::Receiver<Option<String>>);

impl Said {
    /// Returns the last words of an ssh that has ended, or is about to.
    pub(crate) async fn last_words(mut self) -> Option<String> {
        let said = tokio::time::timeout(LAST_WORDS, self.0.wait_for(Option::is_some)).await;
        let text = said.ok()?.ok()?.clone()?;
        Some(text).filter(|text| !text.is_empty())
    }
}

/// The bytes to and from a running ssh, which ends with it.
pub(crate) struct SshStream {
    input: Option<ChildStdin>,
    output: ChildStdout,
    _child: Child,
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(context, buffer)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Closes the pipe: that is how the other side learns that nothing more comes.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}
