//! Registries: finding repositories, looking through their tags, signing in and out.

use std::ops::ControlFlow;

use engine::{
    ImageName, Kept, LocalMark, LoginRequest, Reference, SearchRequest, Secret, Tag, UpdateState,
    by_version,
};
use serde::Serialize;
use specta::Type;
use tauri::{State, ipc::Channel};

use crate::{Failure, Operations, Session};

/// The most results that are asked for: what Docker Hub gives.
const MOST_RESULTS: usize = 100;

/// A repository that was found.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SearchResult {
    /// What to write to pull it, and what names it to `listTags`.
    pub name: String,
    /// The publisher's words, as they are.
    pub description: String,
    /// How many people starred it; `null` where the registry does not count.
    pub stars: Option<u64>,
    /// Whether the registry's owner vouches for it.
    pub official: bool,
}

/// A tag as the registry has it.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RemoteTag {
    /// The tag.
    pub tag: String,
    /// What it names; `null` where that could not be found out.
    pub digest: Option<String>,
    /// Bytes to download for this computer's platform, else for the first one offered.
    pub size: Option<u64>,
    /// The platforms, attestations left out.
    pub platforms: Vec<String>,
    /// When that image was made, RFC 3339.
    pub created: Option<String>,
    /// How it stands to what the store has.
    pub local: TagMark,
}

/// How a registry's tag stands to what the store has of the repository.
#[derive(Debug, Clone, Copy, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum TagMark {
    /// The store has nothing of it, or nobody knows which is newer.
    Nothing,
    /// The store has exactly this.
    Same,
    /// It is newer than what the store has.
    Newer,
    /// It is older than what the store has.
    Older,
}

/// Where a login is kept.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// The registry.
    pub host: String,
    /// Where the login is kept, in words.
    pub kept: String,
    /// Whether the registry asked for a login. If not, nobody knows whether the password is right.
    pub was_asked: bool,
}

/// A registry for which a login is known.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KnownLogin {
    /// The registry.
    pub host: String,
    /// Who signs in there; `null` for a token, which names nobody.
    pub username: Option<String>,
}

/// A registry that the user signed in to, with any program, or added.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KnownRegistry {
    /// The registry, as in references.
    pub host: String,
    /// Whether it is remembered here, so that it can be forgotten here.
    pub added: bool,
}

/// A name of the store, compared with its registry.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// The name, as people write it.
    pub name: String,
    /// What came of the question.
    pub state: UpdateAnswer,
    /// What it names there now, where that is something else.
    pub digest: Option<String>,
    /// Why it could not be asked.
    pub problem: Option<String>,
    /// How many pulls the registry says are left.
    pub pulls_left: Option<u64>,
}

/// What came of asking a registry about a name.
#[derive(Debug, Clone, Copy, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum UpdateAnswer {
    /// The registry names the same.
    UpToDate,
    /// The registry names something else by now.
    Available,
    /// The registry does not have the tag.
    Gone,
    /// The registry does not say.
    Unknown,
    /// It could not be asked.
    Failed,
}

/// Searches Docker Hub (no `registry`) or another registry. Without words a registry's own list is begun instead.
#[tauri::command]
#[specta::specta]
pub(crate) async fn search(
    session: State<'_, Session>,
    registry: String,
    words: String,
    least_stars: Option<u32>,
    official: bool,
) -> Result<Vec<SearchResult>, Failure> {
    let (host, words) = (registry.trim().to_owned(), words.trim().to_owned());
    session
        .with(|engine| async move {
            if words.is_empty() && !host.is_empty() {
                let page = engine.catalog_page(&host, None).await?;
                let listed = page.repositories.iter().map(SearchResult::listed);
                return Ok(listed.collect());
            }
            let request = SearchRequest {
                term: match host.is_empty() {
                    true => words,
                    false => format!("{host}/{words}"),
                },
                limit: Some(MOST_RESULTS),
                least_stars: least_stars.map(u64::from),
                official: official.then_some(true),
            };
            let found = engine.search(&request).await?;
            Ok(found.into_iter().map(SearchResult::from).collect())
        })
        .await
}

