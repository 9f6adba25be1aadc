//! One edit, from the lock to the line in the log.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use layer::ContentHash;
use runtime::FoundPath;
use store::{ContainerEdit, ContainerRecord, PackWriter};

use super::changeset::{self, Batch, Bytes, ChangeSet, Content, Kind, Node};
use super::edit::Edits;
use super::view::{Found, parent_of};
use crate::engine::Shared;
use crate::files::escaped;
use crate::{Error, ImageFiles};

/// Is told the bytes that were copied so far, and may stop it.
pub(super) type Told<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// A container that is being changed, by nobody else.
pub(super) struct Editing<'a> {
    pub(super) edits: Edits<'a>,
    log: &'a ContainerEdit,
    pack: Option<PackWriter>,
    /// Bytes of content that were taken in.
    pub(super) taken: u64,
    /// Where the destination of a copy leads, where that was found out in a container that runs.
    pub(super) looked: Option<FoundPath>,
}

/// Returns the files of the image that a container was made of.
pub(super) fn image_of(shared: &Shared, record: &ContainerRecord) -> Result<ImageFiles, Error> {
    let store = &shared.store;
    shared.files.open(store, &record.manifest, || {
        Ok(store.manifest(&record.manifest)?.layers)
    })
}

/// Reads the change set of a container.
pub(super) fn replay(record: &ContainerRecord, batches: &[String]) -> Result<ChangeSet, Error> {
    changeset::replay(batches).map_err(|source| Error::ContainerContent {
        container: record.name.clone(),
        source: source.into(),
    })
}

