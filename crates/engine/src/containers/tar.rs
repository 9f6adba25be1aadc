//! A layer that is not written yet: its entries, where their contents are, and its tar, which can be read from any entry on.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use layer::{ContentHash, Device, Entry, EntryKind, ModifiedTime, tar};
use store::{ContainerId, Store};

use super::changeset::{Bytes, Change, ChangeSet, Content, Kind, Node};
use super::view::parent_of;
use crate::{Error, ImageFiles};

/// Where contents are: the image's layers and the container's packs.
#[derive(Clone)]
pub(crate) struct Contents {
    pub(crate) image: ImageFiles,
    pub(crate) store: Store,
    pub(crate) container: ContainerId,
}

/// One member to be.
#[derive(Clone)]
struct Member {
    entry: Entry,
    hash: Option<u128>,
    content: Option<Content>,
}

/// The tar of a layer, made as it is read. The same members give the same bytes.
#[derive(Clone)]
pub(crate) struct LayerTar {
    contents: Contents,
    members: Arc<Vec<Member>>,
    /// Where each member's headers begin.
    places: Arc<HashMap<u64, usize>>,
    length: u64,
}

impl LayerTar {
    /// Makes the layer of a change set: folders before what is in them, in each what is removed before what is there. The first
    /// of several names of a file carries its content. Times after `latest` become it.
    pub(crate) fn of_changes(contents: Contents, set: &ChangeSet, latest: Option<i64>) -> Self {
        let mut builder = Builder::new(contents, latest);
        for (path, change) in in_order(set) {
            match change {
                Change::Removed => builder.removed(path),
                Change::Placed(node) => {
                    builder.node(path, node);
                    if node.is_opaque() {
                        builder.mark(&[path, b"/.wh..wh..opq"].concat());
                    }
                }
            }
        }
        builder.finish()
    }

    /// Makes a tar of these files, in this order.
    pub(crate) fn of_nodes<'n>(
        contents: Contents,
        nodes: impl Iterator<Item = (Vec<u8>, &'n Node)>,
    ) -> Self {
        let mut builder = Builder::new(contents, None);
        for (path, node) in nodes {
            builder.node(&path, node);
        }
        builder.finish()
    }

    /// Returns the entries with the hashes of their contents.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Entry, Option<u128>)> {
        self.members
            .iter()
            .map(|member| (&member.entry, member.hash))
    }

    /// Returns its bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Reads it from the start, or from where the headers of a member begin.
    pub(crate) fn read_from(&self, offset: u64) -> Option<TarReader> {
        let first = match offset {
            0 => 0,
            _ => *self.places.get(&offset)?,
        };
        Some(TarReader {
            tar: self.clone(),
            next: first,
            state: State::Next,
            streams: BTreeMap::new(),
        })
    }
}

/// Puts changes into the order of a layer.
fn in_order(set: &ChangeSet) -> Vec<(&[u8], &Change)> {
    let mut list: Vec<_> = set
        .iter()
        .filter(|(path, _)| !path.is_empty())
        .map(|(path, change)| {
            let mut key: Vec<(bool, &[u8])> = path
                .split(|byte| *byte == b'/')
                .map(|part| (true, part))
                .collect();
            if let (Change::Removed, Some(last)) = (change, key.last_mut()) {
                last.0 = false;
            }
            (key, path.as_slice(), change)
        })
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list.into_iter()
        .map(|(_, path, change)| (path, change))
        .collect()
}

struct Builder {
    contents: Contents,
    members: Vec<Member>,
    offset: u64,
    latest: Option<i64>,
    /// The first name of each file that has several.
    first: HashMap<u64, Vec<u8>>,
}

impl Builder {
    fn new(contents: Contents, latest: Option<i64>) -> Self {
        Self {
            contents,
            members: Vec::new(),
            offset: 0,
            latest,
            first: HashMap::new(),
        }
    }

    fn removed(&mut self, path: &[u8]) {
        let folder = parent_of(path);
        let name = &path[folder.len() + usize::from(!folder.is_empty())..];
        let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
        self.mark(&[folder, slash, b".wh.", name].concat());
    }

