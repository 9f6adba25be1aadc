//! Pulling images.

use engine::{MovePolicy, Platform, PullRequest, Reference, human};
use serde::Serialize;
use specta::Type;
use tauri::{State, ipc::Channel};

use super::tags::{MovedFrom, TagMove};
use crate::desktop::Notice;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// What a pull would do.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PullPlan {
    /// What is pulled, in full.
    pub reference: String,
    /// The same as people write it.
    pub familiar: String,
    /// The digest that the registry gives for the reference: of an index or of a manifest.
    pub digest: String,
    /// The chosen config's digest, which is the image ID.
    pub id: String,
    /// The chosen platform; empty for an artifact.
    pub platform: String,
    /// Whether the chosen platform is another than the host's.
    pub foreign: bool,
    /// The platforms that the index offers; empty where there is no index.
    pub platforms: Vec<String>,
    /// The distinct blobs: config first, then layers, base first.
    pub blobs: Vec<PlannedBlob>,
    /// Bytes still to be fetched.
    pub download_bytes: u64,
    /// Bytes of all blobs.
    pub total_bytes: u64,
    /// What the name names now, where that is another image.
    pub moved_from: Option<MovedFrom>,
    /// Whether a pull would change nothing.
    pub up_to_date: bool,
    /// The command line that does the same.
    pub command_line: String,
}

/// A blob that a pull needs.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlannedBlob {
    /// The blob.
    pub digest: String,
    /// Its bytes.
    pub size: u64,
    /// Whether nothing of it needs to be fetched.
    pub present: bool,
    /// Bytes that an earlier, interrupted pull left of it.
    pub partial: u64,
    /// The layer's diff ID; `null` for a config.
    pub diff_id: Option<String>,
}

/// What a pull did.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PullOutcome {
    /// What was pulled, in full.
    pub reference: String,
    /// What the name names now.
    pub target: String,
    /// The targets of the images that were pulled, one per platform.
    pub images: Vec<String>,
    /// Names that were made or moved; empty when everything was here already.
    pub moved: Vec<TagMove>,
    /// Bytes of blobs that came over the network.
    pub fetched_bytes: u64,
    /// Bytes of blobs that were here already, partial downloads included.
    pub reused_bytes: u64,
    /// Whether nothing had to be done.
    pub up_to_date: bool,
    /// Whether the image is for another platform than the host's.
    pub foreign: bool,
}

/// A pull whose process ended before it did.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Interrupted {
    /// Names it to `dismissInterrupted`.
    pub id: String,
    /// What was pulled, as people write it.
    pub reference: String,
    /// For which platform, where one was asked for.
    pub platform: Option<String>,
    /// Bytes that are here.
    pub done_bytes: u64,
    /// Bytes of the whole, where they were known.
    pub total_bytes: Option<u64>,
}

/// Something that a text may become.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Completion {
    /// The reference, as people write it.
    pub reference: String,
    /// Where it comes from.
    pub kind: CompletionKind,
}

/// Where a completion comes from.
#[derive(Debug, Clone, Copy, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum CompletionKind {
    /// An image of the store has this name.
    Local,
    /// The registry lists this tag.
    Tag,
}

/// Computes what a pull would do. The store is not changed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_pull(
    session: State<'_, Session>,
    reference: String,
    platform: Option<String>,
) -> Result<PullPlan, Failure> {
    session
        .with(|engine| async move {
            let request = request(&reference, platform.as_deref())?;
            Ok(PullPlan::new(engine.plan_pull(&request).await?, &request))
        })
        .await
}

/// Pulls an image. Progress goes to `on_event`; the outcome is the answer, or `cancelled`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn pull(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    reference: String,
    platform: Option<String>,
    on_event: Channel<PullEvent>,
) -> Result<PullOutcome, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    session
        .change(|engine| async move {
            let request = request(&reference, platform.as_deref())?;
            let sink = ChannelSink::new(on_event);
            let verb = engine.pull(&request, &sink);
            let notice = |pulled: &_| Notice::of_pull(&request.reference, pulled);
            session
                .follow(operations, &operation, &sink, verb, notice)
                .await
        })
        .await
}

/// Cancels an operation: its command answers `cancelled` soon after. One that has ended is left alone.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel(
    operations: State<'_, Operations>,
    operation: String,
) -> Result<(), Failure> {
    operations.cancel(&operation);
    Ok(())
}

/// Lists pulls whose process died. Pulling the same reference again goes on from what is here.
#[tauri::command]
#[specta::specta]
pub(crate) async fn interrupted(session: State<'_, Session>) -> Result<Vec<Interrupted>, Failure> {
    session
        .with(|engine| async move {
            let found = engine.interrupted().await?;
            Ok(found.into_iter().map(Interrupted::from).collect())
        })
        .await
}

