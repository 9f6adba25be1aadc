//! An archive whose members come by only once: a pipe, or a compressed tar.

use std::collections::HashMap;
use std::io::{self, Read};

use crate::compression::{DETECT_BYTES, Decoder, looks_like};
use crate::contents::{Contents, Shelf};
use crate::member::{Members, normal, text};
use crate::stream::{TarStream, member};
use crate::{Compression, Error, MAX_DOCUMENT_SIZE, MAX_DOCUMENTS, Result, open};

/// What a member that comes by may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A blob of a layout: its bytes must have this digest.
    Blob(oci::Digest),
    /// Something that has a layer's name; its digest is whatever it is.
    Layer,
}

/// A member that may be a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassingMember {
    /// Its name, as the parts of the images name it.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// What it may be.
    pub kind: Kind,
}

/// Reads an archive once, from its beginning to its end.
pub struct Passage {
    stream: TarStream,
    compression: Compression,
    members: Members,
    kept: HashMap<String, Vec<u8>>,
    kept_bytes: u64,
    /// The first bytes of the current member, which were looked at.
    ahead: Vec<u8>,
    /// What was handed out of it.
    handed: Vec<u8>,
}

impl Passage {
    /// Looks at the first bytes and begins.
    ///
    /// # Errors
    /// Where it is no tar, whatever is around it.
    pub fn new(mut source: impl Read + Send + 'static) -> Result<Self> {
        let mut start = vec![0; DETECT_BYTES];
        let mut filled = 0;
        while filled < start.len() {
            match source.read(&mut start[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Read(error)),
            }
        }
        start.truncate(filled);
        let compression = Compression::detect(&start);
        if compression == Compression::None && (start.is_empty() || looks_like(&start).is_some()) {
            return Err(Error::NotAnArchive {
                looks_like: looks_like(&start),
            });
        }
        let whole = io::Cursor::new(start).chain(source);
        Ok(Self {
            stream: TarStream::new(Decoder::new(whole, compression)?),
            compression,
            members: Members::default(),
            kept: HashMap::new(),
            kept_bytes: 0,
            ahead: Vec::new(),
            handed: Vec::new(),
        })
    }

    /// Goes on to the next member that may be a layer; documents are kept on the way, everything else passes by.
    pub fn next_member(&mut self) -> Result<Option<PassingMember>> {
        loop {
            self.ahead.clear();
            if self.members.is_file_system() {
                return Ok(None);
            }
            let Some(entry) = self.stream.next()? else {
                return Ok(None);
            };
            let what = member(entry, 0);
            let (path, size) = (entry.path.clone(), entry.stored_size);
            let is_file = matches!(what, crate::member::Member::File { .. });
            self.members.add(&path, what)?;
            let Some(name) = normal(&text(&path)).filter(|_| is_file) else {
                continue;
            };
            let depth = name.split('/').count();
            let blob = blob_digest(&name);
            if depth > 3 || (depth > 2 && blob.is_none()) {
                continue;
            }
            let first = self.stream.piece()?.to_vec();
            let json = looks_like_json(&name, &first);
            if json && size <= MAX_DOCUMENT_SIZE {
                self.keep(name, first, size)?;
                continue;
            }
            self.ahead = first;
            let kind = match blob {
                Some(digest) => Kind::Blob(digest),
                None if has_a_layers_name(&name) => Kind::Layer,
                None => continue,
            };
            return Ok(Some(PassingMember { name, size, kind }));
        }
    }

    /// Returns the next bytes of the current member; nothing at its end.
    pub fn piece(&mut self) -> Result<&[u8]> {
        if self.ahead.is_empty() {
            return self.stream.piece();
        }
        self.handed = std::mem::take(&mut self.ahead);
        Ok(&self.handed)
    }

    /// Returns how many bytes of the source were read, compressed as they are.
    pub fn taken(&self) -> u64 {
        self.stream.taken()
    }

    /// Tells what came by, once [`Passage::next_member`] said that it was all.
    ///
    /// # Errors
    /// Says what is wrong with the archive.
    pub fn finish(&self) -> Result<Contents> {
        open::contents(self, &self.members, self.compression)
    }

    /// Returns a member that came by and was kept, because it looked like a document. An artifact's layer may look so.
    pub fn kept(&self, member: &str) -> Option<&[u8]> {
        self.kept.get(member).map(Vec::as_slice)
    }

    fn keep(&mut self, name: String, mut bytes: Vec<u8>, size: u64) -> Result<()> {
        self.kept_bytes += size;
        if self.kept_bytes > MAX_DOCUMENTS {
            return Err(Error::TooManyDocuments {
                member: name,
                limit: MAX_DOCUMENTS,
            });
        }
        loop {
            let piece = self.stream.piece()?;
            if piece.is_empty() {
                break;
            }
            bytes.extend_from_slice(piece);
        }
        self.kept.insert(name, bytes);
        Ok(())
    }
}

impl Shelf for Passage {
    fn find(&self, name: &str) -> Result<Option<(String, u64)>> {
        Ok(self.members.find(name)?.map(|(name, _, size)| (name, size)))
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        // What was not kept did not look like JSON, so it reads as none.
        Ok(self.kept.get(name).cloned().unwrap_or_default())
    }
}

/// Tells whether a member is to be kept as a document. A tar whose first file is called `[` is none.
fn looks_like_json(name: &str, start: &[u8]) -> bool {
    let is_tar = start.get(257..262) == Some(b"ustar");
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    name == crate::docker::MANIFEST || (matches!(first, Some(b'{' | b'[')) && !is_tar)
}

/// Returns the digest that a blob's name says.
fn blob_digest(name: &str) -> Option<oci::Digest> {
    let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// Tells whether a docker-archive may call a layer so: `ID/layer.tar`, `DIGEST.tar`, crane's `DIGEST.tar.gz`.
fn has_a_layers_name(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    [".tar", ".tgz", ".tar.gz", ".tar.zst", ".tar.zstd"]
        .iter()
        .any(|ending| file.ends_with(ending))
}