    /// Adds an empty file that has a meaning by its name. It has no time: it is not a file that somebody wrote.
    fn mark(&mut self, path: &[u8]) {
        self.push(
            Entry {
                path: path.to_vec(),
                ..Entry::default()
            },
            ContentHash::new().finish().into(),
            None,
        );
    }

    fn node(&mut self, path: &[u8], node: &Node) {
        let (seconds, nanoseconds) = match self.latest {
            Some(latest) if node.modified.0 >= latest => (latest, 0),
            _ => node.modified,
        };
        let mut entry = Entry {
            path: path.to_vec(),
            mode: node.mode & 0o7777,
            uid: node.uid,
            gid: node.gid,
            modified: ModifiedTime {
                seconds,
                nanoseconds,
            },
            xattrs: node
                .xattrs
                .iter()
                .map(|(Bytes(name), Bytes(value))| (name, value))
                .collect(),
            ..Entry::default()
        };
        if let Some(group) = node.links {
            if let Some(first) = self.first.get(&group) {
                entry.kind = EntryKind::HardLink;
                entry.link_target = first.clone();
                return self.push(entry, None, None);
            }
            self.first.insert(group, path.to_vec());
        }
        let device = |major: i64, minor: i64| Device { major, minor };
        let (mut hash_of, mut from) = (None, None);
        match &node.kind {
            Kind::File {
                content,
                size,
                hash,
            } => {
                entry.size = *size;
                entry.stored_size = *size;
                hash_of = hash
                    .as_deref()
                    .and_then(|hash| u128::from_str_radix(hash, 16).ok());
                from = Some(*content);
            }
            Kind::Folder { .. } => {
                entry.kind = EntryKind::Directory;
                entry.path.push(b'/');
            }
            Kind::Symlink { target } => {
                entry.kind = EntryKind::Symlink;
                entry.link_target = target.0.clone();
            }
            Kind::CharDevice { major, minor } => {
                entry.kind = EntryKind::CharDevice;
                entry.device = device(*major, *minor);
            }
            Kind::BlockDevice { major, minor } => {
                entry.kind = EntryKind::BlockDevice;
                entry.device = device(*major, *minor);
            }
            Kind::Fifo => entry.kind = EntryKind::Fifo,
        }
        self.push(entry, hash_of, from);
    }

    fn push(&mut self, mut entry: Entry, hash: Option<u128>, content: Option<Content>) {
        entry.header_offset = self.offset;
        let headers = headers(&entry).len() as u64;
        entry.data_offset = self.offset + headers;
        let size = tar::content_size(&entry);
        self.offset = entry.data_offset + size + tar::padding(size).len() as u64;
        self.members.push(Member {
            entry,
            hash,
            content,
        });
    }

    fn finish(self) -> LayerTar {
        let places = self
            .members
            .iter()
            .enumerate()
            .map(|(at, member)| (member.entry.header_offset, at))
            .collect();
        LayerTar {
            contents: self.contents,
            members: Arc::new(self.members),
            places: Arc::new(places),
            length: self.offset + tar::END.len() as u64,
        }
    }
}

fn headers(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(tar::BLOCK_SIZE);
    // Into memory nothing fails.
    drop(tar::write_header(&mut bytes, entry));
    bytes
}

/// Reads a [`LayerTar`]. It opens layers and packs as it goes, which blocks; contents are verified.
pub(crate) struct TarReader {
    tar: LayerTar,
    next: usize,
    state: State,
    /// Open layers, which are read on from where they are.
    streams: BTreeMap<u32, LayerStream>,
}

struct LayerStream {
    content: layer::Content<Box<dyn Read + Send>>,
    offset: u64,
}

enum State {
    /// The next member, or the end, is due.
    Next,
    /// Bytes that are ready, and where in them the reader is. Then comes the content of the member before `next`.
    Ready(Vec<u8>, usize, bool),
    /// Content of a pack.
    Pack {
        file: io::Take<File>,
        hash: ContentHash,
    },
    /// Content of a layer, of which so much is still to come.
    Layer(u32, u64),
    End,
}

