//! Which user and group numbers a container can have.

use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
use crate::programs::Programs;

/// A range of numbers that a user may give to processes, as a line of `/etc/subuid` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// The first number.
    pub start: u32,
    /// How many.
    pub count: u32,
}

impl IdRange {
    /// Finds the first range of a user in the text of `/etc/subuid` or `/etc/subgid`, by name or by number.
    pub fn find(file: &str, name: &str, uid: u32) -> Option<Self> {
        file.lines().find_map(|line| {
            let mut fields = line.trim().split(':');
            let owner = fields.next()?;
            let is_mine = (!name.is_empty() && owner == name) || owner == uid.to_string();
            let range = Self {
                start: fields.next()?.parse().ok()?,
                count: fields.next()?.parse().ok()?,
            };
            let fits = range.count > 0 && range.start.checked_add(range.count).is_some();
            (is_mine && fits).then_some(range)
        })
    }
}

/// As whom containers are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// The system's administrator: numbers are what they are.
    Root,
    /// A user who is 0 in the container and has ranges for the numbers from 1 on.
    Mapped {
        /// The user's number.
        uid: u32,
        /// The user's group.
        gid: u32,
        /// For users from 1 on.
        uids: IdRange,
        /// For groups from 1 on.
        gids: IdRange,
    },
    /// A user who is 0 in the container, where there is no other number.
    Single {
        /// The user's number.
        uid: u32,
        /// The user's group.
        gid: u32,
    },
}

impl Identity {
    /// Tells whether a container can have this user and group number.
    pub fn has(&self, uid: u32, gid: u32) -> bool {
        match self {
            Self::Root => true,
            Self::Mapped { uids, gids, .. } => uid <= uids.count && gid <= gids.count,
            Self::Single { .. } => uid == 0 && gid == 0,
        }
    }

    /// Returns a name for what is unpacked under this identity: owners on disk differ between identities.
    pub fn key(&self) -> String {
        match self {
            Self::Root => "root".to_owned(),
            Self::Mapped {
                uid, uids, gids, ..
            } => format!("u{uid}-{}-{}", uids.start, gids.start),
            Self::Single { uid, .. } => format!("u{uid}"),
        }
    }
}

#[cfg(target_os = "linux")]
impl Identity {
    /// Finds out as whom containers are made by who runs this.
    pub(crate) fn own(programs: &Programs) -> Self {
        let (uid, gid) = (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        );
        if uid == 0 {
            return Identity::Root;
        }
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let name = user_name(&read("/etc/passwd"), uid);
        let range = |path: &str| IdRange::find(&read(path), &name, uid);
        match (range("/etc/subuid"), range("/etc/subgid")) {
            (Some(uids), Some(gids))
                if programs.newuidmap.is_some() && programs.newgidmap.is_some() =>
            {
                Identity::Mapped {
                    uid,
                    gid,
                    uids,
                    gids,
                }
            }
            _ => Identity::Single { uid, gid },
        }
    }
}

/// Finds a user's name; empty where there is none, as of users who are kept elsewhere.
#[cfg(target_os = "linux")]
fn user_name(passwd: &str, uid: u32) -> String {
    let line = passwd
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    line.and_then(|line| line.split(':').next())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_by_name_or_number() {
        let file = "ada:100000:65536\nbroken\neve:x:1\n1001:200000:1000\nmax:4294967295:9\n";
        let range = |start, count| Some(IdRange { start, count });
        assert_eq!(IdRange::find(file, "ada", 1000), range(100_000, 65536));
        assert_eq!(IdRange::find(file, "bob", 1001), range(200_000, 1000));
        assert_eq!(IdRange::find(file, "eve", 7), None);
        assert_eq!(IdRange::find(file, "max", 8), None);
        assert_eq!(IdRange::find(file, "", 9), None);
    }
}
