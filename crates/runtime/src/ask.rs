//! Starts monitors and gives them their orders.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;

use tokio::net::UnixStream;

use crate::Error;
use crate::ids::{IdRange, Identity};
use crate::message::{Order, Report, Word, Work};
use crate::monitor;
use crate::running::Link;
use crate::runtime::{Runtime, absolute};

impl Runtime {
    pub(crate) async fn until_done(
        &self,
        work: Work,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Error> {
        let mut line = self.ask(work).await?;
        loop {
            match line.hear().await?.0 {
                Report::Done => return Ok(()),
                Report::Progress { bytes } => told(bytes),
                _ => {}
            }
        }
    }

    /// Tries everything that a container needs, in a folder that is there.
    pub(crate) async fn try_all(&self, folder: &Path) -> Result<(), Error> {
        self.until_done(
            Work::Try {
                folder: absolute(folder)?,
            },
            &|_| (),
        )
        .await
    }

    /// Starts a monitor, gives it its order, and maps its users where it has to be done from outside.
    pub(crate) async fn ask(&self, work: Work) -> Result<Link, Error> {
        let (socket, other) = UnixStream::pair().map_err(Error::Monitor)?;
        let other = other.into_std().map_err(Error::Monitor)?;
        other.set_nonblocking(false).map_err(Error::Monitor)?;
        // The others enter a user namespace that is there.
        let makes_namespace = !matches!(
            work,
            Work::Exec(_) | Work::Put(_) | Work::Look(_) | Work::Take(_)
        );
        let needs_mapping = makes_namespace && matches!(self.identity, Identity::Mapped { .. });
        let monitor = tokio::process::Command::new(&self.settings.monitor)
            .arg(monitor::ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(other))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::Monitor)?;
        let mut line = Link::new(socket, monitor);
        line.say(&Order {
            identity: self.identity,
            work,
        })
        .await?;
        if needs_mapping {
            while !matches!(line.hear().await?.0, Report::Unshared) {}
            self.map(line.pid()).await?;
            line.say(&Word::Mapped).await?;
        }
        Ok(line)
    }

    async fn map(&self, monitor: Option<u32>) -> Result<(), Error> {
        let (
            Some(monitor),
            Identity::Mapped {
                uid,
                gid,
                uids,
                gids,
            },
        ) = (monitor, self.identity)
        else {
            return Ok(());
        };
        let users = map_with(
            self.programs.newuidmap.as_deref(),
            "newuidmap",
            monitor,
            uid,
            uids,
        );
        let groups = map_with(
            self.programs.newgidmap.as_deref(),
            "newgidmap",
            monitor,
            gid,
            gids,
        );
        let (users, groups) = tokio::join!(users, groups);
        users.and(groups)
    }
}

async fn map_with(
    program: Option<&Path>,
    name: &'static str,
    monitor: u32,
    own: u32,
    range: IdRange,
) -> Result<(), Error> {
    let failed = |message: String| Error::Mapping {
        program: name,
        message,
    };
    let program = program.ok_or_else(|| failed("it is not installed".to_owned()))?;
    let numbers = [monitor, 0, own, 1, 1, range.start, range.count];
    let output = tokio::process::Command::new(program)
        .args(numbers.map(|number| number.to_string()))
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}