/// Lists the tags of a repository. Every page goes to `on_tags` as it comes, so the first of ten thousand are there at once; the
/// answer is all of them, the likeliest first. `cancel` stops it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_tags(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    repository: String,
    on_tags: Channel<Vec<String>>,
) -> Result<Vec<String>, Failure> {
    let operations = operations.inner();
    session
        .with(|engine| async move {
            let repository = repository.trim().parse::<Reference>()?;
            let listed = operations.run(
                &operation,
                Box::pin(async {
                    let texts = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect();
                    let all = engine.list_tags(&repository, |page| {
                        let mut page = page.to_vec();
                        page.sort_by(by_version);
                        tell(&on_tags, texts(&page))
                    });
                    Ok::<Vec<String>, engine::Error>(texts(&all.await?))
                }),
            );
            Box::pin(listed).await
        })
        .await
}

/// Looks at some tags in detail, in the order in which they are named. Nothing is pulled.
#[tauri::command]
#[specta::specta]
pub(crate) async fn tag_details(
    session: State<'_, Session>,
    repository: String,
    tags: Vec<String>,
) -> Result<Vec<RemoteTag>, Failure> {
    session
        .with(|engine| async move {
            let repository = repository.trim().parse::<Reference>()?;
            let tags: Vec<Tag> = tags.iter().filter_map(|tag| tag.parse().ok()).collect();
            let found = engine.tag_details(&repository, &tags).await?;
            Ok(found.into_iter().map(RemoteTag::from).collect())
        })
        .await
}

/// Tries a login at a registry at once, and keeps it where it is accepted.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_in(
    session: State<'_, Session>,
    host: String,
    username: String,
    secret: String,
    plain_text: bool,
) -> Result<SignedIn, Failure> {
    let request = LoginRequest {
        host,
        username: username.trim().to_owned(),
        secret: Secret::new(secret),
        plain_text,
    };
    let session = session.inner();
    session
        .with(|engine| async move {
            let done = engine.login(&request).await?;
            session.note_registry(&done.host);
            Ok(SignedIn::from(done))
        })
        .await
}

/// Makes every place that keeps a login of a registry forget it, and tells which did.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_out(
    session: State<'_, Session>,
    host: String,
) -> Result<Vec<String>, Failure> {
    session
        .with(|engine| async move { Ok(engine.logout(&host).await?) })
        .await
}

/// Lists the registries for which a login is known: by docker's and podman's files, or by an earlier `sign_in`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn logins(session: State<'_, Session>) -> Result<Vec<KnownLogin>, Failure> {
    let also = session.settings().registries;
    session
        .with(|engine| async move {
            let known = engine.logins(&also).await?;
            Ok(known.into_iter().map(KnownLogin::from).collect())
        })
        .await
}

/// Lists the registries that docker's and podman's files name, and those that were added here. Nothing is connected to, and no
/// keyring is opened.
#[tauri::command]
#[specta::specta]
pub(crate) async fn registries(session: State<'_, Session>) -> Result<Vec<KnownRegistry>, Failure> {
    let added = session.settings().registries;
    session
        .with(|engine| async move {
            let hosts = engine.login_hosts(&added).await?.into_iter();
            let known = hosts.map(|host| KnownRegistry {
                added: added.contains(&host),
                host,
            });
            Ok(known.collect())
        })
        .await
}

/// Tells who signs in to a registry; `null` where no login is known.
#[tauri::command]
#[specta::specta]
pub(crate) async fn registry_login(
    session: State<'_, Session>,
    host: String,
) -> Result<Option<KnownLogin>, Failure> {
    session
        .with(|engine| async move { Ok(engine.login_of(&host).await?.map(KnownLogin::from)) })
        .await
}

/// Remembers a registry, and returns its host as references write it. Nothing is connected to.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_registry(
    session: State<'_, Session>,
    host: String,
) -> Result<String, Failure> {
    let host = engine::registry_host(&host)?;
    session.note_registry(&host);
    Ok(host)
}

/// Forgets a registry that was added. A login stays: `signOut` forgets that.
#[tauri::command]
#[specta::specta]
pub(crate) async fn forget_registry(
    session: State<'_, Session>,
    host: String,
) -> Result<(), Failure> {
    session.forget_registry(&host)
}

