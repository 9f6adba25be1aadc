//! How fast a pull is, and how long it still takes.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use engine::{BlobState, Digest};

use crate::progress::{BlobProgress, PullEvent};

/// The time constant of the smoothing: after a change of speed, two thirds of it are seen after this long.
const SMOOTHING: f64 = 3.0;

/// A speed from less than this says nothing.
const FIRST_SPEED: Duration = Duration::from_millis(500);

/// The time between two readings when nothing moved: then the speed falls, and the window has to hear it.
const IDLE: Duration = Duration::from_secs(1);

/// Adds up the counts of a pull's blobs. Knows no clock: the time comes with every reading.
pub(crate) struct Meter {
    blobs: HashMap<Digest, Blob>,
    moved: HashSet<Digest>,
    download_bytes: u64,
    started: Instant,
    last: Option<(Instant, u64)>,
    speed: Option<f64>,
}

#[derive(Default)]
struct Blob {
    size: Option<u64>,
    /// What was here before this pull began.
    before: u64,
    current: u64,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Meter {
        Meter {
            blobs: HashMap::new(),
            moved: HashSet::new(),
            download_bytes: 0,
            started: now,
            last: None,
            speed: None,
        }
    }

    pub(crate) fn resolved(&mut self, blobs: &[BlobState], download_bytes: u64) {
        self.download_bytes = download_bytes;
        for blob in blobs {
            let before = if blob.present {
                blob.size
            } else {
                blob.partial
            };
            self.blobs.insert(
                blob.digest.clone(),
                Blob {
                    size: Some(blob.size),
                    before,
                    current: before,
                },
            );
        }
    }

    pub(crate) fn fetched(&mut self, digest: Digest, current: u64) {
        self.blobs.entry(digest.clone()).or_default().current = current;
        self.moved.insert(digest);
    }

    pub(crate) fn stored(&mut self, digest: &Digest) {
        if let Some(blob) = self.blobs.get_mut(digest)
            && let Some(size) = blob.size
        {
            blob.current = size;
        }
    }

    /// Says how far it is, if that is news.
    pub(crate) fn read(&mut self, now: Instant) -> Option<PullEvent> {
        let idle = self
            .last
            .is_some_and(|(then, _)| now.duration_since(then) >= IDLE);
        if self.moved.is_empty() && !idle {
            return None;
        }
        let fetched: u64 = self
            .blobs
            .values()
            .map(|blob| blob.current.saturating_sub(blob.before))
            .sum();
        self.measure(now, fetched);
        let blobs = self.moved.drain().map(|digest| BlobProgress {
            current: self.blobs.get(&digest).map_or(0, |blob| blob.current),
            digest: digest.to_string(),
        });
        Some(PullEvent::Progress {
            blobs: blobs.collect(),
            // More than was announced comes when a server sends a blob again from its beginning.
            fetched_bytes: fetched.min(self.download_bytes),
            bytes_per_second: whole(self.speed.unwrap_or(0.0)),
            seconds_left: self.seconds_left(fetched),
        })
    }

