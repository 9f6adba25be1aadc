//! Progress on its way to the window: many counts from the engine, at most ten messages a second to the page.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{BlobState, Digest, Event, Progress};
use serde::Serialize;
use specta::Type;
use tauri::ipc::Channel;

use crate::meter::Meter;

/// How often counts go to the window.
const PERIOD: Duration = Duration::from_millis(100);

/// How far a pull is. All counts are absolute, so a lost event does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum PullEvent {
    /// The image is known: these blobs make it up.
    Resolved {
        /// What is pulled, in full.
        name: String,
        /// The distinct blobs: configs first, then layers in the image's order.
        blobs: Vec<PullBlob>,
        /// Bytes still to be fetched.
        download_bytes: u64,
        /// Bytes of all blobs, here or not.
        total_bytes: u64,
    },
    /// How far it is, at most ten times a second.
    Progress {
        /// The blobs that moved since the last time.
        blobs: Vec<BlobProgress>,
        /// Bytes that came over the network, out of `downloadBytes`.
        fetched_bytes: u64,
        /// The speed, smoothed over the last seconds.
        bytes_per_second: u64,
        /// How long it still takes at that speed; `null` while that is not known.
        seconds_left: Option<u32>,
    },
    /// A blob is whole, verified and durable.
    Stored {
        /// The blob.
        digest: String,
    },
    /// A transfer failed in a way that passes; it is tried again.
    Retrying {
        /// The blob; `null` where a manifest or a token was asked for.
        digest: Option<String>,
        /// What went wrong, in words.
        reason: String,
        /// How long until the next try.
        delay_seconds: u32,
    },
}

/// A blob of an image that is pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PullBlob {
    /// The blob.
    pub digest: String,
    /// Its bytes.
    pub size: u64,
    /// Whether nothing of it needs to be fetched.
    pub present: bool,
    /// Bytes that an earlier pull left of it.
    pub partial: u64,
    /// Its diff ID where it is a layer whose config is already known.
    pub diff_id: Option<String>,
}

/// How much of a blob is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BlobProgress {
    /// The blob.
    pub digest: String,
    /// Bytes that are here, never more than its size.
    pub current: u64,
}

/// Hears a pull and tells the window.
///
/// `Resolved`, `Stored` and `Retrying` pass at once: there are few. Counts are only noted, and told by [`tell`] ten times
/// a second; a count that is overtaken by a newer one is never told.
///
/// [`tell`]: ChannelSink::tell
pub(crate) struct ChannelSink {
    send: Box<dyn Fn(PullEvent) + Send + Sync>,
    meter: Mutex<Meter>,
    /// Whether the window knows of an archive that is read or written.
    begun: Mutex<bool>,
    /// Whether the outcome is being recorded, which nobody can hold back any more.
    recording: AtomicBool,
}

impl ChannelSink {
    pub(crate) fn new(channel: Channel<PullEvent>) -> ChannelSink {
        ChannelSink::sending(move |event| tell(&channel, event))
    }

    fn sending(send: impl Fn(PullEvent) + Send + Sync + 'static) -> ChannelSink {
        ChannelSink {
            send: Box::new(send),
            meter: Mutex::new(Meter::new(Instant::now())),
            begun: Mutex::new(false),
            recording: AtomicBool::new(false),
        }
    }

    /// As [`ChannelSink::new`], and is heard while the window's thread waits in a loop of the desktop's own.
    pub(crate) fn from_any_loop(channel: Channel<PullEvent>) -> ChannelSink {
        #[cfg(target_os = "linux")]
        let sink = ChannelSink::sending(move |event| {
            let channel = channel.clone();
            gtk::glib::MainContext::default().invoke(move || tell(&channel, event));
        });
        #[cfg(not(target_os = "linux"))]
        let sink = ChannelSink::new(channel);
        sink
    }

    /// Waits for the work, and tells the window meanwhile how far it is.
    pub(crate) async fn tell<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut clock = tokio::time::interval(PERIOD);
        // After a pause of the whole process one message is enough.
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                outcome = &mut work => {
                    self.tick();
                    return outcome;
                }
                _ = clock.tick() => self.tick(),
            }
        }
    }

    /// Tells whether the work has come to where its outcome is recorded.
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    fn tick(&self) {
        let reading = self.meter().read(Instant::now());
        if let Some(event) = reading {
            self.send(event);
        }
    }

    /// Counts an archive as a whole as one blob, which the window hears of first.
    fn passed(&self, current: u64, total: Option<u64>) {
        let whole = Digest::sha256(b"archive");
        let begun = std::mem::replace(
            &mut *self.begun.lock().unwrap_or_else(PoisonError::into_inner),
            true,
        );
        if !begun {
            let bytes = total.unwrap_or_default();
            self.meter().resolved(&[], bytes);
            self.send(PullEvent::Resolved {
                name: String::new(),
                blobs: Vec::new(),
                download_bytes: bytes,
                total_bytes: bytes,
            });
        }
        self.meter().fetched(whole, current);
    }

    fn meter(&self) -> std::sync::MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, event: PullEvent) {
        (self.send)(event);
    }
}

