//! Names inside an archive, and what they lead to.

use std::collections::HashMap;

use crate::{Error, MAX_MEMBERS, Result};

/// How many links may lead to one another.
const MAX_LINKS: usize = 16;

/// Bytes that all names and link targets together may have.
const MAX_NAME_BYTES: usize = 32 * 1024 * 1024;

/// Members after which a tar without a single mark of an image archive is that of a file system.
const PATIENCE: usize = 50_000;

/// One member of a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    /// A file: where its content stands, and its bytes.
    File { offset: u64, size: u64 },
    /// A symbolic link, to be read from its own folder.
    Symlink { target: String },
    /// A hard link, to be read from the archive's top.
    Hardlink { target: String },
    /// A folder, or something that is no file.
    Other,
    /// Two files of one name.
    Repeated,
}

/// All members by their normal names.
#[derive(Debug, Default)]
pub(crate) struct Members {
    by_name: HashMap<String, Member>,
    name_bytes: usize,
}

impl Members {
    /// Adds a member. Folders may come often.
    pub(crate) fn add(&mut self, path: &[u8], member: Member) -> Result<()> {
        let Some(name) = normal(&text(path)) else {
            // A name that leads out can be named by nothing, so it is nobody's.
            return Ok(());
        };
        self.name_bytes += name.len();
        if let Member::Symlink { target } | Member::Hardlink { target } = &member {
            self.name_bytes += target.len();
        }
        if self.by_name.len() >= MAX_MEMBERS || self.name_bytes > MAX_NAME_BYTES {
            return Err(Error::TooManyMembers);
        }
        self.by_name
            .entry(name)
            .and_modify(|known| {
                if *known != Member::Other || member != Member::Other {
                    *known = Member::Repeated;
                }
            })
            .or_insert(member);
        Ok(())
    }

    /// Tells whether so many came by that no image will.
    pub(crate) fn is_file_system(&self) -> bool {
        self.by_name.len() >= PATIENCE
            && !["manifest.json", "index.json", "oci-layout"]
                .iter()
                .any(|mark| self.contains(mark))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Tells whether something is in a folder of the top; the folder itself need not be a member.
    pub(crate) fn has_in(&self, folder: &str) -> bool {
        let inside = |name: &String| {
            let rest = name.strip_prefix(folder);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        self.by_name.keys().any(inside)
    }

    /// Follows a name, through links, to a file. Returns the file's own name, and where it is.
    ///
    /// # Errors
    /// `None` where it leads nowhere; an error where it leads out, in a circle, or to no file.
    pub(crate) fn find(&self, asked: &str) -> Result<Option<(String, u64, u64)>> {
        let outside = |target: &str| Error::Outside {
            member: asked.to_owned(),
            target: target.chars().take(200).collect(),
        };
        let mut name = normal(asked).ok_or_else(|| outside(asked))?;
        for _ in 0..MAX_LINKS {
            let target = match self.by_name.get(&name) {
                None => return Ok(None),
                Some(Member::File { offset, size }) => return Ok(Some((name, *offset, *size))),
                Some(Member::Other) => {
                    return Err(Error::NotAFile {
                        member: asked.to_owned(),
                    });
                }
                Some(Member::Repeated) => return Err(Error::Repeated { member: name }),
                Some(Member::Symlink { target }) if target.starts_with('/') => {
                    return Err(outside(target));
                }
                Some(Member::Symlink { target }) => match name.rsplit_once('/') {
                    Some((folder, _)) => format!("{folder}/{target}"),
                    None => target.clone(),
                },
                Some(Member::Hardlink { target }) => target.clone(),
            };
            name = normal(&target).ok_or_else(|| outside(&target))?;
        }
        Err(Error::LinkLoop {
            member: asked.to_owned(),
        })
    }
}

/// Makes text of a name's bytes. Two that differ only in what is no UTF-8 become one, which then stands there twice.
pub(crate) fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Takes `./`, `//` and `a/..` out of a name; `None` where it leads out of the archive.
pub(crate) fn normal(name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(list: &[(&str, Member)]) -> Members {
        let mut members = Members::default();
        for (name, member) in list {
            members.add(name.as_bytes(), member.clone()).expect("fits");
        }
        members
    }

    fn file(offset: u64) -> Member {
        Member::File { offset, size: 1 }
    }

    fn link(target: &str) -> Member {
        Member::Symlink {
            target: target.into(),
        }
    }

    #[test]
    fn links_are_followed_inside_only() {
        let members = members(&[
            ("./a/layer.tar", file(512)),
            ("b/layer.tar", link("../a/layer.tar")),
            ("c/layer.tar", link("../../etc/passwd")),
            ("d/layer.tar", link("/a/layer.tar")),
            ("e", link("f")),
            ("f", link("e")),
            (
                "g",
                Member::Hardlink {
                    target: "a/layer.tar".into(),
                },
            ),
            ("folder/", Member::Other),
            ("folder", Member::Other),
            ("twice", file(1)),
            ("twice", file(2)),
        ]);
        for name in ["a/layer.tar", "./a//layer.tar", "b/layer.tar", "g"] {
            let found = members.find(name).expect("leads somewhere");
            assert_eq!(found, Some(("a/layer.tar".into(), 512, 1)), "{name}");
        }
        for name in ["c/layer.tar", "d/layer.tar", "../x", "a/../../x"] {
            let error = members.find(name).expect_err(name);
            assert!(matches!(error, Error::Outside { .. }), "{name}: {error}");
        }
        assert!(matches!(members.find("e"), Err(Error::LinkLoop { .. })));
        assert!(matches!(
            members.find("folder"),
            Err(Error::NotAFile { .. })
        ));
        assert!(matches!(members.find("twice"), Err(Error::Repeated { .. })));
        assert_eq!(members.find("nothing").expect("is no error"), None);
    }
}
