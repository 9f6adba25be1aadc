//! Plain lines: for logs, and for terminals that cannot draw.

use std::{
    collections::HashMap,
    io::Write,
    sync::{Mutex, PoisonError},
};

use engine::{Digest, Event, Progress, human};

use crate::text::escaped;

/// Writes a line when a blob is done, a transfer is tried again, and another tenth of the whole is here.
pub(super) struct Lines<W> {
    state: Mutex<State<W>>,
}

struct State<W> {
    out: W,
    /// What is done with a blob, and where it is then.
    words: (&'static str, &'static str),
    sizes: HashMap<Digest, u64>,
    currents: HashMap<Digest, u64>,
    total: u64,
    /// The last tenth that was told.
    tenth: u64,
}

impl<W: Write + Send> Lines<W> {
    pub(super) fn new(operation: &str, out: W) -> Lines<W> {
        let state = State {
            words: match operation {
                "push" => ("send", "there"),
                _ => ("fetch", "here"),
            },
            out,
            sizes: HashMap::new(),
            currents: HashMap::new(),
            total: 0,
            tenth: 0,
        };
        Lines {
            state: Mutex::new(state),
        }
    }
}

impl<W: Write> State<W> {
    fn line(&mut self, text: &str) {
        // Progress that nobody can read any more is no reason to stop the work that it tells of.
        drop(writeln!(self.out, "{text}"));
    }

    fn here(&self) -> u64 {
        self.currents.values().sum()
    }
}

impl<W: Write + Send> Progress for Lines<W> {
    fn report(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Resolved {
                blobs,
                download_bytes,
                ..
            } => {
                let here = blobs.iter().filter(|blob| blob.present).count();
                for blob in blobs.iter().filter(|blob| !blob.present) {
                    state.sizes.insert(blob.digest.clone(), blob.size);
                    state.currents.insert(blob.digest.clone(), blob.partial);
                }
                state.total = state.sizes.values().sum();
                state.tenth = (state.here() * 10).checked_div(state.total).unwrap_or(0);
                let (blobs, left) = (state.sizes.len(), state.here());
                let (verb, place) = state.words;
                let size = human::size(download_bytes);
                let mut text = match blobs {
                    0 => format!("nothing to {verb}"),
                    1 => format!("1 blob to {verb} ({size})"),
                    _ => format!("{blobs} blobs to {verb} ({size})"),
                };
                match here {
                    0 => {}
                    1 => text.push_str(&format!(", 1 is {place} already")),
                    _ => text.push_str(&format!(", {here} are {place} already")),
                }
                if left > 0 {
                    text.push_str(&format!(", going on after {}", human::size(left)));
                }
                state.line(&text);
            }
            Event::Fetched { digest, current } => {
                if let Some(known) = state.currents.get_mut(&digest) {
                    *known = current;
                }
                let (here, total) = (state.here(), state.total);
                let tenth = (here * 10).checked_div(total).unwrap_or(0);
                if tenth > state.tenth && tenth < 10 {
                    state.tenth = tenth;
                    state.line(&format!(
                        "{}0 %: {} of {}",
                        tenth,
                        human::size(here),
                        human::size(total)
                    ));
                }
            }
            Event::Stored { digest } => {
                if let Some(&size) = state.sizes.get(&digest) {
                    state.currents.insert(digest.clone(), size);
                    state.line(&format!("{}: done, {}", digest.short(), human::size(size)));
                }
            }
            Event::Retrying {
                digest,
                reason,
                delay,
            } => {
                let what =
                    digest.map_or_else(String::new, |digest| format!("{}: ", digest.short()));
                state.line(&format!(
                    "{what}trying again in {:.1} s: {}",
                    delay.as_secs_f64(),
                    escaped(&reason)
                ));
            }
            Event::Passed { current, total } => {
                let Some(total) = total.filter(|total| *total > 0) else {
                    return;
                };
                let tenth = (current * 10).checked_div(total).unwrap_or(0);
                if tenth > state.tenth && tenth < 10 {
                    state.tenth = tenth;
                    state.line(&format!(
                        "{tenth}0 %: {} of {}",
                        human::size(current),
                        human::size(total)
                    ));
                }
            }
            // The next version of the engine may tell more; these lines need not.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::BlobState;
    use std::time::Duration;

    #[test]
    fn a_pull_is_told_in_lines() {
        let digest = |byte: u8| {
            format!("sha256:{}", format!("{byte:02x}").repeat(32))
                .parse::<Digest>()
                .unwrap()
        };
        let blob = |byte, size, present, partial| BlobState {
            digest: digest(byte),
            size,
            present,
            partial,
            diff_id: None,
        };
        let lines = Lines::new("pull", Vec::new());
        lines.report(Event::Resolved {
            name: "docker.io/library/a:1".into(),
            blobs: vec![
                blob(1, 5, true, 0),
                blob(2, 1000, false, 0),
                blob(3, 1000, false, 500),
            ],
            download_bytes: 1500,
            total_bytes: 2005,
        });
        lines.report(Event::Fetched {
            digest: digest(2),
            current: 10,
        });
        lines.report(Event::Fetched {
            digest: digest(2),
            current: 900,
        });
        lines.report(Event::Retrying {
            digest: Some(digest(3)),
            reason: "cut\x1b".into(),
            delay: Duration::from_millis(1500),
        });
        lines.report(Event::Stored { digest: digest(2) });
        lines.report(Event::Fetched {
            digest: digest(3),
            current: 1000,
        });
        let out = lines.state.into_inner().unwrap().out;
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "2 blobs to fetch (1.5kB), 1 is here already, going on after 500B\n\
             70 %: 1.4kB of 2kB\n\
             030303030303: trying again in 1.5 s: cut\\x1b\n\
             020202020202: done, 1kB\n"
        );
    }
}