/// Lists the repositories of a registry. Every page goes to `on_names` as it comes; the answer is all of them, sorted. `cancel`
/// stops it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn list_repositories(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    host: String,
    on_names: Channel<Vec<String>>,
) -> Result<Vec<String>, Failure> {
    let operations = operations.inner();
    session
        .with(|engine| async move {
            let listed = operations.run(
                &operation,
                Box::pin(async {
                    let names =
                        |page: &[Reference]| page.iter().map(Reference::familiar_name).collect();
                    let all = engine.list_repositories(&host, |page| tell(&on_names, names(page)));
                    Ok::<Vec<String>, engine::Error>(names(&all.await?))
                }),
            );
            Box::pin(listed).await
        })
        .await
}

/// Asks the registries of names whether they name something else by now. No registry counts it as a pull.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_updates(
    session: State<'_, Session>,
    names: Vec<String>,
) -> Result<Vec<Update>, Failure> {
    session
        .with(|engine| async move {
            let names: Result<Vec<ImageName>, _> = names.iter().map(|name| name.parse()).collect();
            let updates = engine.check_updates(&names?).await?;
            Ok(updates.into_iter().map(Update::from).collect())
        })
        .await
}

/// Tells the window a page of a list. One that hears nothing any more ends the list.
fn tell(window: &Channel<Vec<String>>, page: Vec<String>) -> ControlFlow<()> {
    match window.send(page) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            tracing::debug!(%error, "the window does not hear of a list any more");
            ControlFlow::Break(())
        }
    }
}

impl SearchResult {
    fn listed(repository: &Reference) -> SearchResult {
        SearchResult {
            name: repository.familiar_name(),
            description: String::new(),
            stars: None,
            official: false,
        }
    }
}

impl From<engine::SearchResult> for SearchResult {
    fn from(found: engine::SearchResult) -> SearchResult {
        let engine::SearchResult {
            name,
            repository: _,
            description,
            stars,
            official,
        } = found;
        SearchResult {
            name,
            description,
            stars,
            official,
        }
    }
}

impl From<engine::RemoteTag> for RemoteTag {
    fn from(remote: engine::RemoteTag) -> RemoteTag {
        let engine::RemoteTag {
            tag,
            digest,
            media_type: _,
            size,
            platforms,
            created,
            local,
        } = remote;
        RemoteTag {
            tag: tag.to_string(),
            digest: digest.map(|digest| digest.to_string()),
            size,
            platforms: platforms.iter().map(ToString::to_string).collect(),
            created: created.map(|time| time.to_string()),
            local: match local {
                LocalMark::Nothing => TagMark::Nothing,
                LocalMark::Same => TagMark::Same,
                LocalMark::Newer => TagMark::Newer,
                LocalMark::Older => TagMark::Older,
            },
        }
    }
}

impl From<engine::LoggedIn> for SignedIn {
    fn from(done: engine::LoggedIn) -> SignedIn {
        let engine::LoggedIn {
            host,
            kept,
            was_asked,
            maybe_shadowed,
        } = done;
        let shadow = match maybe_shadowed {
            true => "; the keyring, which is asked first, may have an older one",
            false => "",
        };
        let kept = match kept {
            Kept::Helper(name) => format!("kept by docker-credential-{name}"),
            Kept::Keyring => "kept in the system's keyring".into(),
            Kept::File(path) => format!(
                "kept in plain text in {}, which only you can read",
                path.display()
            ),
        };
        SignedIn {
            host,
            kept: format!("{kept}{shadow}"),
            was_asked,
        }
    }
}

impl From<engine::KnownHost> for KnownLogin {
    fn from(known: engine::KnownHost) -> KnownLogin {
        let engine::KnownHost { host, username } = known;
        KnownLogin { host, username }
    }
}

impl From<engine::Update> for Update {
    fn from(update: engine::Update) -> Update {
        let engine::Update {
            name,
            here: _,
            state,
            quota,
        } = update;
        let (state, digest, problem) = match state {
            UpdateState::UpToDate => (UpdateAnswer::UpToDate, None, None),
            UpdateState::Available { digest } => {
                (UpdateAnswer::Available, Some(digest.to_string()), None)
            }
            UpdateState::Gone => (UpdateAnswer::Gone, None, None),
            UpdateState::Unknown => (UpdateAnswer::Unknown, None, None),
            UpdateState::Failed(error) => (UpdateAnswer::Failed, None, Some(error.message())),
        };
        Update {
            name: name.familiar(),
            state,
            digest,
            problem,
            pulls_left: quota.map(|quota| quota.remaining),
        }
    }
}