/// Changes what is known of a container's files: all that `work` does, durably, or nothing. Nobody else changes it meanwhile.
pub(super) fn edit_alone<T>(
    shared: &Arc<Shared>,
    record: &ContainerRecord,
    log: &mut ContainerEdit,
    work: impl FnOnce(&mut Editing<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let image = image_of(shared, record)?;
    let set = replay(record, log.batches())?;
    let Worked {
        value,
        batch,
        set,
        pack,
    } = worked(shared, &image, set, log, work)?;
    if batch.0.is_empty() {
        return Ok(value);
    }
    if let Some(pack) = pack
        && pack.written() > 0
    {
        pack.finish()?;
    }
    let text = |batch: &Batch| {
        serde_json::to_string(batch).map_err(|error| Error::Internal(error.to_string()))
    };
    let line = text(&batch)?;
    let whole = || {
        let all = set
            .iter()
            .map(|(path, change)| (Bytes(path.clone()), Some(change.clone())));
        text(&Batch(all.collect())).unwrap_or_default()
    };
    log.append(
        &line,
        &whole,
        &changeset::packs(&set),
        changeset::count(&set),
    )?;
    Ok(value)
}

/// What some work made of a change set, of which nothing is kept yet.
pub(super) struct Worked<T> {
    pub(super) value: T,
    /// What changed.
    pub(super) batch: Batch,
    /// All of it.
    pub(super) set: ChangeSet,
    /// The content that was taken in.
    pub(super) pack: Option<PackWriter>,
}

/// Works on a change set.
pub(super) fn worked<T>(
    shared: &Shared,
    image: &ImageFiles,
    set: ChangeSet,
    log: &ContainerEdit,
    work: impl FnOnce(&mut Editing<'_>) -> Result<T, Error>,
) -> Result<Worked<T>, Error> {
    let now = (shared.settings.clock)().as_second();
    let mut editing = Editing {
        edits: Edits::new(&image.inner.tree, set, now),
        log,
        pack: None,
        taken: 0,
        looked: None,
    };
    let value = work(&mut editing)?;
    let Editing { edits, pack, .. } = editing;
    let (batch, set) = edits.finish();
    Ok(Worked {
        value,
        batch,
        set,
        pack,
    })
}

impl Editing<'_> {
    /// Follows the path of a copy's destination to its end.
    ///
    /// # Errors
    /// `not_found` where its folder is not there; `not_a_folder`.
    pub(super) fn destination(&self, path: &[u8]) -> Result<Found, Error> {
        let view = self.edits.view();
        let Some(FoundPath {
            path, is_folder, ..
        }) = &self.looked
        else {
            return view.resolve(path, true);
        };
        let node = is_folder.map(|is_folder| {
            let known = view.at(path).filter(|node| node.is_folder() == is_folder);
            known.unwrap_or_else(|| match is_folder {
                true => Node::folder(0o755, 0, 0, 0),
                false => Node {
                    kind: Kind::Fifo,
                    ..Node::folder(0o644, 0, 0, 0)
                },
            })
        });
        Ok(Found {
            path: path.clone(),
            node,
        })
    }

    /// Finds where a file of a tar goes: as a program in the container would find its folder, of which what is missing is made.
    ///
    /// # Errors
    /// `not_a_folder`; too many links.
    pub(super) fn member(&mut self, path: &[u8]) -> Result<Vec<u8>, Error> {
        if self.is_in_volume() {
            // What is there is not known. Folders that are missing are made by whoever puts it there.
            return Ok(path.to_vec());
        }
        let folder = parent_of(path);
        if !folder.is_empty() {
            self.edits.make_folder(folder, true)?;
        }
        Ok(self.edits.view().resolve(path, false)?.path)
    }

    /// Finds a file that one of a tar is a further name of; `None` where nothing is there.
    ///
    /// # Errors
    /// As [`Self::member`].
    pub(super) fn linked(&self, path: &[u8]) -> Result<(Vec<u8>, Option<Node>), Error> {
        let view = self.edits.view();
        if self.is_in_volume() {
            return Ok((path.to_vec(), view.at(path)));
        }
        let Found { path, node } = view.resolve(path, false)?;
        Ok((path, node))
    }

    fn is_in_volume(&self) -> bool {
        self.looked.as_ref().is_some_and(|found| found.is_mounted)
    }

    /// Takes the content of a file in.
    ///
    /// # Errors
    /// `cancelled` where `told` says so; `disk_full`; `fail` makes the error of the reader.
    pub(super) fn content(
        &mut self,
        source: &mut dyn Read,
        told: Told<'_>,
        fail: &dyn Fn(io::Error) -> Error,
    ) -> Result<Kind, Error> {
        if self.pack.is_none() {
            self.pack = Some(self.log.pack()?);
        }
        let Some(pack) = &mut self.pack else {
            return Err(Error::Internal("there is no pack".into()));
        };
        let (number, offset) = (pack.number(), pack.written());
        let mut hash = ContentHash::new();
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(fail(error)),
            };
            hash.update(&buffer[..count]);
            let written = pack.write_all(&buffer[..count]);
            written.map_err(|error| pack.failed(error))?;
            self.taken += count as u64;
            if told(self.taken).is_break() {
                return Err(Error::Cancelled);
            }
        }
        Ok(Kind::File {
            content: Content::Pack {
                pack: number,
                offset,
            },
            size: pack.written() - offset,
            hash: Some(format!("{:032x}", hash.finish())),
        })
    }

    /// Makes an empty file where nothing is yet, not even a link that leads nowhere.
    pub(super) fn make_file(&mut self, path: &[u8]) -> Result<(), Error> {
        match self.edits.place_for(path)? {
            Found { node: None, .. } => self.write(path, b""),
            Found { path, .. } => Err(Error::PathExists {
                path: escaped(&path),
            }),
        }
    }

    /// Takes the content of a file in that a program wrote, unless it is what the file held before.
    ///
    /// # Errors
    /// `disk_full`, `run_failed`.
    pub(super) fn content_unless(
        &mut self,
        before: Option<&Node>,
        source: &mut dyn Read,
    ) -> Result<Kind, Error> {
        let ended = |error: io::Error| {
            Error::Runtime(Box::new(runtime::Error::MonitorEnded {
                said: error.to_string(),
            }))
        };
        let start = self.pack.as_ref().map_or(0, PackWriter::written);
        let kind = self.content(source, &mut |_| ControlFlow::Continue(()), &ended)?;
        let same = |(new, old): (&Kind, &Kind)| match (new, old) {
            (
                Kind::File {
                    size: a,
                    hash: Some(one),
                    ..
                },
                Kind::File {
                    size: b,
                    hash: Some(other),
                    ..
                },
            ) => a == b && one == other,
            _ => false,
        };
        match (before, &mut self.pack) {
            (Some(node), Some(pack)) if same((&kind, &node.kind)) => {
                pack.rewind(start)?;
                Ok(node.kind.clone())
            }
            _ => Ok(kind),
        }
    }

    /// Writes a file as a program would: through links, over what is there, whose mode and owner stay.
    pub(super) fn write(&mut self, path: &[u8], bytes: &[u8]) -> Result<(), Error> {
        let Found { path: place, node } = self.edits.view().resolve(path, true)?;
        super::edit::refuse_marked(&place)?;
        let before = match node {
            Some(node) if node.is_folder() => {
                return Err(Error::NotAFile {
                    path: escaped(&place),
                });
            }
            Some(node) if !matches!(node.kind, Kind::File { .. }) => {
                return Err(Error::NotAFile {
                    path: escaped(&place),
                });
            }
            Some(node) => node,
            None => Node::folder(0o644, 0, 0, 0),
        };
        let kind = self.content(&mut &*bytes, &mut |_| ControlFlow::Continue(()), &|error| {
            Error::Internal(error.to_string())
        })?;
        let now = self.edits.now();
        let attributes = Node {
            kind,
            modified: (now, 0),
            // The system drops them from a file that is written to.
            xattrs: before
                .xattrs
                .into_iter()
                .filter(|(Bytes(name), _)| name != b"security.capability")
                .collect(),
            ..before
        };
        if attributes.links.is_some() {
            return self.edits.alter(&place, &|node| {
                *node = attributes.clone();
                Ok(())
            });
        }
        self.edits.place(&place, attributes);
        Ok(())
    }
}
