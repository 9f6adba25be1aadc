//! A small tar writer, which can also write what no tar program would.

use std::ops::Range;

use layer::{Error, FileEntry, FileIndex, LayerFacts, LayerScan};

pub(crate) const NAME: Range<usize> = 0..100;
pub(crate) const UID: Range<usize> = 108..116;
pub(crate) const SIZE: Range<usize> = 124..136;
pub(crate) const MAGIC: Range<usize> = 257..265;
pub(crate) const PREFIX: Range<usize> = 345..500;

/// One header block in the making. The checksum is put in when it is added to an archive.
#[derive(Clone)]
pub(crate) struct Header([u8; 512]);

impl Header {
    pub(crate) fn new(name: impl AsRef<[u8]>, type_flag: u8, size: u64) -> Self {
        let mut header = Self([0; 512]);
        header
            .field(NAME, name)
            .field(100..108, "0000644\0")
            .field(UID, "0001750\0")
            .field(116..124, "0001750\0")
            .field(SIZE, format!("{size:011o}\0"))
            .field(136..148, "14000000000\0")
            .field(156..157, [type_flag])
            .field(MAGIC, "ustar\x0000");
        header
    }

    /// Overwrites a field; what does not fit is cut off.
    pub(crate) fn field(&mut self, range: Range<usize>, bytes: impl AsRef<[u8]>) -> &mut Self {
        let field = &mut self.0[range];
        field.fill(0);
        let count = bytes.as_ref().len().min(field.len());
        field[..count].copy_from_slice(&bytes.as_ref()[..count]);
        self
    }

    pub(crate) fn gnu(&mut self) -> &mut Self {
        self.field(MAGIC, "ustar  \0")
    }

    pub(crate) fn number(&mut self, range: Range<usize>, value: u64) -> &mut Self {
        let width = range.len() - 1;
        self.field(range, format!("{value:0width$o}"))
    }

    /// Writes a number in base 256, in the last eight bytes of the field.
    pub(crate) fn base256(&mut self, range: Range<usize>, value: i64) -> &mut Self {
        let mut bytes = vec![if value < 0 { 0xff } else { 0 }; range.len()];
        let full = value.to_be_bytes();
        let count = bytes.len().min(8);
        let start = bytes.len() - count;
        bytes[start..].copy_from_slice(&full[8 - count..]);
        bytes[0] |= 0x80;
        self.field(range, bytes)
    }

    pub(crate) fn sealed(&self) -> [u8; 512] {
        let mut block = self.0;
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

/// An archive in the making.
#[derive(Clone, Default)]
pub(crate) struct Archive(pub(crate) Vec<u8>);

impl Archive {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn header(mut self, header: &Header) -> Self {
        self.0.extend_from_slice(&header.sealed());
        self
    }

    pub(crate) fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    pub(crate) fn padded(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let header = Header::new(name, b'0', content.as_ref().len() as u64);
        self.header(&header).padded(content)
    }

    pub(crate) fn link(self, name: &str, type_flag: u8, target: &str) -> Self {
        let mut header = Header::new(name, type_flag, 0);
        header.field(157..257, target);
        self.header(&header)
    }

    pub(crate) fn pax<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        self,
        records: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.extension("PaxHeaders/x", b'x', pax_records(records))
    }

    pub(crate) fn extension(self, name: &str, type_flag: u8, content: impl AsRef<[u8]>) -> Self {
        let mut header = Header::new(name, type_flag, content.as_ref().len() as u64);
        if matches!(type_flag, b'L' | b'K') {
            header.gnu();
        }
        self.header(&header).padded(content)
    }

    /// Adds the end mark and returns the bytes.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

pub(crate) fn pax_records<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    records: impl IntoIterator<Item = (K, V)>,
) -> Vec<u8> {
    let mut content = Vec::new();
    for (key, value) in records {
        let (key, value) = (key.as_ref(), value.as_ref());
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length += 1;
        }
        content.extend_from_slice(format!("{length} ").as_bytes());
        content.extend_from_slice(key);
        content.push(b'=');
        content.extend_from_slice(value);
        content.push(b'\n');
    }
    content
}

/// Scans a plain tar in chunks of the given size, and reads the index back.
pub(crate) fn scan_chunks(tar: &[u8], chunk: usize) -> Result<(LayerFacts, Vec<FileEntry>), Error> {
    let mut index = Vec::new();
    let mut scan = LayerScan::new(&mut index);
    for bytes in tar.chunks(chunk) {
        scan.write(bytes)?;
    }
    let facts = scan.finish()?;
    let mut reader = FileIndex::open(index.as_slice())?;
    let entries = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(
        reader.facts(),
        Some(&facts),
        "the index holds the facts that the scan returned"
    );
    assert_eq!(entries.len() as u64, facts.entries);
    Ok((facts, entries))
}

/// Scans a plain tar in one piece.
pub(crate) fn scan(tar: &[u8]) -> Result<(LayerFacts, Vec<FileEntry>), Error> {
    scan_chunks(tar, usize::MAX)
}

/// Scans a plain tar that must be good.
pub(crate) fn entries(tar: &[u8]) -> Vec<FileEntry> {
    scan(tar).unwrap().1
}

/// Returns the names of a tar that must be good.
pub(crate) fn names(tar: &[u8]) -> Vec<String> {
    entries(tar)
        .iter()
        .map(|file| String::from_utf8_lossy(&file.entry.path).into_owned())
        .collect()
}