/// A window that is gone hears nothing; the operation goes on, and the store is what counts.
fn tell(channel: &Channel<PullEvent>, event: PullEvent) {
    if let Err(error) = channel.send(event) {
        tracing::debug!(%error, "the window does not hear progress any more");
    }
}

impl Progress for ChannelSink {
    fn report(&self, event: Event) {
        match event {
            Event::Resolved {
                name,
                blobs,
                download_bytes,
                total_bytes,
            } => {
                self.meter().resolved(&blobs, download_bytes);
                self.send(PullEvent::Resolved {
                    name,
                    blobs: blobs.into_iter().map(PullBlob::from).collect(),
                    download_bytes,
                    total_bytes,
                });
            }
            Event::Fetched { digest, current } => self.meter().fetched(digest, current),
            Event::Stored { digest } => {
                self.meter().stored(&digest);
                self.send(PullEvent::Stored {
                    digest: digest.to_string(),
                });
            }
            Event::Retrying {
                digest,
                reason,
                delay,
            } => self.send(PullEvent::Retrying {
                digest: digest.map(|digest| digest.to_string()),
                reason,
                // A part of a second counts as a whole one: "in 0 s" would look like an error.
                delay_seconds: u32::try_from(delay.as_millis().div_ceil(1000)).unwrap_or(u32::MAX),
            }),
            Event::Passed { current, total } => self.passed(current, total),
            Event::Recording => self.recording.store(true, Ordering::Relaxed),
            // A kind of event that this window does not know yet cannot be needed by it: all counts are absolute.
            _ => {}
        }
    }
}

impl From<BlobState> for PullBlob {
    fn from(blob: BlobState) -> PullBlob {
        let BlobState {
            digest,
            size,
            present,
            partial,
            diff_id,
        } = blob;
        PullBlob {
            digest: digest.to_string(),
            size,
            present,
            partial,
            diff_id: diff_id.map(|digest| digest.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::Digest;
    use tauri::ipc::InvokeResponseBody;

    use super::*;

    fn recorded() -> (Channel<PullEvent>, Arc<Mutex<Vec<String>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let inner = heard.clone();
        let channel = Channel::new(move |body| {
            if let InvokeResponseBody::Json(json) = body {
                inner.lock().expect("one thread").push(json);
            }
            Ok(())
        });
        (channel, heard)
    }

    #[tokio::test]
    async fn a_thousand_counts_become_one_message_and_the_last_count_is_told() {
        let (channel, heard) = recorded();
        let sink = ChannelSink::new(channel);
        let digest = Digest::sha256(b"layer");
        sink.tell(async {
            sink.report(Event::Resolved {
                name: "docker.io/library/a:1".into(),
                blobs: vec![BlobState {
                    digest: digest.clone(),
                    size: 1000,
                    present: false,
                    partial: 0,
                    diff_id: None,
                }],
                download_bytes: 1000,
                total_bytes: 1000,
            });
            for current in 1..=1000 {
                sink.report(Event::Fetched {
                    digest: digest.clone(),
                    current,
                });
            }
        })
        .await;
        let heard = heard.lock().expect("one thread").clone();
        assert_eq!(heard.len(), 2, "{heard:#?}");
        assert!(heard[0].contains(r#""kind":"resolved""#), "{}", heard[0]);
        assert!(heard[1].contains(r#""current":1000"#), "{}", heard[1]);
        assert!(heard[1].contains(r#""fetchedBytes":1000"#), "{}", heard[1]);
    }

    #[tokio::test]
    async fn ten_messages_a_second_at_most() {
        let (channel, heard) = recorded();
        let sink = ChannelSink::new(channel);
        let digest = Digest::sha256(b"layer");
        let started = Instant::now();
        let mut counts = 0;
        sink.tell(async {
            while started.elapsed() < 3 * PERIOD {
                counts += 1;
                sink.report(Event::Fetched {
                    digest: digest.clone(),
                    current: counts,
                });
                tokio::task::yield_now().await;
            }
        })
        .await;
        let heard = heard.lock().expect("one thread").clone();
        // The first at once, one for each period, and one at the end.
        assert!(
            (2..=5).contains(&heard.len()),
            "{} messages of {counts} counts",
            heard.len()
        );
        let last = heard.last().expect("checked above");
        assert!(last.contains(&format!(r#""current":{counts}"#)), "{last}");
    }

    #[test]
    fn a_retry_tells_whole_seconds() {
        let (channel, heard) = recorded();
        ChannelSink::new(channel).report(Event::Retrying {
            digest: None,
            reason: "connection reset".into(),
            delay: Duration::from_millis(250),
        });
        let heard = heard.lock().expect("one thread").join("");
        assert!(heard.contains(r#""delaySeconds":1"#), "{heard}");
    }
}
