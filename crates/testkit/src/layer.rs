use std::io::Write as _;

/// How a layer's tar is packed into its blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// One gzip member, as nearly everybody does.
    #[default]
    Gzip,
    /// Several gzip members one after the other, the tar cut at equal distances, as estargz and parallel gzip do.
    GzipMembers(usize),
    /// One zstd frame.
    Zstd,
    /// Several zstd frames with one without content behind them, the tar cut at equal distances, as seekable zstd does.
    ZstdFrames(usize),
    /// As it is.
    Plain,
}

/// A layer to be made: the entries of its tar and how it is packed.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    tar: Vec<u8>,
    packing: Packing,
    ended: bool,
}

impl Layer {
    /// Starts an empty layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a layer with these files.
    pub fn files<P: AsRef<str>, C: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        files
            .into_iter()
            .fold(Self::new(), |layer, (path, content)| {
                layer.file(path.as_ref(), content)
            })
    }

    /// Uses these bytes as the whole tar, whatever they are.
    pub fn of_tar(tar: impl Into<Vec<u8>>) -> Self {
        Self {
            tar: tar.into(),
            packing: Packing::default(),
            ended: true,
        }
    }

    /// Adds a file, mode 0644, owner 0.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(path, b'0', 0o644, "", content.as_ref())
    }

    /// Adds a folder, mode 0755.
    #[must_use]
    pub fn folder(self, path: &str) -> Self {
        self.entry(
            &format!("{}/", path.trim_end_matches('/')),
            b'5',
            0o755,
            "",
            b"",
        )
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(path, b'2', 0o777, target, b"")
    }

    /// Adds a hard link to an earlier entry.
    #[must_use]
    pub fn hardlink(self, path: &str, target: &str) -> Self {
        self.entry(path, b'1', 0o644, target.trim_start_matches('/'), b"")
    }

    /// Adds the mark that removes a path of the layers below.
    #[must_use]
    pub fn whiteout(self, path: &str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.file(&format!("{folder}/.wh.{name}"), "")
    }

    /// Sets how the tar is packed.
    #[must_use]
    pub fn packed(self, packing: Packing) -> Self {
        Self { packing, ..self }
    }

    pub(crate) fn packing(&self) -> Packing {
        self.packing
    }

    /// Adds a ustar entry.
    #[must_use]
    pub fn entry(mut self, path: &str, kind: u8, mode: u32, target: &str, content: &[u8]) -> Self {
        assert!(!self.ended, "the tar was given whole");
        let path = path.trim_start_matches('/');
        assert!(
            path.len() <= 100 && target.len() <= 100,
            "this writer makes short names only: {path}"
        );
        let mut header = [0_u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, path.as_bytes());
        put(100, format!("{mode:07o}\0").as_bytes());
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", content.len()).as_bytes());
        // 2024-01-01: a time that stands still keeps digests the same from run to run.
        put(136, format!("{:011o}\0", 1_704_067_200).as_bytes());
        put(148, b"        ");
        put(156, &[kind]);
        put(157, target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.tar.extend_from_slice(&header);
        self.tar.extend_from_slice(content);
        self.tar.resize(self.tar.len().next_multiple_of(512), 0);
        self
    }

    /// Returns the whole tar.
    pub fn tar(&self) -> Vec<u8> {
        let mut tar = self.tar.clone();
        if !self.ended {
            tar.extend_from_slice(&[0; 1024]);
        }
        tar
    }

    /// Returns the blob: the tar, packed.
    pub fn blob(&self) -> Vec<u8> {
        let tar = self.tar();
        match self.packing {
            Packing::Plain => tar,
            Packing::Zstd => zstd::encode_all(tar.as_slice(), 3).unwrap(),
            Packing::ZstdFrames(count) => {
                let pieces = tar.chunks(tar.len().div_ceil(count.max(1)).max(1));
                let mut blob: Vec<u8> = pieces
                    .flat_map(|piece| zstd::encode_all(piece, 3).unwrap())
                    .collect();
                blob.extend(b"\x5e\x2a\x4d\x18\x04\x00\x00\x00seek");
                blob
            }
            Packing::Gzip => gzip(&tar),
            Packing::GzipMembers(count) => tar
                .chunks(tar.len().div_ceil(count.max(1)).max(1))
                .flat_map(gzip)
                .collect(),
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
