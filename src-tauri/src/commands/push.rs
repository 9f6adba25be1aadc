//! Pushing images.

use engine::{MovePolicy, PushRequest, Reference, Selector, destinations_elsewhere, human};
use serde::Serialize;
use specta::Type;
use tauri::{State, ipc::Channel};

use crate::desktop::Notice;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// What a push would do.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PushPlan {
    /// Where it goes, in full.
    pub reference: String,
    /// The same as people write it.
    pub familiar: String,
    /// The registry.
    pub host: String,
    /// What the tag will name: the index or manifest that is pushed.
    pub digest: String,
    /// The platforms that are pushed; empty for an artifact.
    pub platforms: Vec<String>,
    /// How many images of the index are neither here nor there, so that only a manifest is pushed.
    pub left_out: u32,
    /// The distinct blobs: layers, base first, then configs.
    pub blobs: Vec<PushBlob>,
    /// Bytes to be sent.
    pub upload_bytes: u64,
    /// Bytes that the registry takes from another of its repositories.
    pub mounted_bytes: u64,
    /// Bytes of all blobs.
    pub total_bytes: u64,
    /// What the tag names there now, where that is something else.
    pub replaces: Option<String>,
    /// Whether a push would change nothing.
    pub up_to_date: bool,
    /// The command line that does the same.
    pub command_line: String,
}

/// A blob that belongs to what is pushed.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PushBlob {
    /// The blob.
    pub digest: String,
    /// Its bytes.
    pub size: u64,
    /// The layer's diff ID; `null` for a config.
    pub diff_id: Option<String>,
    /// What the registry has of it.
    pub there: BlobThere,
}

/// What a registry has of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum BlobThere {
    /// The repository has it.
    Existing,
    /// Another repository of the registry has it.
    Mountable,
    /// It has to be sent.
    Missing,
    /// It is never sent, because it may not be distributed.
    Foreign,
}

/// A place in a registry where an image could go, too.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PushDestination {
    /// The registry.
    pub host: String,
    /// How it is written.
    pub reference: String,
}

/// What a push did.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PushOutcome {
    /// Where it went, in full.
    pub reference: String,
    /// What it has there: the digest of the index or manifest.
    pub digest: String,
    /// Bytes of blobs that were sent.
    pub pushed_bytes: u64,
    /// Bytes of blobs that were there or came from another repository there.
    pub existing_bytes: u64,
    /// What the tag named before, where that was something else.
    pub replaced: Option<String>,
    /// Whether nothing had to be done.
    pub up_to_date: bool,
}

/// Computes what a push would do, and whether this user may do it. Nothing is sent.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_push(
    session: State<'_, Session>,
    source: String,
    destination: String,
    platform: Option<String>,
) -> Result<PushPlan, Failure> {
    session
        .with(|engine| async move {
            let request = request(&source, &destination, platform.as_deref())?;
            let plan = Box::pin(engine.plan_push(&request)).await?;
            Ok(PushPlan::new(plan, &request))
        })
        .await
}

/// Tells how a destination, as far as it is typed, is written at each of the registries that is not its own.
#[tauri::command]
#[specta::specta]
pub(crate) async fn push_elsewhere(
    destination: String,
    hosts: Vec<String>,
) -> Result<Vec<PushDestination>, Failure> {
    let elsewhere = destinations_elsewhere(&destination, hosts);
    Ok(elsewhere.into_iter().map(PushDestination::from).collect())
}

/// Pushes an image. Progress goes to `on_event`; the outcome is the answer, or `cancelled`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn push(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    source: String,
    destination: String,
    platform: Option<String>,
    on_event: Channel<PullEvent>,
) -> Result<PushOutcome, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    session
        .with(|engine| async move {
            let request = request(&source, &destination, platform.as_deref())?;
            let sink = ChannelSink::new(on_event);
            let verb = engine.push(&request, &sink);
            let notice = |pushed: &_| Notice::of_push(destination.trim(), pushed);
            let pushed = session.follow(operations, &operation, &sink, verb, notice);
            Ok(pushed.await?.into())
        })
        .await
}

