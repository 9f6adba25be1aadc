//! A JSON object for every step, on a line of its own: for programs that draw their own bars.

use std::{
    collections::HashMap,
    io::Write,
    sync::{Mutex, PoisonError},
};

use engine::{Digest, Event, Progress};
use serde::Serialize;

use crate::json;

/// Writes every event. `blob`, `current` and `total` are there in each; `null` where the event is about no blob.
pub(super) struct Objects<W> {
    operation: &'static str,
    state: Mutex<State<W>>,
}

struct State<W> {
    out: W,
    sizes: HashMap<Digest, u64>,
}

#[derive(Serialize)]
struct Object<'a> {
    operation: &'a str,
    /// `resolved` (about the whole), `blob` (one that makes it up), `progress`, `stored`, `retrying`.
    event: &'a str,
    blob: Option<&'a Digest>,
    current: Option<u64>,
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_seconds: Option<f64>,
}

impl<W: Write + Send> Objects<W> {
    pub(super) fn new(operation: &'static str, out: W) -> Objects<W> {
        Objects {
            operation,
            state: Mutex::new(State {
                out,
                sizes: HashMap::new(),
            }),
        }
    }
}

impl<W: Write> State<W> {
    fn line(&mut self, object: &Object<'_>) {
        // Progress that nobody can read any more is no reason to stop the work that it tells of.
        drop(writeln!(self.out, "{}", json::to_line(object)));
    }
}

impl<W: Write + Send> Progress for Objects<W> {
    fn report(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = Object {
            operation: self.operation,
            event: "",
            blob: None,
            current: None,
            total: None,
            name: None,
            reason: None,
            delay_seconds: None,
        };
        match event {
            Event::Resolved {
                name,
                blobs,
                download_bytes,
                total_bytes,
            } => {
                state.sizes = blobs
                    .iter()
                    .map(|blob| (blob.digest.clone(), blob.size))
                    .collect();
                state.line(&Object {
                    event: "resolved",
                    name: Some(&name),
                    current: Some(total_bytes.saturating_sub(download_bytes)),
                    total: Some(total_bytes),
                    ..plain
                });
                for blob in &blobs {
                    let current = if blob.present {
                        blob.size
                    } else {
                        blob.partial
                    };
                    state.line(&Object {
                        event: "blob",
                        blob: Some(&blob.digest),
                        current: Some(current),
                        total: Some(blob.size),
                        ..plain
                    });
                }
            }
            Event::Fetched { digest, current } => {
                let total = state.sizes.get(&digest).copied();
                state.line(&Object {
                    event: "progress",
                    blob: Some(&digest),
                    current: Some(current),
                    total,
                    ..plain
                });
            }
            Event::Stored { digest } => {
                let total = state.sizes.get(&digest).copied();
                state.line(&Object {
                    event: "stored",
                    blob: Some(&digest),
                    current: total,
                    total,
                    ..plain
                });
            }
            Event::Retrying {
                digest,
                reason,
                delay,
            } => {
                let total = digest
                    .as_ref()
                    .and_then(|digest| state.sizes.get(digest).copied());
                state.line(&Object {
                    event: "retrying",
                    blob: digest.as_ref(),
                    total,
                    reason: Some(&reason),
                    delay_seconds: Some(delay.as_secs_f64()),
                    ..plain
                });
            }
            Event::Passed { current, total } => state.line(&Object {
                event: "progress",
                current: Some(current),
                total,
                ..plain
            }),
            // The next version of the engine may tell more; what is promised is above.
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
    fn every_line_has_the_promised_keys() {
        let digest: Digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        let objects = Objects::new("pull", Vec::new());
        objects.report(Event::Resolved {
            name: "docker.io/library/a:1".into(),
            blobs: vec![BlobState {
                digest: digest.clone(),
                size: 10,
                present: false,
                partial: 4,
                diff_id: None,
            }],
            download_bytes: 6,
            total_bytes: 10,
        });
        objects.report(Event::Fetched {
            digest: digest.clone(),
            current: 7,
        });
        objects.report(Event::Retrying {
            digest: None,
            reason: "429".into(),
            delay: Duration::from_secs(2),
        });
        objects.report(Event::Stored {
            digest: digest.clone(),
        });
        let out = String::from_utf8(objects.state.into_inner().unwrap().out).unwrap();
        let expected = [
            r#"{"operation":"pull","event":"resolved","blob":null,"current":4,"total":10,"name":"docker.io/library/a:1"}"#.to_owned(),
            format!(r#"{{"operation":"pull","event":"blob","blob":"{digest}","current":4,"total":10}}"#),
            format!(r#"{{"operation":"pull","event":"progress","blob":"{digest}","current":7,"total":10}}"#),
            r#"{"operation":"pull","event":"retrying","blob":null,"current":null,"total":null,"reason":"429","delay_seconds":2.0}"#.to_owned(),
            format!(r#"{{"operation":"pull","event":"stored","blob":"{digest}","current":10,"total":10}}"#),
        ];
        assert_eq!(out.lines().collect::<Vec<_>>(), expected);
    }
}
