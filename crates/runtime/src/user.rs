//! Who a container's process is, by the image's own `/etc/passwd` and `/etc/group`.
//!
//! The rules are docker's (and those of [conversion.md]): `USER`, `USER:GROUP`, each a name or a number. A number needs no entry; a
//! name that has none is an error. Without a group the user's own is taken, with all groups that list the user; with one, only that.
//!
//! [conversion.md]: https://github.com/opencontainers/image-spec/blob/v1.1.1/conversion.md

use serde::{Deserialize, Serialize};

use crate::{Failure, Identity};

/// Who a process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    /// User number.
    pub(crate) uid: u32,
    /// Group number.
    pub(crate) gid: u32,
    /// Numbers of further groups, in the order of the file.
    pub(crate) groups: Vec<u32>,
    /// Home folder, `/` where the image names none.
    pub(crate) home: String,
}

/// An entry of `/etc/passwd`.
struct Account<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
}

/// An entry of `/etc/group`.
struct Group<'a> {
    name: &'a [u8],
    gid: u32,
    members: &'a [u8],
}

impl User {
    /// Finds out who `text` is. Damaged lines of the files are passed over, as the C library does.
    ///
    /// # Errors
    /// [`Failure::UnknownUser`], [`Failure::UnknownGroup`].
    pub(crate) fn resolve(text: &str, passwd: &[u8], group: &[u8]) -> Result<Self, Failure> {
        let (user, group_text) = match text.split_once(':') {
            Some((user, group)) => (user, group),
            None => (text, ""),
        };
        let user = if user.is_empty() { "0" } else { user };
        let number = number(user);
        let account = accounts(passwd).find(|account| {
            account.name == user.as_bytes() || number.is_some_and(|number| account.uid == number)
        });
        let uid = match (&account, number) {
            (Some(account), _) => account.uid,
            (None, Some(number)) => number,
            (None, None) => {
                return Err(Failure::UnknownUser {
                    user: user.to_owned(),
                });
            }
        };
        let home = account.as_ref().map_or(&b""[..], |account| account.home);
        let home = match String::from_utf8_lossy(home) {
            home if home.is_empty() => "/".to_owned(),
            home => home.into_owned(),
        };
        if !group_text.is_empty() {
            let gid = self::group(group_text, group)?;
            return Ok(Self {
                uid,
                gid,
                groups: Vec::new(),
                home,
            });
        }
        let mut others: Vec<u32> = Vec::new();
        if let Some(account) = &account {
            for entry in groups(group) {
                let mut members = entry.members.split(|&byte| byte == b',');
                if members.any(|member| member == account.name)
                    && entry.gid != account.gid
                    && !others.contains(&entry.gid)
                {
                    others.push(entry.gid);
                }
            }
        }
        Ok(Self {
            uid,
            gid: account.map_or(0, |account| account.gid),
            groups: others,
            home,
        })
    }

    /// Puts the user's own group among the further ones, as docker does since [CVE-2022-36109]: otherwise a program that takes another
    /// group leaves its own, and with it what that one is kept from.
    ///
    /// A user who has no ranges of numbers cannot set groups.
    ///
    /// [CVE-2022-36109]: https://github.com/moby/moby/security/advisories/GHSA-rc4r-wh2q-q6c4
    pub(crate) fn in_own_group(mut self, identity: &Identity) -> Self {
        if !matches!(identity, Identity::Single { .. }) && !self.groups.contains(&self.gid) {
            self.groups.insert(0, self.gid);
        }
        self
    }
}

fn group(text: &str, file: &[u8]) -> Result<u32, Failure> {
    let number = number(text);
    groups(file)
        .find(|group| group.name == text.as_bytes())
        .map(|group| group.gid)
        .or(number)
        .ok_or_else(|| Failure::UnknownGroup {
            group: text.to_owned(),
        })
}

/// Reads a number that a process can have: 2^32 - 1 stands for "leave it".
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .filter(|&number| number != u32::MAX)
}

fn accounts(file: &[u8]) -> impl Iterator<Item = Account<'_>> {
    lines(file).filter_map(|fields| {
        let [name, _, uid, gid, rest @ ..] = fields.as_slice() else {
            return None;
        };
        Some(Account {
            name,
            uid: field(uid)?,
            gid: field(gid)?,
            home: rest.get(1).copied().unwrap_or_default(),
        })
    })
}

fn groups(file: &[u8]) -> impl Iterator<Item = Group<'_>> {
    lines(file).filter_map(|fields| {
        let [name, _, gid, rest @ ..] = fields.as_slice() else {
            return None;
        };
        Some(Group {
            name,
            gid: field(gid)?,
            members: rest.first().copied().unwrap_or_default(),
        })
    })
}

fn lines(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| line.split(|&byte| byte == b':').collect())
}

fn field(bytes: &[u8]) -> Option<u32> {
    number(std::str::from_utf8(bytes).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &[u8] =
        b"root:x:0:0:root:/root:/bin/sh\n# comment\nbroken\nweb:x:33:33:w:/srv:/bin/sh\n\
        ada:x:1000:100::/home/ada:\n77:x:5:5::/seventy:\n";
    const GROUP: &[u8] =
        b"root:x:0:\nweb:x:33:ada\nstaff:x:50:ada,web\nadm:x:4:adam\nusers:x:100:ada\n";

    fn resolve(text: &str) -> Result<User, Failure> {
        User::resolve(text, PASSWD, GROUP)
    }

    fn numbers(text: &str) -> (u32, u32, Vec<u32>) {
        let user = resolve(text).expect("it is there");
        (user.uid, user.gid, user.groups)
    }

    #[test]
    fn names_bring_their_groups_and_numbers_need_no_entry() {
        assert_eq!(numbers(""), (0, 0, vec![]));
        assert_eq!(numbers("ada"), (1000, 100, vec![33, 50]));
        assert_eq!(numbers("1000"), (1000, 100, vec![33, 50]));
        assert_eq!(numbers("4711"), (4711, 0, vec![]));
        assert_eq!(numbers("web:staff"), (33, 50, vec![]));
        assert_eq!(numbers("web:4711"), (33, 4711, vec![]));
        assert_eq!(numbers(":staff"), (0, 50, vec![]));
        assert_eq!(resolve("ada").expect("is there").home, "/home/ada");
        assert_eq!(resolve("4711").expect("is a number").home, "/");
    }

    #[test]
    fn nobody_leaves_the_own_group_but_who_cannot_set_groups() {
        let groups =
            |identity: &Identity| resolve("ada").map(|user| user.in_own_group(identity).groups);
        assert_eq!(groups(&Identity::Root), Ok(vec![100, 33, 50]));
        let single = Identity::Single { uid: 5, gid: 5 };
        assert_eq!(groups(&single), Ok(vec![33, 50]));
    }

    #[test]
    fn unknown_names_are_errors() {
        let user = |user: &str| Failure::UnknownUser { user: user.into() };
        assert_eq!(resolve("eve"), Err(user("eve")));
        assert_eq!(resolve("-1"), Err(user("-1")));
        assert_eq!(resolve("4294967295"), Err(user("4294967295")));
        let group = Failure::UnknownGroup {
            group: "none".into(),
        };
        assert_eq!(resolve("web:none"), Err(group));
    }

    proptest! {
        #[test]
        fn any_files_give_an_answer(text in "\\PC{0,8}", passwd: Vec<u8>, group: Vec<u8>) {
            let _ = User::resolve(&text, &passwd, &group);
        }
    }
}