impl TarReader {
    fn content(&mut self, member: usize) -> io::Result<State> {
        let (content, hash, size) = {
            let member = &self.tar.members[member];
            (
                member.content,
                member.hash,
                tar::content_size(&member.entry),
            )
        };
        let contents = &self.tar.contents;
        match content {
            None => Ok(State::Next),
            // Where nothing else was written with it there is no pack.
            Some(_) if size == 0 => Ok(State::Next),
            Some(Content::Pack { pack, offset }) => {
                let file = contents.store.open_pack(&contents.container, pack);
                let mut file = file.map_err(io::Error::other)?;
                file.seek(SeekFrom::Start(offset))?;
                Ok(State::Pack {
                    file: file.take(size),
                    hash: ContentHash::new(),
                })
            }
            Some(Content::Image { layer, offset }) => {
                self.open_layer(layer, offset, hash)?;
                Ok(State::Layer(layer, size))
            }
        }
    }

    fn open_layer(&mut self, layer: u32, offset: u64, hash: Option<u128>) -> io::Result<()> {
        let image = &self.tar.contents.image;
        if let Some(stream) = self.streams.get_mut(&layer)
            && stream.offset < offset
            && offset - stream.offset < 2 * layer::SPACING
        {
            stream.content.go_on(offset, hash).map_err(invalid)?;
            stream.offset = offset;
            return Ok(());
        }
        let source = image.open_layer(layer, offset).map_err(io::Error::other)?;
        let content = layer::Content::open(source, offset, hash).map_err(invalid)?;
        self.streams.insert(layer, LayerStream { content, offset });
        Ok(())
    }

    fn changed(&self) -> io::Error {
        let path = &self.tar.members[self.next - 1].entry.path;
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "the content of {} is not what it was",
                crate::files::escaped(path)
            ),
        )
    }
}

impl Read for TarReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let previous = self.next.checked_sub(1);
            match &mut self.state {
                State::End => return Ok(0),
                State::Next => {
                    self.state = match self.tar.members.get(self.next) {
                        Some(member) => {
                            self.next += 1;
                            State::Ready(headers(&member.entry), 0, true)
                        }
                        None => {
                            self.next += 1;
                            State::Ready(tar::END.to_vec(), 0, false)
                        }
                    };
                }
                State::Ready(bytes, at, content_follows) => {
                    let count = out.len().min(bytes.len() - *at);
                    if count > 0 {
                        out[..count].copy_from_slice(&bytes[*at..*at + count]);
                        *at += count;
                        return Ok(count);
                    }
                    let follows = *content_follows;
                    self.state = match previous {
                        Some(member) if follows => self.content(member)?,
                        _ if self.next > self.tar.members.len() => State::End,
                        _ => State::Next,
                    };
                }
                State::Pack { file, hash } => {
                    let count = file.read(out)?;
                    if count > 0 {
                        hash.update(&out[..count]);
                        return Ok(count);
                    }
                    let found = hash.finish();
                    let left = file.limit();
                    let member = previous.and_then(|member| self.tar.members.get(member));
                    if left > 0
                        || member
                            .is_some_and(|member| member.hash.is_some_and(|wanted| wanted != found))
                    {
                        return Err(self.changed());
                    }
                    self.pad();
                }
                State::Layer(layer, left) => {
                    let stream = self.streams.get_mut(layer).ok_or(io::ErrorKind::NotFound)?;
                    let count = stream.content.read(out)?;
                    if count > 0 {
                        *left = left.saturating_sub(count as u64);
                        return Ok(count);
                    }
                    if *left > 0 {
                        return Err(self.changed());
                    }
                    self.pad();
                }
            }
        }
    }
}

impl TarReader {
    fn pad(&mut self) {
        let size = self
            .next
            .checked_sub(1)
            .and_then(|member| self.tar.members.get(member))
            .map_or(0, |member| tar::content_size(&member.entry));
        self.state = State::Ready(tar::padding(size).to_vec(), 0, false);
    }
}

fn invalid(error: layer::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Returns the engine's error for what reading a tar failed with.
pub(crate) fn unreadable(container: &str, source: io::Error) -> Error {
    match source.downcast::<Error>() {
        Ok(error) => error,
        Err(source) => match source.downcast::<store::Error>() {
            Ok(error) => error.into(),
            Err(source) => Error::ContainerContent {
                container: container.to_owned(),
                source,
            },
        },
    }
}
