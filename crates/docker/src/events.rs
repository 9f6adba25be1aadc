//! What happens at an engine, and what it takes on disk.

use futures_util::{Stream, StreamExt};
use hyper::Method;
use serde::Deserialize;

use crate::connection::nothing;
use crate::{Connection, Result};

/// Something that happened to an image or a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// `image` or `container`.
    pub what: String,
    /// What happened: `pull`, `tag`, `untag`, `delete`, `start`, `die`, …
    pub action: String,
    /// The ID or name of what it happened to.
    pub id: String,
}

/// What an engine takes on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many images there are.
    pub images: usize,
    /// Bytes of all layers, shared ones counted once.
    pub layers_size: u64,
    /// How many containers there are.
    pub containers: usize,
    /// Bytes that containers wrote.
    pub containers_size: u64,
    /// How many volumes there are.
    pub volumes: usize,
    /// Bytes in them.
    pub volumes_size: u64,
    /// Bytes of the build cache.
    pub build_cache_size: u64,
}

impl Connection {
    /// Tells what happens to images and containers from now on, until the stream is dropped or the engine ends.
    ///
    /// # Errors
    /// Where the engine does not answer; in the stream where it goes away.
    pub async fn events(
        &self,
    ) -> Result<impl Stream<Item = Result<Happened>> + Send + Unpin + use<>> {
        #[derive(Deserialize)]
        struct Event {
            #[serde(rename = "Type", default)]
            what: String,
            #[serde(rename = "Action", default)]
            action: String,
            #[serde(rename = "Actor", default)]
            actor: Actor,
        }
        #[derive(Default, Deserialize)]
        struct Actor {
            #[serde(rename = "ID", default)]
            id: String,
        }
        let query = [("filters", r#"{"type":["image","container"]}"#)];
        let request = self.request(Method::GET, "/events", &query, nothing())?;
        let response = self.line.ask(request).await?;
        let events = self.documents::<Event>(response);
        Ok(events.map(|event| {
            event.map(|event| Happened {
                what: event.what,
                action: event.action,
                id: event.actor.id,
            })
        }))
    }

    /// Tells what the engine takes on disk. It may have to count for a while.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn usage(&self) -> Result<Usage> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            #[serde(default)]
            layers_size: Option<i64>,
            #[serde(default)]
            images: Option<Vec<serde::de::IgnoredAny>>,
            #[serde(default)]
            containers: Option<Vec<Container>>,
            #[serde(default)]
            volumes: Option<Vec<Volume>>,
            #[serde(default)]
            build_cache: Option<Vec<Cache>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Container {
            #[serde(default)]
            size_rw: Option<i64>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Volume {
            #[serde(default)]
            usage_data: Option<VolumeUsage>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct VolumeUsage {
            #[serde(default)]
            size: Option<i64>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Cache {
            #[serde(default)]
            size: Option<i64>,
        }
        let answer: Answer = self.ask(Method::GET, "/system/df", &[], nothing()).await?;
        // What was not counted is -1.
        let bytes = |size: Option<i64>| size.map_or(0, |size| u64::try_from(size).unwrap_or(0));
        let images = answer.images.unwrap_or_default().len();
        let containers = answer.containers.unwrap_or_default();
        let volumes = answer.volumes.unwrap_or_default();
        Ok(Usage {
            images,
            layers_size: bytes(answer.layers_size),
            containers: containers.len(),
            containers_size: containers.iter().map(|one| bytes(one.size_rw)).sum(),
            volumes: volumes.len(),
            volumes_size: volumes
                .into_iter()
                .map(|one| bytes(one.usage_data.and_then(|usage| usage.size)))
                .sum(),
            build_cache_size: answer
                .build_cache
                .unwrap_or_default()
                .iter()
                .map(|one| bytes(one.size))
                .sum(),
        })
    }
}
