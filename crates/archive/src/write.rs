//! One tar that is an OCI layout and a docker-archive at once, the same bytes every time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};

use layer::tar::BLOCK_SIZE;
use oci::{Descriptor, Digest, ImageName};
use serde_json::{Value, json};

use crate::compression::Encoder;
use crate::contents::blob_name;
use crate::layout::{FULL_NAME, INDEX, LAYOUT, REF_NAME};
use crate::{Compression, Error, Result, docker};

/// Bytes of a member's header.
pub const HEADER_SIZE: u64 = BLOCK_SIZE as u64;

/// Bytes that are copied at a time.
const BUFFER: usize = 256 * 1024;

/// Which readers the tar is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// All of them: a layout with the `manifest.json` that Docker before version 25 wants.
    #[default]
    Docker,
    /// Readers of OCI layouts only.
    Oci,
}

/// An image to be saved.
#[derive(Debug, Clone)]
pub struct SavedImage {
    /// What the names name: a manifest or an index.
    pub target: Descriptor,
    /// The names; without one it is found by its digest.
    pub names: Vec<ImageName>,
    /// What a layout calls it where that is no name of an image; with names it stands in place of the tag.
    pub label: Option<String>,
    /// What a docker-archive says of it, which knows no indexes; `None` for an artifact, which it does not know either.
    pub shown: Option<SavedManifest>,
}

/// Config and layers of the one platform that a docker-archive has of an image.
#[derive(Debug, Clone)]
pub struct SavedManifest {
    /// The config.
    pub config: Digest,
    /// The layers, base first.
    pub layers: Vec<Digest>,
}

/// Writes an archive. Sorted members, no times, no owners: the same images make the same bytes.
pub struct Writer<W: Write> {
    out: Encoder<W>,
    written: u64,
    blobs: BTreeMap<Digest, u64>,
    documents: BTreeMap<&'static str, Vec<u8>>,
}

impl<W: Write> Writer<W> {
    /// Begins an archive of these images and blobs (documents among them), which come with their sizes.
    ///
    /// # Errors
    /// Where there is no encoder for the compression, or the writer fails.
    pub fn new(
        out: W,
        compression: Compression,
        style: Style,
        images: &[SavedImage],
        blobs: BTreeMap<Digest, u64>,
    ) -> Result<Self> {
        let out = Encoder::new(out, compression)
            .and_then(|encoder| encoder.ok_or_else(|| io::ErrorKind::Unsupported.into()))
            .map_err(Error::Write)?;
        Ok(Self {
            out,
            written: 0,
            blobs,
            documents: documents(style, images),
        })
    }

    /// Tells how many bytes the tar has before it is compressed.
    pub fn total(&self) -> u64 {
        let file = |name: &str, size: u64| {
            headers(name, Some(size)).len() as u64 + size.next_multiple_of(HEADER_SIZE)
        };
        let blobs: u64 = self
            .blobs
            .iter()
            .map(|(digest, size)| file(&blob_name(digest), *size))
            .sum();
        let documents: u64 = self
            .documents
            .iter()
            .map(|(name, bytes)| file(name, bytes.len() as u64))
            .sum();
        let folders = 1 + self.algorithms().len() as u64;
        blobs + documents + folders * HEADER_SIZE + 2 * HEADER_SIZE
    }

