//! A tar on its way into a container.

use std::io::{self, Read};

use layer::tar::{Parser, Step};
use layer::{Entry, EntryKind, ModifiedTime};

use super::changeset::{Bytes, Kind, Node};
use super::edit::{clean, refuse_marked};
use super::editing::{Editing, Told};
use super::place;
use super::view::{Found, join};
use crate::Error;
use crate::files::escaped;

/// Takes the files of a tar into a folder. Returns how many entries it was.
///
/// # Errors
/// `not_found`, `not_a_folder` of the folder; `invalid_archive` for what is no tar; `conflict`.
pub(super) fn take(
    editing: &mut Editing<'_>,
    source: &mut dyn Read,
    folder: &[u8],
    owners: bool,
    told: Told<'_>,
) -> Result<u64, Error> {
    let Found { path: base, node } = editing.destination(folder)?;
    match node {
        Some(node) if node.is_folder() => {}
        Some(_) => {
            return Err(Error::NotAFolder {
                path: escaped(&base),
            });
        }
        None => {
            return Err(Error::NoSuchFile {
                path: escaped(folder),
            });
        }
    }
    let mut members = Members {
        source,
        parser: Parser::new(),
        buffer: vec![0; 128 * 1024],
        start: 0,
        end: 0,
    };
    let mut taking = Taking {
        editing,
        told,
        links: 0,
    };
    let mut count = 0;
    while let Some(mut entry) = members.next()? {
        count += 1;
        let path = clean(&entry.path);
        let path = match path.is_empty() {
            true => base.clone(),
            false => join(&base, &path),
        };
        if !owners {
            (entry.uid, entry.gid) = (0, 0);
        }
        taking.entry(&mut members, &entry, &path, &base)?;
    }
    Ok(count)
}

/// A tar that is being taken in.
struct Taking<'t, 'a> {
    editing: &'t mut Editing<'a>,
    told: Told<'t>,
    /// How many files got a further name.
    links: u64,
}

impl Taking<'_, '_> {
    fn entry(
        &mut self,
        members: &mut Members<'_>,
        entry: &Entry,
        path: &[u8],
        base: &[u8],
    ) -> Result<(), Error> {
        if path.is_empty() {
            return Ok(());
        }
        let place = self.editing.member(path)?;
        refuse_marked(&place)?;
        let (major, minor) = (entry.device.major, entry.device.minor);
        let kind = match entry.kind {
            EntryKind::Directory => Kind::Folder {
                opaque: false,
                unchanged: false,
            },
            EntryKind::Symlink => Kind::Symlink {
                target: Bytes(entry.link_target.clone()),
            },
            EntryKind::CharDevice => Kind::CharDevice { major, minor },
            EntryKind::BlockDevice => Kind::BlockDevice { major, minor },
            EntryKind::Fifo => Kind::Fifo,
            EntryKind::HardLink => {
                let target = join(base, &clean(&entry.link_target));
                return self.hard_link(&place, &target);
            }
            EntryKind::Regular | EntryKind::Other(_) if entry.sparse => {
                return Err(Error::SparseMember {
                    path: escaped(path),
                });
            }
            EntryKind::Regular | EntryKind::Other(_) => {
                let fail = |error| Error::Archive {
                    place: "-".into(),
                    source: Box::new(archive::Error::Read(error)),
                };
                self.editing.content(members, self.told, &fail)?
            }
        };
        let ModifiedTime {
            seconds,
            nanoseconds,
        } = entry.modified;
        let node = Node {
            kind,
            mode: entry.mode & 0o7777,
            uid: entry.uid,
            gid: entry.gid,
            modified: (seconds, nanoseconds),
            xattrs: entry
                .xattrs
                .iter()
                .filter(|(name, _)| *name == b"security.capability" || name.starts_with(b"user."))
                .map(|(name, value)| (Bytes(name.to_vec()), Bytes(value.to_vec())))
                .collect(),
            links: None,
        };
        place::put(self.editing, &place, node)
    }

    /// Gives a file one more name. One of the image's becomes the container's with that, as it would be written anew.
    fn hard_link(&mut self, place: &[u8], target: &[u8]) -> Result<(), Error> {
        let (target, node) = self.editing.linked(target)?;
        let Some(mut node) = node.filter(|node| !node.is_folder()) else {
            return Err(Error::NoSuchFile {
                path: escaped(&target),
            });
        };
        if node.links.is_none() {
            let edits = &mut self.editing.edits;
            node.links = Some(edits.free_group() + self.links);
            self.links += 1;
            edits.place(&target, node.clone());
        }
        place::put(self.editing, place, node)
    }
}

/// The members of a tar; reading gives the content of the one that came last.
struct Members<'s> {
    source: &'s mut dyn Read,
    parser: Parser,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Members<'_> {
    fn fill(&mut self) -> io::Result<usize> {
        let count = self.source.read(&mut self.buffer)?;
        (self.start, self.end) = (0, count);
        Ok(count)
    }

    fn next(&mut self) -> Result<Option<Entry>, Error> {
        let broken = |source: layer::Error| Error::Archive {
            place: "-".into(),
            source: Box::new(archive::Error::from_layer(source)),
        };
        loop {
            let mut input = &self.buffer[self.start..self.end];
            let step = self.parser.advance(&mut input).map_err(broken)?;
            let is_entry = matches!(step, Step::Entry);
            let needs = matches!(step, Step::NeedInput);
            self.start = self.end - input.len();
            if is_entry {
                return Ok(Some(self.parser.entry().clone()));
            }
            if needs {
                let filled = self
                    .fill()
                    .map_err(|source| broken(layer::Error::Read(source)))?;
                if filled == 0 {
                    self.parser.finish().map_err(broken)?;
                    return Ok(None);
                }
            }
        }
    }
}

impl Read for Members<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let most = self.end.min(self.start.saturating_add(out.len()));
            let mut input = &self.buffer[self.start..most];
            let given = input.len();
            let invalid = |error: layer::Error| io::Error::new(io::ErrorKind::InvalidData, error);
            let (copied, ended) = match self.parser.advance(&mut input).map_err(invalid)? {
                Step::Content(bytes) => {
                    out[..bytes.len()].copy_from_slice(bytes);
                    (bytes.len(), false)
                }
                Step::EntryEnd | Step::Entry => (0, true),
                Step::NeedInput => (0, false),
            };
            self.start += given - input.len();
            if copied > 0 || ended {
                return Ok(copied);
            }
            if self.start == self.end && self.fill()? == 0 {
                self.parser.finish().map_err(invalid)?;
                return Ok(0);
            }
        }
    }
}
