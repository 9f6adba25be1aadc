//! Looks and loads that do not come to their end.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use engine::{ArchiveSource, Event, ImageQuery, Progress};
use testkit::{ImageBuilder, Layer, Packing};
use tokio::sync::oneshot;

use super::{from, image, layout};
use crate::lab::Lab;

/// A tar with one member that never ends. It tells when it is read, and when nobody reads it any more.
struct Endless {
    header: io::Cursor<Vec<u8>>,
    read: Option<oneshot::Sender<()>>,
    gone: Option<oneshot::Sender<()>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.header.read(buffer)? {
            0 => {
                if let Some(read) = self.read.take() {
                    read.send(()).unwrap();
                }
                buffer.fill(0);
                Ok(buffer.len())
            }
            count => Ok(count),
        }
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        if let Some(gone) = self.gone.take() {
            gone.send(()).unwrap();
        }
    }
}

/// The header of a member of a terabyte.
fn huge(name: &str) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    // In the base of 256, which has room for it.
    header[124] = 0x80;
    header[128..136].copy_from_slice(&(1_u64 << 40).to_be_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_into_an_archive_that_nobody_waits_for_ends() {
    let lab = Lab::new().await;
    let ((read, is_read), (gone, is_gone)) = (oneshot::channel(), oneshot::channel());
    let endless = Endless {
        header: io::Cursor::new(huge("one.tar")),
        read: Some(read),
        gone: Some(gone),
    };
    let request = from(ArchiveSource::Stream(Box::new(endless)));
    tokio::select! {
        planned = lab.engine.plan_load(request) => panic!("it has no end: {planned:?}"),
        begun = is_read => begun.unwrap(),
    }
    is_gone.await.unwrap();
}

/// Hears of the first bytes that came.
struct FirstBytes(Mutex<Option<oneshot::Sender<()>>>);

impl Progress for FirstBytes {
    fn report(&self, event: Event) {
        let came = matches!(
            event,
            Event::Passed { current: 1.., .. } | Event::Fetched { current: 1.., .. }
        );
        if let Some(first) = self.0.lock().unwrap().take_if(|_| came) {
            first.send(()).unwrap();
        }
    }
}

/// Gives its bytes, and then waits until it is let go on.
struct Stalling {
    bytes: io::Cursor<Vec<u8>>,
    go_on: Receiver<()>,
}

impl Read for Stalling {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.bytes.read(buffer)? {
            0 => Ok(self.go_on.recv().map_or(0, |()| 0)),
            count => Ok(count),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_cancelled_leaves_nothing_and_moves_no_name() {
    let lab = Lab::new().await;
    let before = image();
    let path = lab.file("before.tar", &layout(&before).tar());
    lab.load(&path).await.unwrap();
    let blobs = lab.blobs();
    let noise: Vec<u8> = (0..16_000_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let large = ImageBuilder::new()
        .layer(Layer::new().file("noise", noise).packed(Packing::Plain))
        .build();
    let tar = layout(&large).tar();
    let path = lab.file("large.tar", &tar);
    let (lets_go, go_on) = channel();
    let half = tar[..tar.len() / 2].to_vec();
    let stalling = Stalling {
        bytes: io::Cursor::new(half),
        go_on,
    };
    for source in [
        ArchiveSource::Path(path.clone()),
        ArchiveSource::Stream(Box::new(stalling)),
    ] {
        let (told, hears) = oneshot::channel();
        let first = FirstBytes(Mutex::new(Some(told)));
        tokio::select! {
            loaded = lab.engine.load(from(source), &first) => panic!("too fast to be cancelled: {loaded:?}"),
            heard = hears => heard.unwrap(),
        }
        let images = lab.engine.images(&ImageQuery::default()).await;
        let targets: Vec<_> = images
            .unwrap()
            .images
            .into_iter()
            .map(|image| image.target)
            .collect();
        assert_eq!(targets, [before.digest().clone()], "no name moved");
    }
    drop(lets_go);
    lab.has_only(&blobs).await;
    lab.check().await;
    lab.load(&path).await.unwrap();
    lab.check().await;
}