    /// Writes everything. `open` gives a blob's bytes, which are hashed on the way; `each` hears how many bytes of
    /// [`Writer::total`] are written, and ends the work with an error of its own.
    ///
    /// # Errors
    /// [`Error::DigestMismatch`], [`Error::SizeMismatch`] for a blob that is not what it should be; what is written until
    /// then is no archive.
    pub fn write<R: Read, E: From<Error>>(
        mut self,
        mut open: impl FnMut(&Digest) -> std::result::Result<R, E>,
        mut each: impl FnMut(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<W, E> {
        self.header("blobs/", None)?;
        let mut folder = None;
        for (digest, size) in std::mem::take(&mut self.blobs) {
            let algorithm = digest.algorithm();
            if folder != Some(algorithm) {
                self.header(&format!("blobs/{}/", algorithm.as_str()), None)?;
                folder = Some(algorithm);
            }
            let name = blob_name(&digest);
            self.header(&name, Some(size))?;
            let mut source = open(&digest)?;
            self.blob(&name, &digest, size, &mut source, &mut each)?;
        }
        for (name, bytes) in std::mem::take(&mut self.documents) {
            self.header(name, Some(bytes.len() as u64))?;
            self.put(&bytes)?;
            self.pad(bytes.len() as u64)?;
        }
        self.put(&[0; 2 * BLOCK_SIZE])?;
        each(self.written)?;
        Ok(self.out.finish().map_err(Error::Write)?)
    }

    fn blob<E: From<Error>>(
        &mut self,
        name: &str,
        digest: &Digest,
        size: u64,
        source: &mut dyn Read,
        each: &mut dyn FnMut(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut hasher = oci::Hasher::new(digest.algorithm());
        let mut buffer = vec![0; BUFFER];
        let mut copied = 0;
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::Read(error).into()),
            };
            copied += count as u64;
            if copied > size {
                break;
            }
            hasher.update(&buffer[..count]);
            self.put(&buffer[..count])?;
            each(self.written)?;
        }
        if copied != size {
            return Err(Error::SizeMismatch {
                member: name.to_owned(),
                expected: size,
                found: copied,
            }
            .into());
        }
        let found = hasher.finish();
        if found != *digest {
            return Err(Error::DigestMismatch {
                member: name.to_owned(),
                expected: digest.clone(),
                found,
            }
            .into());
        }
        Ok(self.pad(size)?)
    }

    fn algorithms(&self) -> BTreeSet<&'static str> {
        self.blobs
            .keys()
            .map(|digest| digest.algorithm().as_str())
            .collect()
    }

    fn header(&mut self, name: &str, size: Option<u64>) -> Result<()> {
        self.put(&headers(name, size))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes).map_err(Error::Write)
    }

    fn pad(&mut self, size: u64) -> Result<()> {
        let missing = usize::try_from(size.next_multiple_of(HEADER_SIZE) - size).unwrap_or(0);
        self.put(&[0; BLOCK_SIZE][..missing])
    }
}

/// The documents beside the blobs, by name.
fn documents(style: Style, images: &[SavedImage]) -> BTreeMap<&'static str, Vec<u8>> {
    let mut images: Vec<&SavedImage> = images.iter().collect();
    images.sort_by_key(|image| {
        let first = image.names.iter().map(ToString::to_string).min();
        (first.is_none(), first, image.target.digest.clone())
    });
    let mut documents = BTreeMap::from([(LAYOUT, layout_file()), (INDEX, index(&images))]);
    if style == Style::Docker {
        documents.insert(docker::MANIFEST, manifest(&images));
        documents.insert("repositories", repositories(&images));
    }
    documents
}

fn sorted_names(image: &SavedImage) -> Vec<&ImageName> {
    let mut names: Vec<&ImageName> = image
        .names
        .iter()
        .filter(|name| name.tag().is_some())
        .collect();
    names.sort_by_key(ToString::to_string);
    names
}

fn index(images: &[&SavedImage]) -> Vec<u8> {
    let lines: Vec<Value> = images.iter().flat_map(|image| lines(image)).collect();
    index_of(&lines)
}

fn index_of(lines: &[Value]) -> Vec<u8> {
    bytes(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": lines,
    }))
}

/// The lines of an image in `index.json`: one for each name, or one without.
fn lines(image: &SavedImage) -> Vec<Value> {
    let line = json!({
        "mediaType": image.target.media_type.as_str(),
        "digest": image.target.digest.as_str(),
        "size": image.target.size,
    });
    let names = sorted_names(image);
    if names.is_empty() {
        let mut line = line;
        if let Some(label) = &image.label {
            line["annotations"] = json!({ REF_NAME: label });
        }
        return vec![line];
    }
    names
        .into_iter()
        .map(|name| {
            let mut line = line.clone();
            let tag = name.tag().map(ToString::to_string);
            line["annotations"] = json!({
                FULL_NAME: name.to_string(),
                REF_NAME: image.label.clone().or(tag),
            });
            line
        })
        .collect()
}

