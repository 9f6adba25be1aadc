//! Bars on a terminal: one for each blob that is on its way, and one for the whole.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use engine::{Digest, Event, Progress, human};
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle, style::ProgressTracker};

use crate::text::escaped;

/// So many bars fit on a small terminal; when there are more blobs, those that are done make room.
const MOST_BARS: usize = 16;

/// Draws bars on standard error, and takes them away when it is dropped.
pub(super) struct Bars {
    screen: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    total: Option<ProgressBar>,
    blobs: HashMap<Digest, Blob>,
}

struct Blob {
    size: u64,
    current: u64,
    bar: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn new() -> Bars {
        Bars {
            screen: MultiProgress::new(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counters only: a panic elsewhere leaves nothing half done that would matter here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn resolved(&self, blobs: &[engine::BlobState]) {
        let mut state = self.state();
        let wanted: Vec<_> = blobs.iter().filter(|blob| !blob.present).collect();
        if wanted.is_empty() {
            return;
        }
        let here = blobs.len() - wanted.len();
        let total = self
            .screen
            .add(ProgressBar::new(wanted.iter().map(|blob| blob.size).sum()));
        total.set_style(style(
            "{prefix:12} {wide_bar} {size:>17} {speed:>9} {left:>7}",
        ));
        total.set_prefix(match here {
            0 => "total".into(),
            here => format!("total (+{here})"),
        });
        // What an interrupted pull left counts as done, but not as speed.
        total.set_position(wanted.iter().map(|blob| blob.partial).sum());
        total.reset_eta();
        // Keeps speed and time left honest while nothing arrives.
        total.enable_steady_tick(Duration::from_millis(500));
        state.blobs = wanted
            .iter()
            .map(|blob| {
                (
                    blob.digest.clone(),
                    Blob {
                        size: blob.size,
                        current: blob.partial,
                        bar: None,
                    },
                )
            })
            .collect();
        state.total = Some(total);
    }

    fn fetched(&self, digest: &Digest, current: u64) {
        let mut state = self.state();
        let State {
            total: Some(total),
            blobs,
        } = &mut *state
        else {
            return;
        };
        let Some(blob) = blobs.get_mut(digest) else {
            return;
        };
        let bar = blob.bar.get_or_insert_with(|| {
            let bar = self
                .screen
                .insert_before(total, ProgressBar::new(blob.size));
            bar.set_style(style("{prefix:12} {wide_bar} {size:>17} {msg:17!}"));
            bar.set_prefix(digest.short().to_owned());
            bar
        });
        bar.set_position(current);
        bar.set_message(if current < blob.size { "" } else { "verifying" });
        blob.current = current;
        total.set_position(blobs.values().map(|blob| blob.current).sum());
    }

    fn stored(&self, digest: &Digest) {
        let mut state = self.state();
        let many = state.blobs.len() > MOST_BARS;
        let State {
            total: Some(total),
            blobs,
        } = &mut *state
        else {
            return;
        };
        let Some(blob) = blobs.get_mut(digest) else {
            return;
        };
        blob.current = blob.size;
        if let Some(bar) = &blob.bar {
            bar.set_position(blob.size);
            if many {
                bar.finish_and_clear();
            } else {
                bar.finish_with_message("done");
            }
        }
        total.set_position(blobs.values().map(|blob| blob.current).sum());
    }

    /// Draws how far an archive is: one bar, or a count where nobody knows how long it is.
    fn passed(&self, current: u64, total: Option<u64>) {
        let mut state = self.state();
        let bar = state.total.get_or_insert_with(|| {
            let bar = self.screen.add(match total {
                Some(total) => ProgressBar::new(total),
                None => ProgressBar::no_length(),
            });
            bar.set_style(style(match total {
                Some(_) => "{prefix:12} {wide_bar} {size:>17} {speed:>9} {left:>7}",
                None => "{prefix:12} {size:>17} {speed:>9}",
            }));
            bar.set_prefix("archive");
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        bar.set_position(current);
    }

    fn retrying(&self, digest: Option<&Digest>, reason: &str, delay: Duration) {
        let again = format!("again in {:.0} s", delay.as_secs_f64());
        let mut state = self.state();
        let blob = digest.and_then(|digest| state.blobs.get_mut(digest));
        let what = digest.map_or_else(String::new, |digest| format!("{}: ", digest.short()));
        if let Some(bar) = blob.and_then(|blob| blob.bar.as_ref()) {
            bar.set_message(again.clone());
        }
        drop(state);
        // A line above the bars, which stays. A terminal that is gone is no reason to stop the work.
        drop(
            self.screen
                .println(format!("{what}{again}: {}", escaped(reason))),
        );
    }
}

impl Progress for Bars {
    fn report(&self, event: Event) {
        match event {
            Event::Resolved { blobs, .. } => self.resolved(&blobs),
            Event::Fetched { digest, current } => self.fetched(&digest, current),
            Event::Stored { digest } => self.stored(&digest),
            Event::Retrying {
                digest,
                reason,
                delay,
            } => self.retrying(digest.as_ref(), &reason, delay),
            Event::Passed { current, total } => self.passed(current, total),
            // The next version of the engine may tell more; bars need not show it.
            _ => {}
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for blob in self.state().blobs.values() {
            if let Some(bar) = &blob.bar {
                bar.finish_and_clear();
            }
        }
        if let Some(total) = &self.state().total {
            total.finish_and_clear();
        }
    }
}

/// A bar with sizes in docker's units. Nothing that comes from outside is ever in a template.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("size", Key(size))
        .with_key("speed", Key(speed))
        .with_key("left", Key(left))
        .progress_chars("=> ")
}

fn size(state: &ProgressState) -> String {
    let here = human::size(state.pos());
    match state.len() {
        Some(total) => format!("{here}/{}", human::size(total)),
        None => here,
    }
}

fn speed(state: &ProgressState) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and a rate of bytes is small"
    )]
    let rate = state.per_sec() as u64;
    format!("{}/s", human::size(rate))
}

fn left(state: &ProgressState) -> String {
    let seconds = state.eta().as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", seconds / 60),
        6000..360_000 => format!("{} h", seconds / 3600),
        _ => "-".into(),
    }
}

/// A part of a template that is computed.
#[derive(Clone)]
struct Key(fn(&ProgressState) -> String);

impl ProgressTracker for Key {
    fn clone_box(&self) -> Box<dyn ProgressTracker> {
        Box::new(self.clone())
    }

    fn tick(&mut self, _state: &ProgressState, _now: Instant) {}

    fn reset(&mut self, _state: &ProgressState, _now: Instant) {}

    fn write(&self, state: &ProgressState, out: &mut dyn fmt::Write) {
        // It is a string of indicatif's; the interface has no place for an error.
        out.write_str(&(self.0)(state)).unwrap_or_default();
    }
}
