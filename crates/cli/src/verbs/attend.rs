//! Standing beside a program in a container: its streams, its terminal, the signals that are meant for it.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use engine::{Control, Input, Output, RunningContainer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::failure::Failure;

/// Bytes that are passed on at a time.
const PIECE: usize = 64 * 1024;

/// The signal that nothing withstands.
const KILL: i32 = 9;

/// What is lent to a program besides a reader of its output.
#[derive(Clone, Copy)]
pub(super) struct Lent {
    /// It has a terminal: its size is ours.
    pub(super) terminal: bool,
    /// It reads our standard input, and of a terminal every key. Otherwise that stays whole for who reads it after us.
    pub(super) input: bool,
}

/// Passes everything on until the program has ended, and returns its exit code.
pub(super) async fn attend(mut process: RunningContainer, lent: Lent) -> Result<u8, Failure> {
    let Lent { terminal, input } = lent;
    let control = process.control();
    let _raw = match terminal && input {
        true => raw::Raw::enter(),
        false => None,
    };
    let mut helpers = tokio::task::JoinSet::new();
    helpers.spawn(signals(control.clone(), terminal));
    // What is not taken stays open, and nothing comes from it.
    if input && let Some(input) = process.input.take() {
        helpers.spawn(send(input));
    }
    let out = pass(
        process.output.take(),
        super::save::standard_output()?,
        &control,
    );
    let errors = pass(process.errors.take(), standard_error()?, &control);
    let ((), (), code) = tokio::join!(out, errors, process.wait());
    helpers.abort_all();
    Ok(code?)
}

/// Passes on what it writes. When nobody reads it any more, the program is killed, as one of here would be by its next write; what it
/// writes until then is still taken.
async fn pass(from: Option<Output>, to: std::fs::File, control: &Control) {
    let Some(mut from) = from else { return };
    let mut to = Some(to);
    let mut buffer = vec![0; PIECE];
    // The end of a terminal is an error.
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let written = to.as_mut().map(|to| to.write_all(&buffer[..count]));
        if let Some(Err(_)) = written {
            to = None;
            // One that has ended needs no signal.
            drop(control.signal(KILL).await);
        }
    }
}

/// Sends standard input into it. A thread reads it, which nobody waits for at the end.
async fn send(mut input: Input) {
    let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(4);
    let read = move || {
        let mut buffer = vec![0; PIECE];
        let mut from = io::stdin().lock();
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    };
    let reading = std::thread::Builder::new()
        .name("standard input".into())
        .spawn(read);
    if reading.is_err() {
        return;
    }
    while let Some(piece) = pieces.recv().await {
        if input.write_all(&piece).await.is_err() {
            return;
        }
    }
}

/// Passes signals on. They are taken from here on, not only once somebody waits for what is returned: a Ctrl-C that answers the first
/// line is the program's, and not ours.
#[cfg(unix)]
fn signals(control: Control, terminal: bool) -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let taken = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
        SignalKind::window_change(),
    ]
    .map(signal);
    async move {
        let [
            Ok(mut interrupt),
            Ok(mut terminate),
            Ok(mut hangup),
            Ok(mut quit),
            Ok(mut resized),
        ] = taken
        else {
            return;
        };
        if terminal {
            resize(&control);
        }
        loop {
            let kind = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
                _ = hangup.recv() => SignalKind::hangup(),
                _ = quit.recv() => SignalKind::quit(),
                _ = resized.recv() => {
                    if terminal {
                        resize(&control);
                    }
                    continue;
                }
            };
            // One that has ended needs no signal.
            drop(control.signal(kind.as_raw_value()).await);
        }
    }
}

#[cfg(unix)]
fn resize(control: &Control) {
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stdin())
        && size.ws_row > 0
    {
        control.resize(size.ws_row, size.ws_col);
    }
}

/// Nothing runs here that could be sent a signal.
#[cfg(not(unix))]
async fn signals(_control: Control, _terminal: bool) {}

fn standard_error() -> io::Result<std::fs::File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsHandle as _;
        Ok(io::stderr().as_handle().try_clone_to_owned()?.into())
    }
}

/// Refuses a terminal where there is none to lend, in docker's words.
pub(super) fn check_terminal(tty: bool, interactive: bool) -> Result<(), Failure> {
    match tty && interactive && !io::stdin().is_terminal() {
        true => Err(Failure::Usage("the input device is not a TTY".into())),
        false => Ok(()),
    }
}

#[cfg(unix)]
mod raw {
    use std::io;

    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

    /// The terminal passes every key on until this is dropped.
    pub(super) struct Raw(Termios);

    impl Raw {
        pub(super) fn enter() -> Option<Self> {
            let before = tcgetattr(io::stdin()).ok()?;
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(io::stdin(), OptionalActions::Now, &raw).ok()?;
            Some(Self(before))
        }
    }

    impl Drop for Raw {
        fn drop(&mut self) {
            // The terminal may be gone, and then there is nothing to give back.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        }
    }
}

#[cfg(not(unix))]
mod raw {
    pub(super) struct Raw;

    impl Raw {
        pub(super) fn enter() -> Option<Self> {
            None
        }
    }
}