fn request(
    source: &str,
    destination: &str,
    platform: Option<&str>,
) -> Result<PushRequest, engine::Error> {
    Ok(PushRequest {
        source: Selector::from(source),
        destination: Some(destination.trim().parse::<Reference>()?.with_default_tag()),
        platform: platform.map(str::parse).transpose()?,
        move_policy: MovePolicy::Move,
    })
}

impl PushPlan {
    fn new(plan: engine::PushPlan, request: &PushRequest) -> PushPlan {
        let engine::PushPlan {
            reference,
            id: _,
            digest,
            media_type: _,
            platforms,
            left_out,
            blobs,
            upload_bytes,
            total_bytes,
            replaces,
            up_to_date,
        } = plan;
        let familiar = reference.familiar();
        let is_source = request
            .source
            .reference()
            .is_some_and(|source| source.clone().with_default_tag() == reference);
        let mut words = vec!["strata push".to_owned()];
        if let Some(platform) = &request.platform {
            words.push(format!("--platform {platform}"));
        }
        if !is_source {
            words.push(request.source.text().to_owned());
        }
        words.push(familiar.clone());
        let mountable =
            |blob: &&engine::PushBlob| matches!(blob.there, engine::BlobThere::Mountable { .. });
        PushPlan {
            host: reference.host().to_owned(),
            reference: reference.to_string(),
            familiar,
            digest: digest.to_string(),
            platforms: platforms.iter().map(ToString::to_string).collect(),
            left_out: u32::try_from(left_out.len()).unwrap_or(u32::MAX),
            mounted_bytes: blobs.iter().filter(mountable).map(|blob| blob.size).sum(),
            blobs: blobs.into_iter().map(PushBlob::from).collect(),
            upload_bytes,
            total_bytes,
            replaces: replaces.map(|digest| digest.to_string()),
            up_to_date,
            command_line: words.join(" "),
        }
    }
}

impl From<engine::PushBlob> for PushBlob {
    fn from(blob: engine::PushBlob) -> PushBlob {
        let engine::PushBlob {
            digest,
            size,
            media_type: _,
            diff_id,
            there,
        } = blob;
        PushBlob {
            digest: digest.to_string(),
            size,
            diff_id: diff_id.map(|digest| digest.to_string()),
            there: match there {
                engine::BlobThere::Existing => BlobThere::Existing,
                engine::BlobThere::Mountable { from: _ } => BlobThere::Mountable,
                engine::BlobThere::Missing => BlobThere::Missing,
                engine::BlobThere::Foreign => BlobThere::Foreign,
            },
        }
    }
}

impl From<engine::Pushed> for PushOutcome {
    fn from(pushed: engine::Pushed) -> PushOutcome {
        let engine::Pushed {
            reference,
            id: _,
            digest,
            media_type: _,
            size: _,
            platforms: _,
            left_out: _,
            pushed_bytes,
            mounted_bytes,
            existing_bytes,
            replaced,
            up_to_date,
        } = pushed;
        PushOutcome {
            reference: reference.to_string(),
            digest: digest.to_string(),
            pushed_bytes,
            existing_bytes: existing_bytes + mounted_bytes,
            replaced: replaced.map(|digest| digest.to_string()),
            up_to_date,
        }
    }
}

impl From<engine::Destination> for PushDestination {
    fn from(destination: engine::Destination) -> PushDestination {
        let engine::Destination { host, reference } = destination;
        PushDestination { host, reference }
    }
}

impl Notice {
    /// Says how a push ended. One that the user cancels does not come here: its future is dropped.
    fn of_push(name: &str, pushed: &Result<engine::Pushed, Failure>) -> Notice {
        match pushed {
            Ok(pushed) if pushed.up_to_date => Notice {
                title: format!("{name} is up to date"),
                body: format!("{} has exactly this image.", pushed.reference.host()),
                target: Some(pushed.digest.to_string()),
            },
            Ok(pushed) => Notice {
                title: format!("{name} was pushed"),
                body: format!("{} sent.", human::size(pushed.pushed_bytes)),
                target: Some(pushed.digest.to_string()),
            },
            Err(failure) => Notice {
                title: format!("{name} could not be pushed"),
                body: failure.message.clone(),
                target: None,
            },
        }
    }
}
