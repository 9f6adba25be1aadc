//! Compresses a layer on all cores: the same bytes for the same tar, whatever the number of cores and however it comes in pieces.
//!
//! The tar is cut into blocks of [`BLOCK`] bytes that are compressed one by one, none knowing of the others. With gzip they make
//! one stream of one member (RFC 1952), which every reader takes: each block ends at a whole byte (a *sync flush*), and because
//! it refers to nothing before it, decoding can begin at any of them. That is the seek table, without any window. With zstd each
//! is a frame of its own (RFC 8878 §3.1.1).

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use zstd::bulk::Compressor;

use crate::compression::Compression;
use crate::deflate::Deflater;

/// Bytes of the tar that are compressed at a time.
pub const BLOCK: usize = 1 << 20;

/// zstd's usual level.
const ZSTD_LEVEL: i32 = 3;

/// No time, no name, and no system, as Go's encoder writes it: the header says nothing of where it was made.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// An empty last block.
const DEFLATE_END: [u8; 2] = [3, 0];

/// Takes the compressed bytes, in order.
pub trait CompressedSink: Send {
    /// Takes more of them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Is told, before the bytes, that decoding can begin here: `input` compressed bytes and `output` uncompressed ones came before.
    fn place(&mut self, input: u64, output: u64) -> io::Result<()>;
}

/// Takes the tar, in pieces of any size.
pub struct Uncompressed<'a> {
    block: Vec<u8>,
    number: u64,
    checksum: u32,
    length: u64,
    work: SyncSender<Work>,
    free: &'a Receiver<Vec<u8>>,
}

struct Work {
    number: u64,
    block: Vec<u8>,
}

struct Done {
    number: u64,
    length: u64,
    compressed: io::Result<Vec<u8>>,
    block: Vec<u8>,
}

/// Compresses what `fill` writes and gives it to the sink. Memory is a few blocks for each thread.
///
/// Returns what `fill` returned.
///
/// # Errors
/// What the sink returned. `fill` gets an error of kind `BrokenPipe` then, so that where it fails that is returned.
pub fn compress<T, E>(
    compression: Compression,
    threads: NonZero<usize>,
    sink: &mut dyn CompressedSink,
    fill: impl FnOnce(&mut Uncompressed<'_>) -> Result<T, E>,
) -> io::Result<Result<T, E>> {
    let threads = threads.get();
    thread::scope(|scope| {
        let (work, waiting) = sync_channel::<Work>(threads);
        let (done, results) = channel::<Done>();
        let (used, free) = channel();
        // As many buffers as there are, so that a slow block holds the others up before memory grows.
        for _ in 0..3 * threads {
            drop(used.send(Vec::with_capacity(BLOCK)));
        }
        let waiting = std::sync::Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let (waiting, done) = (std::sync::Arc::clone(&waiting), done.clone());
            scope.spawn(move || worker(compression, &waiting, &done));
        }
        drop((waiting, done));
        let writing = scope.spawn(move || in_order(compression, results, &used, sink));
        let mut input = Uncompressed {
            block: Vec::new(),
            number: 0,
            checksum: 0,
            length: 0,
            work,
            free: &free,
        };
        let filled = fill(&mut input);
        let ended = match &filled {
            Ok(_) => input.pass(),
            Err(_) => Ok(()),
        };
        let (checksum, length) = (input.checksum, input.length);
        drop(input);
        let written = writing
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if filled.is_err() {
            return Ok(filled);
        }
        let sink = written?;
        ended?;
        if compression == Compression::Gzip {
            sink.write(&DEFLATE_END)?;
            sink.write(&checksum.to_le_bytes())?;
            // Of a length beyond 4 GiB the format has the lower half.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "RFC 1952 wants it modulo 2^32"
            )]
            sink.write(&(length as u32).to_le_bytes())?;
        }
        Ok(filled)
    })
}

impl Uncompressed<'_> {
    fn pass(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.block);
        self.checksum = zlib_rs::crc32::crc32(self.checksum, &block);
        self.length += block.len() as u64;
        let number = self.number;
        self.number += 1;
        self.work
            .send(Work { number, block })
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Uncompressed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.capacity() == 0 {
            // The writer is gone when nobody gives buffers back.
            self.block = self
                .free
                .recv()
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        let count = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        if self.block.len() == BLOCK {
            self.pass()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A flush in the middle would change the compressed bytes.
        Ok(())
    }
}

fn worker(compression: Compression, waiting: &Mutex<Receiver<Work>>, done: &Sender<Done>) {
    let mut deflater = Deflater::new();
    let mut zstd = None;
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(Work { number, block }) = next else {
            return;
        };
        let compressed = match compression {
            Compression::None => Ok(block.clone()),
            Compression::Gzip => deflater.block(&block),
            Compression::Zstd => frame(&mut zstd, &block),
        };
        let length = block.len() as u64;
        let result = Done {
            number,
            length,
            compressed,
            block,
        };
        if done.send(result).is_err() {
            return;
        }
    }
}

/// Compresses one block as a frame, with a compressor that is made once.
fn frame(kept: &mut Option<Compressor<'static>>, block: &[u8]) -> io::Result<Vec<u8>> {
    let compressor = match kept {
        Some(compressor) => compressor,
        None => kept.insert(Compressor::new(ZSTD_LEVEL)?),
    };
    compressor.compress(block)
}

/// Writes the blocks in their order, and gives the sink back.
fn in_order<'s>(
    compression: Compression,
    results: Receiver<Done>,
    used: &Sender<Vec<u8>>,
    sink: &'s mut dyn CompressedSink,
) -> io::Result<&'s mut dyn CompressedSink> {
    let (mut input, mut output) = (0, 0);
    if compression == Compression::Gzip {
        sink.write(&GZIP_HEADER)?;
        input = GZIP_HEADER.len() as u64;
    }
    let mut early = BTreeMap::new();
    let mut next = 0;
    for result in results {
        early.insert(result.number, result);
        while let Some(done) = early.remove(&next) {
            let Done {
                length,
                compressed,
                mut block,
                ..
            } = done;
            let compressed = compressed?;
            if compression == Compression::Gzip && output > 0 {
                sink.place(input, output)?;
            }
            sink.write(&compressed)?;
            input += compressed.len() as u64;
            output += length;
            next += 1;
            block.clear();
            // The other side may need no more of them.
            drop(used.send(block));
        }
    }
    Ok(sink)
}