/// The file that every layout has.
pub fn layout_file() -> Vec<u8> {
    bytes(&json!({"imageLayoutVersion": "1.0.0"}))
}

/// Makes the `index.json` of a folder that gets one more image. What the folder has stays, but for what is called the same.
///
/// # Errors
/// Where the folder's `index.json` is none.
pub fn joined_index(existing: Option<&[u8]>, image: &SavedImage) -> Result<Vec<u8>> {
    let added = lines(image);
    let called = |line: &Value| line["annotations"][REF_NAME].as_str().map(str::to_owned);
    let mut all: Vec<Value> = match existing {
        None => Vec::new(),
        Some(bytes) => {
            let document: Value = serde_json::from_slice(bytes).map_err(|source| Error::Json {
                member: INDEX.into(),
                source,
            })?;
            document["manifests"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        }
    };
    all.retain(|line| {
        !added.iter().any(|added| {
            let same = line["digest"] == added["digest"] && called(line).is_none();
            same || (called(line).is_some() && called(line) == called(added))
        })
    });
    all.extend(added);
    Ok(index_of(&all))
}

fn manifest(images: &[&SavedImage]) -> Vec<u8> {
    let line = |image: &&SavedImage| {
        let shown = image.shown.as_ref()?;
        let names: Vec<String> = sorted_names(image)
            .into_iter()
            .map(ImageName::familiar)
            .collect();
        Some(json!({
            "Config": blob_name(&shown.config),
            "RepoTags": if names.is_empty() { Value::Null } else { json!(names) },
            "Layers": shown.layers.iter().map(blob_name).collect::<Vec<_>>(),
        }))
    };
    bytes(&Value::Array(images.iter().filter_map(line).collect()))
}

/// What Docker before version 1.10 read, and some scripts still do: the topmost layer of each name.
fn repositories(images: &[&SavedImage]) -> Vec<u8> {
    let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for image in images {
        let Some(top) = image.shown.as_ref().and_then(|shown| shown.layers.last()) else {
            continue;
        };
        for name in sorted_names(image) {
            let tag = name.tag().map(ToString::to_string).unwrap_or_default();
            repositories
                .entry(name.reference().familiar_name())
                .or_default()
                .insert(tag, top.hex().to_owned());
        }
    }
    bytes(&json!(repositories))
}

fn bytes(document: &Value) -> Vec<u8> {
    let mut text = document.to_string().into_bytes();
    text.push(b'\n');
    text
}

/// Makes the headers of a member: of a file where there is a size, else of a folder.
///
/// Only the blobs that SHA-512 names have a name longer than ustar's; it stands in an extended header.
fn headers(name: &str, size: Option<u64>) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(BLOCK_SIZE);
    if name.len() > 100 {
        // " path=" and the line's end, and three digits for the whole.
        let record = format!("{} path={name}\n", name.len() + 10);
        blocks.extend(header("pax", b'x', record.len() as u64));
        blocks.extend(record.as_bytes());
        blocks.resize(blocks.len().next_multiple_of(BLOCK_SIZE), 0);
    }
    let kind = if size.is_some() { b'0' } else { b'5' };
    blocks.extend(header(name, kind, size.unwrap_or_default()));
    blocks
}

fn header(name: &str, kind: u8, size: u64) -> [u8; BLOCK_SIZE] {
    let mut block = [0; BLOCK_SIZE];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    let mode = if kind == b'5' { 0o755 } else { 0o644 };
    put(100, format!("{mode:07o}\0").as_bytes());
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < 1 << 33 {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        // GNU's form for what eleven octal digits do not hold; Go reads it, too.
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
