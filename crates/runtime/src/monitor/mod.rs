//! The **monitor**: a program beside each container, which makes its surroundings, starts it, passes on what it writes, and knows how
//! it ended.
//!
//! It is this program again, started with a private argument, because none of it can be done in a process with threads: entering
//! namespaces, becoming another user, and starting a runtime that forks. It has one thread, and one caller, with whom it speaks over
//! the socket that is its standard input ([`crate::message`]).
//!
//! All mounts are in its own mount namespace, so that the system takes them away when it ends, however that happens. When its
//! caller is gone the container is killed, unless it was started to live on. (Not by `PR_SET_PDEATHSIG`: that is bound to the thread
//! which started it, and threads of a pool come and go.)

mod bundle;
mod cgroup;
mod console;
mod copy;
mod exec;
mod inside;
mod log;
mod marks;
mod namespace;
mod network;
mod prepare;
mod pump;
mod put;
mod reach;
mod remove;
mod root;
mod run;
mod start;
mod state;
mod swap;
mod take;
mod trial;
mod unpack;
mod waited;
mod walk;
mod watch;
mod write_changes;

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags};

use crate::error::Context;
use crate::message::{self, Incoming, Order, Report, Word, Work};
use crate::{Failure, Identity};

pub(crate) use cgroup::hindrance;
pub use log::LogReader;
pub(crate) use run::end_what_was_left;
pub(crate) use state::{
    ATTEMPTS, PAUSE, ProcessId, Recorded, has_ended, is_alive, is_running, read as read_state,
    try_lock,
};
pub(crate) use watch::signal;

/// The argument that makes a program a monitor.
pub(crate) const ARGUMENT: &str = "--strata-container-monitor";

/// Becomes the monitor, and never returns, where the program was started as one.
///
/// A program calls this first in its `main`, before it starts a thread or prints anything.
pub fn dispatch() {
    if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(ARGUMENT)) {
        std::process::exit(i32::from(serve().is_err()));
    }
}

/// The program that wants something.
struct Caller {
    socket: OwnedFd,
    incoming: Incoming,
}

impl Caller {
    fn say(&self, report: &Report, files: &[BorrowedFd<'_>]) -> io::Result<()> {
        message::send(&self.socket, report, files)
    }

    fn hear(&mut self) -> io::Result<Word> {
        Ok(self.incoming.wait(self.socket.as_fd())?.0)
    }

    /// Tells whether nobody waits any more.
    fn is_gone(&self) -> bool {
        is_gone(&self.socket)
    }
}

fn is_gone(socket: &OwnedFd) -> bool {
    let gone = PollFlags::HUP | PollFlags::RDHUP;
    let mut polled = [PollFd::new(socket, gone)];
    let now = rustix::time::Timespec::default();
    let polled_some = rustix::event::poll(&mut polled, Some(&now)).is_ok();
    polled_some && polled[0].revents().intersects(gone)
}

fn serve() -> io::Result<()> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let mut incoming = Incoming::default();
    let (order, _): (Order, _) = incoming.wait(socket.as_fd())?;
    let mut caller = Caller { socket, incoming };
    // Of its own session, so that a Ctrl-C in the caller's terminal is the caller's to pass on.
    let _ = rustix::process::setsid();
    let outcome = work(&order, &mut caller);
    match outcome {
        Ok(report) => caller.say(&report, &[]),
        Err(failure) => {
            caller.say(&Report::Failed(failure), &[])?;
            Err(io::ErrorKind::Other.into())
        }
    }
}

fn work(order: &Order, caller: &mut Caller) -> Result<Report, Failure> {
    match &order.work {
        Work::Exec(exec) => return exec::exec(exec, &order.identity, caller),
        Work::Put(put) => return put::put(put, &order.identity, caller),
        Work::Look(look) => return reach::look(look).map(Report::Found),
        Work::Take(take) => return take::take(take, caller),
        Work::Run(_) => {
            let parent = Some(rustix::process::getpid());
            rustix::process::set_child_subreaper(parent)
                .context("become the container's parent")?;
        }
        _ => {}
    }
    enter(&order.identity, caller)?;
    match &order.work {
        Work::Run(run) => run::run(run, &order.identity, caller),
        Work::Unpack(unpack) => unpack::unpack(unpack, &order.identity, caller),
        Work::Changes(changes) => write_changes::write(changes, caller),
        Work::Remove { path } => remove::remove(path).map(|()| Report::Done),
        Work::Try { folder } => trial::try_all(folder).map(|()| Report::Done),
        Work::Exec(_) | Work::Put(_) | Work::Look(_) | Work::Take(_) => Ok(Report::Done),
    }
}

/// Becomes root of a user namespace, where the caller is not root already.
fn enter(identity: &Identity, caller: &mut Caller) -> Result<(), Failure> {
    match identity {
        Identity::Root => Ok(()),
        Identity::Single { uid, gid } => {
            namespace::unshare_user()?;
            namespace::map_single(*uid, *gid)?;
            namespace::become_root()
        }
        Identity::Mapped { .. } => {
            namespace::unshare_user()?;
            caller
                .say(&Report::Unshared, &[])
                .context("speak with the caller")?;
            match caller.hear().context("hear from the caller")? {
                Word::Mapped => namespace::become_root(),
                Word::Signal(_) => Err(Failure::NotRunning),
            }
        }
    }
}
