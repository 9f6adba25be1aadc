//! What a header and the extension headers before it say about a member.

use super::super::MAX_NAME_LENGTH;
use super::super::block::{Fields, until_nul};
use super::super::pax::PaxSparse;
use super::super::sparse::{MapText, SparseMap};
use super::{Fault, Parser, State, add_entries, padding_of};
use crate::entry::{Device, EntryKind, ModifiedTime};
use crate::error::{Corruption, Error};

/// Says where the map of a file is, if it has one.
#[derive(Clone, Copy)]
enum Layout {
    /// There is none, or it was read.
    Plain,
    /// In blocks between the header and the content.
    GnuMap,
    /// In the first blocks of the content.
    PaxMap,
}

impl Parser {
    /// Sets up the entry that the block and the extension headers before it describe.
    pub(super) fn begin_entry(&mut self, fields: &Fields, header_offset: u64) -> Result<(), Error> {
        self.entry.clear();
        self.entry.header_offset = header_offset;
        self.seen_entry = true;
        let result = self.describe(fields).and_then(|()| self.measure(fields));
        self.forget_extensions();
        let (stored, padding, layout) =
            result.map_err(|problem| self.corrupt(Fault::Entry, problem))?;
        match layout {
            Layout::Plain => self.begin_content(stored, padding)?,
            Layout::GnuMap => self.state = State::GnuMap { stored },
            Layout::PaxMap => self.state = State::PaxMap { stored, padding },
        }
        Ok(())
    }

    /// Fills in everything but sizes.
    fn describe(&mut self, fields: &Fields) -> Result<(), Corruption> {
        let entry = &mut self.entry;
        self.block.name_into(&mut entry.path);
        if let Some(path) = self.pax.path() {
            replace(&mut entry.path, path)?;
        }
        if !self.long_name.is_empty() {
            std::mem::swap(&mut entry.path, &mut self.long_name);
        }
        entry.kind = match fields.type_flag {
            // Before POSIX, a slash at the end was what made a directory.
            0 if entry.path.ends_with(b"/") => EntryKind::Directory,
            0 | b'0' | b'7' | b'S' => EntryKind::Regular,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::Symlink,
            b'3' => EntryKind::CharDevice,
            b'4' => EntryKind::BlockDevice,
            b'5' => EntryKind::Directory,
            b'6' => EntryKind::Fifo,
            other => EntryKind::Other(other),
        };
        if matches!(entry.kind, EntryKind::HardLink | EntryKind::Symlink) {
            if !self.long_link.is_empty() {
                std::mem::swap(&mut entry.link_target, &mut self.long_link);
            } else if let Some(target) = self.pax.link_target() {
                replace(&mut entry.link_target, target)?;
            } else {
                entry.link_target.extend_from_slice(self.block.link_name());
            }
        }
        if matches!(entry.kind, EntryKind::CharDevice | EntryKind::BlockDevice) {
            entry.device = Device {
                major: fields.major,
                minor: fields.minor,
            };
        }
        // Some writers put the file's type into the upper bits; the type flag has it already.
        entry.mode = u32::try_from(fields.mode & 0o7777)
            .map_err(|_| Corruption::Number { field: "mode" })?;
        entry.uid = self.pax.uid()?.unwrap_or(fields.uid);
        entry.gid = self.pax.gid()?.unwrap_or(fields.gid);
        entry.modified = self.pax.mtime()?.unwrap_or(ModifiedTime {
            seconds: fields.modified,
            nanoseconds: 0,
        });
        self.pax.xattrs_into(&mut entry.xattrs);
        Ok(())
    }

    /// Finds out how many bytes are stored, how many pad them, and where the map of a sparse file is.
    fn measure(&mut self, fields: &Fields) -> Result<(u64, u64, Layout), Corruption> {
        self.map = None;
        self.map_name = 0;
        self.parts.clear();
        let parts = || self.keeps_parts.then(Vec::new);
        let has_content = matches!(self.entry.kind, EntryKind::Regular | EntryKind::Other(_));
        // A bad size in the header is an error even if a PAX record replaces it.
        let own = if fields.type_flag == 0 || has_content {
            fields.size
        } else {
            0
        };
        let size = if own < 0 {
            Some(own)
        } else {
            self.pax
                .size()?
                .or(Some(fields.size))
                .filter(|_| has_content)
        };
        let stored =
            u64::try_from(size.unwrap_or(0)).map_err(|_| Corruption::Number { field: "size" })?;
        self.entry.size = stored;
        let padding = padding_of(stored);
        if fields.type_flag == b'S' {
            let (size, array) = self.block.gnu_sparse().ok_or(Corruption::SparseMap)?;
            let mut map = SparseMap::new(size?)?.keeping(parts());
            add_entries(&array, &mut map)?;
            self.entry.size = map.size();
            let layout = if array.continues() {
                Layout::GnuMap
            } else {
                Layout::Plain
            };
            self.map = Some(map);
            return Ok((stored, padding, layout));
        }
        let Some(format) = self.pax.sparse_format() else {
            return Ok((stored, padding, Layout::Plain));
        };
        if let Some(name) = self.pax.sparse_name() {
            replace(&mut self.entry.path, name)?;
        }
        if !has_content {
            return Err(Corruption::SparseMap);
        }
        let size = match self.pax.sparse_size()? {
            Some(size) => size,
            None => i64::try_from(stored).map_err(|_| Corruption::SparseMap)?,
        };
        let mut map = SparseMap::new(size)?.keeping(parts());
        self.entry.size = map.size();
        let layout = match format {
            PaxSparse::InRecords => {
                self.pax.sparse_map(|value| map.add(value))?;
                Layout::Plain
            }
            PaxSparse::InContent => {
                self.map_text = MapText::default();
                Layout::PaxMap
            }
        };
        self.map = Some(map);
        Ok((stored, padding, layout))
    }
}

fn replace(name: &mut Vec<u8>, with: &[u8]) -> Result<(), Corruption> {
    name.clear();
    check_length(with)?;
    name.extend_from_slice(with);
    Ok(())
}

/// Keeps the content of a GNU long name, which ends at the first NUL.
pub(super) fn keep_name(content: &[u8], name: &mut Vec<u8>) -> Result<(), Corruption> {
    replace(name, until_nul(content))
}

fn check_length(name: &[u8]) -> Result<(), Corruption> {
    if name.len() > MAX_NAME_LENGTH {
        return Err(Corruption::NameTooLong {
            length: name.len(),
            limit: MAX_NAME_LENGTH,
        });
    }
    Ok(())
}