/// Forgets an interrupted pull.
#[tauri::command]
#[specta::specta]
pub(crate) async fn dismiss_interrupted(
    session: State<'_, Session>,
    id: String,
) -> Result<(), Failure> {
    session
        .with(|engine| async move { Ok(engine.dismiss_interrupted(&id).await?) })
        .await
}

/// Completes a reference from the names in the store and, after `repository:`, from the registry's tag list.
#[tauri::command]
#[specta::specta]
pub(crate) async fn complete_reference(
    session: State<'_, Session>,
    text: String,
) -> Result<Vec<Completion>, Failure> {
    session
        .with(|engine| async move {
            let found = engine.complete(&text).await?;
            Ok(found.into_iter().map(Completion::from).collect())
        })
        .await
}

pub(super) fn request(
    reference: &str,
    platform: Option<&str>,
) -> Result<PullRequest, engine::Error> {
    Ok(PullRequest {
        reference: reference.trim().parse::<Reference>()?.with_default_tag(),
        platform: platform.map(str::parse::<Platform>).transpose()?,
        move_policy: MovePolicy::Move,
    })
}

impl PullPlan {
    fn new(plan: engine::PullPlan, request: &PullRequest) -> PullPlan {
        let engine::PullPlan {
            reference,
            digest,
            manifest: _,
            id,
            platform,
            foreign,
            offered,
            blobs,
            download_bytes,
            total_bytes,
            moved_from,
            up_to_date,
        } = plan;
        let familiar = reference.familiar();
        PullPlan {
            reference: reference.to_string(),
            digest: digest.to_string(),
            id: id.to_string(),
            platform: platform
                .map(|platform| platform.to_string())
                .unwrap_or_default(),
            foreign,
            platforms: offered
                .into_iter()
                .filter_map(|offered| offered.platform)
                .filter(|platform| !platform.is_unknown())
                .map(|platform| platform.to_string())
                .collect(),
            blobs: blobs.into_iter().map(PlannedBlob::from).collect(),
            download_bytes,
            total_bytes,
            moved_from: moved_from.map(MovedFrom::from),
            up_to_date,
            command_line: match &request.platform {
                Some(platform) => format!("strata pull --platform {platform} {familiar}"),
                None => format!("strata pull {familiar}"),
            },
            familiar,
        }
    }
}

impl From<engine::PlannedBlob> for PlannedBlob {
    fn from(blob: engine::PlannedBlob) -> PlannedBlob {
        let engine::PlannedBlob {
            digest,
            size,
            media_type: _,
            present,
            partial,
            diff_id,
        } = blob;
        PlannedBlob {
            digest: digest.to_string(),
            size,
            present,
            partial,
            diff_id: diff_id.map(|digest| digest.to_string()),
        }
    }
}

impl From<engine::Pulled> for PullOutcome {
    fn from(pulled: engine::Pulled) -> PullOutcome {
        let engine::Pulled {
            reference,
            target,
            images,
            moved,
            fetched_bytes,
            reused_bytes,
            up_to_date,
            foreign,
        } = pulled;
        PullOutcome {
            reference: reference.to_string(),
            target: target.to_string(),
            images: images
                .into_iter()
                .map(|image| image.target.to_string())
                .collect(),
            moved: moved.into_iter().map(TagMove::from).collect(),
            fetched_bytes,
            reused_bytes,
            up_to_date,
            foreign,
        }
    }
}

impl From<engine::InterruptedPull> for Interrupted {
    fn from(pull: engine::InterruptedPull) -> Interrupted {
        let engine::InterruptedPull {
            id,
            reference,
            platform,
            done_bytes,
            total_bytes,
        } = pull;
        Interrupted {
            id,
            reference: reference.familiar(),
            platform: platform.map(|platform| platform.to_string()),
            done_bytes,
            total_bytes,
        }
    }
}

impl From<engine::Completion> for Completion {
    fn from(completion: engine::Completion) -> Completion {
        let engine::Completion { reference, kind } = completion;
        Completion {
            reference,
            kind: match kind {
                engine::CompletionKind::Local => CompletionKind::Local,
                engine::CompletionKind::Tag => CompletionKind::Tag,
            },
        }
    }
}

impl Notice {
    /// Says how a pull ended. One that the user cancels does not come here: its future is dropped.
    fn of_pull(reference: &Reference, pulled: &Result<PullOutcome, Failure>) -> Notice {
        let name = reference.familiar();
        match pulled {
            Ok(pulled) if pulled.up_to_date => Notice {
                title: format!("{name} is up to date"),
                body: "Nothing had to be downloaded.".into(),
                target: Some(pulled.target.clone()),
            },
            Ok(pulled) => Notice {
                title: format!("{name} is here"),
                body: format!("{} downloaded.", human::size(pulled.fetched_bytes)),
                target: Some(pulled.target.clone()),
            },
            Err(failure) => Notice {
                title: format!("{name} could not be pulled"),
                body: failure.message.clone(),
                target: None,
            },
        }
    }
}