    fn measure(&mut self, now: Instant, fetched: u64) {
        let (then, before) = self.last.unwrap_or((self.started, 0));
        let seconds = now.duration_since(then).as_secs_f64();
        if now.duration_since(self.started) < FIRST_SPEED || seconds <= 0.0 {
            // Counted in with the first speed: the beginning of the measurement stays where it was.
            return;
        }
        let bytes = fetched.saturating_sub(before);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a speed is shown with three digits, f64 has fifteen"
        )]
        let speed = bytes as f64 / seconds;
        let weight = 1.0 - (-seconds / SMOOTHING).exp();
        self.speed = Some(
            self.speed
                .map_or(speed, |smooth| smooth + weight * (speed - smooth)),
        );
        self.last = Some((now, fetched));
    }

    fn seconds_left(&self, fetched: u64) -> Option<u32> {
        let speed = whole(self.speed?);
        let left = self.download_bytes.saturating_sub(fetched);
        // Slower than a byte a second there is no end in sight.
        let seconds = left.checked_div(speed)?;
        u32::try_from(seconds + u64::from(!left.is_multiple_of(speed))).ok()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a speed is not negative, and `as` saturates"
)]
fn whole(speed: f64) -> u64 {
    speed.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    struct Clock(Instant);

    impl Clock {
        fn after(&self, milliseconds: u64) -> Instant {
            self.0 + Duration::from_millis(milliseconds)
        }
    }

    fn blob(name: &str, size: u64, partial: u64) -> BlobState {
        BlobState {
            digest: Digest::sha256(name.as_bytes()),
            size,
            present: false,
            partial,
            diff_id: None,
        }
    }

    fn numbers(event: Option<PullEvent>) -> (u64, u64, Option<u32>) {
        match event {
            Some(PullEvent::Progress {
                fetched_bytes,
                bytes_per_second,
                seconds_left,
                ..
            }) => (fetched_bytes, bytes_per_second, seconds_left),
            other => panic!("no progress but {other:?}"),
        }
    }

    #[test]
    fn what_was_here_before_is_neither_fetched_nor_fast() {
        let clock = Clock(Instant::now());
        let mut meter = Meter::new(clock.0);
        let half = blob("half", 100 * MB, 50 * MB);
        meter.resolved(std::slice::from_ref(&half), 50 * MB);
        meter.fetched(half.digest, 60 * MB);
        assert_eq!(
            numbers(meter.read(clock.after(1000))),
            (10 * MB, 10 * MB, Some(4))
        );
    }

    #[test]
    fn a_steady_speed_is_told_as_it_is_and_a_stall_makes_it_fall() {
        let clock = Clock(Instant::now());
        let mut meter = Meter::new(clock.0);
        let one = blob("one", 100 * MB, 0);
        meter.resolved(std::slice::from_ref(&one), 100 * MB);
        for second in 1..=10 {
            meter.fetched(one.digest.clone(), second * MB);
            let (_, speed, left) = numbers(meter.read(clock.after(second * 1000)));
            assert_eq!(speed, MB);
            assert_eq!(left, u32::try_from(100 - second).ok());
        }
        assert_eq!(
            meter.read(clock.after(10_100)),
            None,
            "nothing moved and no second is over"
        );
        let (_, speed, left) = numbers(meter.read(clock.after(11_000)));
        assert!(speed < MB, "{speed}");
        assert!(left > Some(90), "{left:?}");
    }

    #[test]
    fn the_first_moments_give_no_speed() {
        let clock = Clock(Instant::now());
        let mut meter = Meter::new(clock.0);
        let one = blob("one", 100 * MB, 0);
        meter.resolved(std::slice::from_ref(&one), 100 * MB);
        meter.fetched(one.digest.clone(), MB);
        assert_eq!(numbers(meter.read(clock.after(100))), (MB, 0, None));
        meter.fetched(one.digest, 2 * MB);
        let (_, speed, _) = numbers(meter.read(clock.after(1000)));
        assert_eq!(
            speed,
            2 * MB,
            "bytes of the first moments count into the first speed"
        );
    }

    #[test]
    fn a_blob_that_begins_again_counts_back_and_never_below_nothing() {
        let clock = Clock(Instant::now());
        let mut meter = Meter::new(clock.0);
        let half = blob("half", 100 * MB, 50 * MB);
        meter.resolved(std::slice::from_ref(&half), 50 * MB);
        meter.fetched(half.digest.clone(), 0);
        assert_eq!(numbers(meter.read(clock.after(1000))).0, 0);
        meter.fetched(half.digest.clone(), 100 * MB);
        assert_eq!(numbers(meter.read(clock.after(2000))).0, 50 * MB);
        meter.stored(&half.digest);
        meter.fetched(half.digest, 100 * MB);
        assert_eq!(numbers(meter.read(clock.after(3000))).2, Some(0));
    }
}
