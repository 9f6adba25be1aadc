//! Stays beside a process until it ends.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus};

use super::Caller;
use super::log::Log;
use super::pump::Pump;
use crate::Failure;
use crate::error::Context;
use crate::message::Word;

/// What is watched.
pub(super) struct Watch {
    pub(super) pid: Pid,
    pub(super) pumps: Vec<Pump>,
    pub(super) log: Option<Log>,
    /// Whether it lives on when the caller is gone.
    pub(super) detached: bool,
    /// Whether others in the container may keep the streams open when it has ended.
    pub(super) shared: bool,
}

/// How long a stream may be silent, once its process has ended, before it counts as done. Others may have it open.
const SILENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

impl Watch {
    /// Waits until the process has ended and everything that it wrote was passed on. Returns its exit code, 128 and the signal where
    /// one killed it.
    pub(super) fn until_end(mut self, caller: &mut Caller) -> Result<u8, Failure> {
        let step = "watch the container";
        let process = rustix::process::pidfd_open(self.pid, PidfdFlags::empty()).context(step)?;
        let mut hears = true;
        let mut code = None;
        while code.is_none() || !self.pumps.iter().all(Pump::is_done) {
            let ready = self
                .wait(caller, &process, hears, code.is_none())
                .context(step)?;
            if ready.ended {
                code = Some(reap(self.pid).context(step)?);
            }
            for (pump, ready) in self.pumps.iter_mut().zip(&ready.pumps) {
                if *ready {
                    pump.turn(self.log.as_mut());
                }
            }
            if code.is_some() && ready.is_silent() && self.shared {
                self.pumps.iter_mut().for_each(Pump::stop);
            }
            if ready.caller && !listen(caller, &process) {
                hears = false;
                if !self.detached && code.is_none() {
                    // Already gone is as good.
                    let _ = rustix::process::pidfd_send_signal(&process, Signal::KILL);
                }
            }
        }
        Ok(code.unwrap_or(125))
    }

    fn wait(
        &self,
        caller: &Caller,
        process: &OwnedFd,
        hears: bool,
        lives: bool,
    ) -> io::Result<Ready> {
        let mut polled = Vec::new();
        let mut pumps = vec![None; self.pumps.len()];
        for (pump, place) in self.pumps.iter().zip(&mut pumps) {
            if let Some((end, writes)) = pump.awaits() {
                *place = Some(polled.len());
                let flags = if writes {
                    PollFlags::OUT
                } else {
                    PollFlags::IN
                };
                polled.push(PollFd::new(end, flags));
            }
        }
        let heard = hears.then(|| {
            polled.push(PollFd::new(&caller.socket, PollFlags::IN));
            polled.len() - 1
        });
        let ended = lives.then(|| {
            polled.push(PollFd::new(process, PollFlags::IN));
            polled.len() - 1
        });
        let timeout = (!lives && self.shared).then_some(&SILENCE);
        match rustix::event::poll(&mut polled, timeout) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |at: Option<usize>| at.is_some_and(|at| !polled[at].revents().is_empty());
        Ok(Ready {
            pumps: pumps.into_iter().map(is_ready).collect(),
            caller: is_ready(heard),
            ended: is_ready(ended),
        })
    }
}

/// What something happened at.
struct Ready {
    pumps: Vec<bool>,
    caller: bool,
    ended: bool,
}

impl Ready {
    fn is_silent(&self) -> bool {
        !self.pumps.contains(&true) && !self.ended
    }
}

/// Does what the caller says, and tells whether it is still there.
fn listen(caller: &mut Caller, process: &OwnedFd) -> bool {
    match caller.incoming.step::<Word>(caller.socket.as_fd()) {
        Ok(Some((Word::Signal(number), _))) => {
            // The process may have ended meanwhile.
            let _ =
                signal(number).map(|signal| rustix::process::pidfd_send_signal(process, signal));
            true
        }
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

/// Makes a signal of its number.
#[expect(unsafe_code, reason = "real-time signals have no safe constructor")]
pub(crate) fn signal(number: i32) -> Option<Signal> {
    // SAFETY: it must not be one that the C library keeps for itself (32 and 33); those are refused here. And it is only sent to
    // other processes, never given a handler.
    (1..=64)
        .contains(&number)
        .then(|| {
            (!matches!(number, 32 | 33)).then(|| unsafe { Signal::from_raw_unchecked(number) })
        })
        .flatten()
}

fn reap(pid: Pid) -> io::Result<u8> {
    loop {
        match rustix::process::waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => {
                if let Some(code) = code(status) {
                    return Ok(code);
                }
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn code(status: WaitStatus) -> Option<u8> {
    let signalled = status.terminating_signal().map(|signal| 128 + signal);
    u8::try_from(status.exit_status().or(signalled)?).ok()
}
