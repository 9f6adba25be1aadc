//! Images between the store and real engines: the same image on both sides, and nothing twice.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use engine::places::{Commit, NewContainer, PlaceImage};
use engine::{
    CopyRequest, Engine, Error, Event, ImageQuery, MovePolicy, NoProgress, Place, Progress,
    PruneRequest, RemovalRequest, Selector,
};
use testkit::{Dockerd, ImageBuilder, PodmanService, Tool, Workshop};

use crate::lab::{Lab, check, settings};

/// Counts the bytes that went, and can do something when the first have.
#[derive(Default)]
struct Counter {
    bytes: AtomicU64,
    first: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Progress for Counter {
    fn report(&self, event: Event) {
        if let Event::Passed { current, .. } = event {
            self.bytes.store(current, Ordering::Relaxed);
            if current > 0
                && let Some(first) = self.first.lock().unwrap().take()
            {
                first();
            }
        }
    }
}

impl Counter {
    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn app(name: &str) -> ImageBuilder {
    ImageBuilder::new()
        .files([("etc/os-release", "ID=test\n")])
        .files([("app", name)])
        .empty_step("CMD [\"/app\"]")
        .author("Ada")
        .label("name", name)
}

fn at(engine: &str, image: &str) -> Place {
    Place::Daemon {
        engine: Some(engine.into()),
        image: Selector::from(image),
    }
}

fn here(name: &str) -> Place {
    Place::Store(Selector::from(name))
}

fn from_to(from: Place, to: Place) -> CopyRequest {
    CopyRequest {
        from,
        to,
        platform: None,
        move_policy: MovePolicy::Move,
    }
}

/// A lab whose store has a pulled image as `app:1`; returns its ID.
async fn lab_with_app() -> (Lab, String) {
    let lab = Lab::new().await;
    lab.registry.push("app:1", &app("one").build());
    let pulled = lab.pull(&lab.registry.reference("app:1")).await.unwrap();
    let source = Selector::from(pulled.reference.to_string().as_str());
    let name = "docker.io/library/app:1".parse().unwrap();
    lab.engine.tag(&source, &name).await.unwrap();
    (lab, pulled.images[0].id.to_string())
}

async fn images(engine: &Engine, address: &str) -> Vec<PlaceImage> {
    let place = engine.place(Some(address)).await.unwrap();
    place.images(&ImageQuery::default()).await.unwrap().images
}

async fn there_and_back(address: &str) {
    let (lab, id) = lab_with_app().await;
    let counter = Counter::default();
    let request = from_to(here("app:1"), at(address, "team/new:2"));
    let sent = lab.engine.copy(&request, &counter).await.unwrap();
    assert_eq!(sent.id.to_string(), id);
    assert!(counter.bytes() > 0);
    assert_eq!(sent.moved.len(), 1);
    let there = images(&lab.engine, address).await;
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].id.to_string(), id);
    let names: Vec<String> = there[0].names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["docker.io/team/new:2"]);

    // The second time nothing is sent, and another name is all that is new.
    let counter = Counter::default();
    let request = from_to(here("app:1"), at(address, "library/other:1"));
    lab.engine.copy(&request, &counter).await.unwrap();
    assert_eq!(counter.bytes(), 0);
    assert_eq!(images(&lab.engine, address).await[0].names.len(), 2);

    // Back where it is, too.
    let counter = Counter::default();
    let request = from_to(at(address, "team/new:2"), here("back:1"));
    let back = lab.engine.copy(&request, &counter).await.unwrap();
    assert_eq!((back.id.to_string(), counter.bytes()), (id.clone(), 0));

    // Into a store that has not seen it: the same ID, the same layers, the one name.
    let folder = tempfile::tempdir().unwrap();
    let other = Engine::open(settings(&folder.path().join("store")))
        .await
        .unwrap();
    let counter = Counter::default();
    let request = from_to(at(address, "other:1"), here("fresh:3"));
    let fresh = other.copy(&request, &counter).await.unwrap();
    assert!(counter.bytes() > 0);
    assert_eq!(fresh.id.to_string(), id);
    let names: Vec<String> = fresh.names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["docker.io/library/fresh:3"]);
    let inspect = |engine: Engine, name: &'static str| async move {
        engine.inspect(&Selector::from(name)).await.unwrap()
    };
    let (ours, theirs) = (
        inspect(lab.engine.clone(), "app:1").await,
        inspect(other.clone(), "fresh:3").await,
    );
    assert_eq!(ours.root_fs, theirs.root_fs);
    assert_eq!(ours.config, theirs.config);
    check(&other).await;
    lab.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_to_docker_and_back() {
    there_and_back(&Dockerd::start().address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_to_podman_and_back() {
    there_and_back(&PodmanService::start().address()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_from_docker_to_podman_and_leaves_nothing_here() {
    let (docker, podman) = (Dockerd::start(), PodmanService::start());
    let (lab, id) = lab_with_app().await;
    let request = from_to(here("app:1"), at(&docker.address(), "app:1"));
    lab.engine.copy(&request, &NoProgress).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let bystander = Engine::open(settings(&folder.path().join("store")))
        .await
        .unwrap();
    let request = from_to(
        at(&docker.address(), "app:1"),
        at(&podman.address(), "moved:1"),
    );
    let moved = bystander.copy(&request, &NoProgress).await.unwrap();
    assert_eq!(moved.id.to_string(), id);
    let there = podman.run(&["inspect", "--format", "{{.Id}} {{.RepoTags}}", "moved:1"]);
    assert_eq!(there, format!("{id} [docker.io/library/moved:1]"));
    let all = bystander.images(&ImageQuery::default()).await.unwrap();
    assert_eq!(all.total_all, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_goes_to_docker_and_out_of_it() {
    let docker = Dockerd::start();
    let (lab, id) = lab_with_app().await;
    let workshop = Workshop::new();
    let archive = workshop.path().join("app.tar");
    let place = |path: &Path| Place::DockerArchive {
        path: path.to_owned(),
        reference: None,
    };
    lab.engine
        .copy(&from_to(here("app:1"), place(&archive)), &NoProgress)
        .await
        .unwrap();
    let fresh = Lab::new().await;
    let request = from_to(place(&archive), at(&docker.address(), "out/of:1"));
    let sent = fresh.engine.copy(&request, &NoProgress).await.unwrap();
    assert_eq!(sent.id.to_string(), id);
    let request = from_to(
        at(&docker.address(), "out/of:1"),
        place(&workshop.path().join("out.tar")),
    );
    fresh.engine.copy(&request, &NoProgress).await.unwrap();
    assert_eq!(
        workshop.image_id("docker-archive:out.tar:docker.io/out/of:1"),
        id
    );
    assert!(fresh.names().await.is_empty(), "it only passed through");
    // And what docker saves is what skopeo reads there.
    let theirs = workshop.path().join("theirs.tar").display().to_string();
    docker.run(&["save", "-o", &theirs, "out/of:1"]);
    assert_eq!(workshop.image_id("docker-archive:theirs.tar"), id);
    workshop.run(Tool::Skopeo, &["inspect", "docker-archive:out.tar"]);
}

/// An image large enough that it is on its way for a while.
fn large() -> ImageBuilder {
    let mut state = 1_u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(33 + u8::try_from((state >> 33) % 90).unwrap())
    })
    .take(16 << 20)
    .collect();
    ImageBuilder::new().files([("noise", noise.as_str())])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_in_the_middle_leaves_the_store_whole() {
    let docker = Dockerd::start();
    let lab = Lab::new().await;
    lab.registry.push("large:1", &large().build());
    let reference = lab.registry.reference("large:1");
    let pulled = lab.pull(&reference).await.unwrap();
    let source = pulled.reference.to_string();
    let address = docker.address();
    let request = from_to(here(&source), at(&address, "large:1"));
    lab.engine.copy(&request, &NoProgress).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let fresh = Engine::open(settings(&folder.path().join("store")))
        .await
        .unwrap();
    let docker = Mutex::new(docker);
    let docker = std::sync::Arc::new(docker);
    let counter = Counter::default();
    let killer = std::sync::Arc::clone(&docker);
    *counter.first.lock().unwrap() = Some(Box::new(move || killer.lock().unwrap().kill()));
    let request = from_to(at(&address, "large:1"), here("large:1"));
    let error = fresh.copy(&request, &counter).await.unwrap_err();
    assert_eq!(error.code(), "unreachable", "{error}");
    assert!(error.message().contains("went away"), "{}", error.message());
    assert!(error.hint().is_some());
    let all = fresh.images(&ImageQuery::default()).await.unwrap();
    assert_eq!(all.total_all, 0);
    check(&fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_ends_while_it_is_sent_to_is_the_reason() {
    let docker = Dockerd::start();
    let lab = Lab::new().await;
    lab.registry.push("large:1", &large().build());
    let pulled = lab.pull(&lab.registry.reference("large:1")).await.unwrap();
    let address = docker.address();
    let docker = std::sync::Arc::new(Mutex::new(docker));
    let killer = std::sync::Arc::clone(&docker);
    let counter = Counter::default();
    *counter.first.lock().unwrap() = Some(Box::new(move || killer.lock().unwrap().kill()));
    let request = from_to(here(&pulled.reference.to_string()), at(&address, "large:1"));
    let error = lab.engine.copy(&request, &counter).await.unwrap_err();
    assert_eq!(error.code(), "unreachable", "{error}");
    assert!(error.message().contains(&address), "{}", error.message());
    lab.check().await;
}

/// The engine is lent what the user has signed in with, and no message tells it.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_pulls_and_pushes_with_the_users_login() {
    let docker = Dockerd::start();
    let registry = testkit::DockerRegistry::start(&testkit::DockerRegistryOptions {
        login: Some(("ada".into(), "hunter2".into())),
        ..Default::default()
    });
    let reference = registry.push("team/app:1", &app("one").build());
    let folder = tempfile::tempdir().unwrap();
    let stranger = Engine::open(settings(&folder.path().join("one")))
        .await
        .unwrap();
    let place = stranger.place(Some(&docker.address())).await.unwrap();
    let refused = place.pull(&reference, None, &NoProgress).await.unwrap_err();
    assert!(
        matches!(refused.code(), "engine_failed" | "not_found"),
        "{refused}"
    );

    let file = folder.path().join("config.json");
    // ada:hunter2 in base64.
    let entry = r#"{"auth":"YWRhOmh1bnRlcjI="}"#;
    std::fs::write(
        &file,
        format!(r#"{{"auths":{{"{}":{entry}}}}}"#, registry.host()),
    )
    .unwrap();
    let mut known = settings(&folder.path().join("two"));
    known.registry.credentials.files = vec![file];
    let ada = Engine::open(known).await.unwrap();
    let place = ada.place(Some(&docker.address())).await.unwrap();
    place.pull(&reference, None, &NoProgress).await.unwrap();
    let name = registry.reference("team/again:2");
    let source = Selector::from(reference.to_string().as_str());
    place.tag(&source, &name).await.unwrap();
    place.push(&name, &NoProgress).await.unwrap();

    let refused = stranger.place(Some(&docker.address())).await.unwrap();
    let refused = refused.push(&name, &NoProgress).await.unwrap_err();
    assert_eq!(refused.code(), "engine_failed");
    assert!(!refused.message().contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_cancelled_leaves_both_sides_whole() {
    let docker = Dockerd::start();
    let lab = Lab::new().await;
    lab.registry.push("large:1", &large().build());
    let pulled = lab.pull(&lab.registry.reference("large:1")).await.unwrap();
    let address = docker.address();
    let request = from_to(here(&pulled.reference.to_string()), at(&address, "large:1"));
    let (told, hears) = tokio::sync::oneshot::channel();
    let counter = Counter::default();
    *counter.first.lock().unwrap() = Some(Box::new(move || told.send(()).unwrap()));
    tokio::select! {
        sent = lab.engine.copy(&request, &counter) => panic!("too fast to be cancelled: {sent:?}"),
        heard = hears => heard.unwrap(),
    }
    assert!(images(&lab.engine, &address).await.is_empty());
    lab.check().await;
    // And then it goes through.
    lab.engine.copy(&request, &NoProgress).await.unwrap();
    assert_eq!(images(&lab.engine, &address).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_must_not_move_does_not() {
    let docker = Dockerd::start();
    let (lab, _) = lab_with_app().await;
    let address = docker.address();
    let request = from_to(here("app:1"), at(&address, "app:1"));
    lab.engine.copy(&request, &NoProgress).await.unwrap();
    lab.registry.push("app:2", &app("two").build());
    let other = lab.pull(&lab.registry.reference("app:2")).await.unwrap();
    let other = other.reference.to_string();
    let keep = |from: &str| CopyRequest {
        move_policy: MovePolicy::Keep,
        ..from_to(here(from), at(&address, "app:1"))
    };
    let refused = lab.engine.copy(&keep(&other), &NoProgress).await;
    assert_eq!(refused.unwrap_err().code(), "name_taken");
    // What it names already it may name.
    let same = lab.engine.copy(&keep("app:1"), &NoProgress).await.unwrap();
    assert!(same.moved.is_empty());

    let request = from_to(here(&other), at(&address, "app:1"));
    let moved = lab.engine.copy(&request, &NoProgress).await.unwrap().moved;
    assert!(moved[0].from.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_pulls_and_pushes_itself() {
    let docker = Dockerd::start();
    let registry = testkit::DockerRegistry::plain();
    let image = app("one").build();
    let reference = registry.push("team/app:1", &image);
    let lab = Lab::new().await;
    let place = lab.engine.place(Some(&docker.address())).await.unwrap();
    let counter = Counter::default();
    let pulled = place.pull(&reference, None, &counter).await.unwrap();
    assert_eq!(pulled.target.unwrap(), image.root.digest);
    assert_eq!(pulled.names.len(), 1);

    let name = registry.reference("team/again:2");
    let source = Selector::from(reference.to_string().as_str());
    place.tag(&source, &name).await.unwrap();
    let pushed = place.push(&name, &NoProgress).await.unwrap();
    let found = lab.pull(&name).await.unwrap();
    assert_eq!(pushed.target.unwrap(), found.target);
    assert_eq!(found.images[0].id, pulled.id);

    let nobody = registry.reference("nobody/none:1");
    let missing = place.pull(&nobody, None, &NoProgress).await.unwrap_err();
    assert!(
        matches!(missing.code(), "not_found" | "engine_failed"),
        "{missing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_looked_at_named_and_cleaned_up() {
    let docker = Dockerd::start();
    let (lab, id) = lab_with_app().await;
    let address = docker.address();
    let request = from_to(here("app:1"), at(&address, "app:1"));
    lab.engine.copy(&request, &NoProgress).await.unwrap();
    let place = lab.engine.place(Some(&address)).await.unwrap();

    // The same facts as here, as far as an engine has them.
    let detail = place.image(&Selector::from("app:1")).await.unwrap();
    let ours = lab.engine.image(&Selector::from("app:1")).await.unwrap();
    assert_eq!(detail.summary.id, ours.summary.id);
    assert_eq!(detail.summary.size, ours.summary.size);
    assert_eq!(
        detail.summary.platform,
        ours.summary.platform.map(Arc::unwrap_or_clone)
    );
    assert_eq!(detail.config.cmd, ours.config.cmd);
    assert_eq!(detail.config.labels, ours.config.labels);
    assert_eq!(detail.config.author, ours.config.author);
    let layers = |layers: &[engine::LayerRow]| -> Vec<_> {
        layers
            .iter()
            .map(|layer| {
                (
                    layer.diff_id.clone(),
                    layer.chain_id.clone(),
                    layer.content_size,
                )
            })
            .collect()
    };
    let theirs: Vec<_> = detail
        .layers
        .iter()
        .map(|layer| (layer.diff_id.clone(), layer.chain_id.clone(), layer.size))
        .collect();
    assert_eq!(theirs, layers(&ours.layers));
    let steps = |history: &[engine::HistoryRow]| -> Vec<_> {
        let rows = history.iter();
        rows.map(|row| (row.created_by.clone(), row.size, row.layer))
            .collect()
    };
    assert_eq!(steps(&detail.history), steps(&ours.history));

    // A container of it is committed, with who and why.
    let new = NewContainer {
        name: Some("worker".into()),
        image: "app:1".into(),
        ..NewContainer::default()
    };
    place.create_container(&new).await.unwrap();
    let commit = Commit {
        name: Some("team/made:1".parse().unwrap()),
        message: Some("as it was".into()),
        author: Some("Grace".into()),
        ..Commit::default()
    };
    let made = place.commit("worker", &commit).await.unwrap();
    let history = place.history(&Selector::from("team/made:1")).await.unwrap();
    assert_eq!(history[0].comment.as_deref(), Some("as it was"));
    let seen = docker.run(&["history", "--format", "{{.Comment}}", "team/made:1"]);
    assert_eq!(seen.lines().next(), Some("as it was"));

    // What they share is nobody's own.
    let both = place.images(&ImageQuery::default()).await.unwrap();
    let own = |id: &engine::Digest| {
        let found = both.images.iter().find(|image| image.id == *id).unwrap();
        found.unique_size
    };
    assert_eq!(own(&detail.summary.id), Some(0));
    assert_eq!(detail.summary.unique_size, Some(detail.summary.size));

    // In use stays; the plan says why, and what is free goes.
    let removal = RemovalRequest {
        selections: vec![Selector::from(id.as_str())],
        ..RemovalRequest::default()
    };
    let plan = place.plan_removal(&removal).await.unwrap();
    assert_eq!(plan.blocked[0].code, "conflict");
    let all = PruneRequest {
        all: true,
        ..PruneRequest::default()
    };
    let plan = place.plan_prune(&all).await.unwrap();
    assert_eq!(plan.deleted.len(), 1);
    assert_eq!(plan.deleted[0].id, made);
    let done = place.execute(&plan).await.unwrap();
    assert_eq!(done.deleted, [made]);
    assert_eq!(place.execute(&plan).await.unwrap_err().code(), "plan_stale");
    let left = place.images(&ImageQuery::default()).await.unwrap();
    assert_eq!(left.images.len(), 1);
    assert_eq!(left.images[0].in_use, ["worker"]);
    assert_eq!(place.df().await.unwrap().images, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there_says_what_to_do() {
    let lab = Lab::new().await;
    let request = from_to(at("unix:///nowhere/docker.sock", "app:1"), here("app:1"));
    let error = lab.engine.copy(&request, &NoProgress).await.unwrap_err();
    assert_eq!(error.code(), "unreachable");
    assert!(matches!(error, Error::Docker(_)));
    assert!(error.message().contains("/nowhere/docker.sock"));
    assert!(error.hint().unwrap().contains("Start"));
    let request = from_to(at("no-such-context", "app:1"), here("app:1"));
    let error = lab.engine.copy(&request, &NoProgress).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
}
