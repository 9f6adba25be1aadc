//! Looking around in registries, signing in and out.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use engine::{
    CopyRequest, Engine, Kept, Keyring, LocalMark, LoginRequest, MovePolicy, NoProgress, Place,
    PushRequest, Reference, ReferrerKind, SearchRequest, Secret, Tag, UpdateState, by_version,
};
use oci::{Document as Parsed, MediaType};
use serde_json::json;
use testkit::{
    Bearer, DockerRegistry, DockerRegistryOptions, Document, Fault, Image, ImageBuilder,
    IndexBuilder, Layer, Registry, Rule, TokenServer,
};

use crate::lab::{Lab, request, settings};

const PASSWORD: &str = "s3cret-marker";

fn app(text: &str, created: &str) -> Image {
    let layer = Layer::files([("/a", text.to_owned())]);
    ImageBuilder::new().created(created).layer(layer).build()
}

fn tags(texts: &[&str]) -> Vec<Tag> {
    let parsed = texts.iter().map(|text| text.parse().expect("a tag"));
    parsed.collect()
}

#[tokio::test]
async fn tags_are_looked_at_in_detail_and_beside_what_is_here() {
    let lab = Lab::new().await;
    let old = app("old", "2024-01-01T00:00:00Z");
    let new = app("new", "2025-01-01T00:00:00Z");
    let arm = ImageBuilder::new()
        .platform("linux/arm64")
        .files([("/b", "c")])
        .build();
    let index = IndexBuilder::new().image(new.clone()).image(arm).build();
    lab.registry.push("app:1", &old);
    lab.registry.push("app:2", &index);
    let latest = lab.registry.push("app:latest", &index);
    lab.registry
        .rule(Rule::path("/manifests/broken").fault(Fault::Body(b"no manifest".to_vec())));
    let all = tags(&["latest", "2", "1", "broken"]);
    let before = lab
        .engine
        .tag_details(&latest, &all)
        .await
        .expect("looked at");
    assert!(before.iter().all(|tag| tag.local == LocalMark::Nothing));
    assert_eq!(before[0].digest.as_ref(), Some(index.digest()));
    assert_eq!(before[0].platforms.len(), 2, "the attestation is none");
    let size = new.layers[0].descriptor.size + new.config_descriptor().size;
    assert_eq!(before[0].size, Some(size), "of this computer's platform");
    assert_eq!(
        before[0].created,
        Some("2025-01-01T00:00:00Z".parse().expect("a time"))
    );
    assert_eq!(before[2].platforms.len(), 1, "as the config tells");
    assert_eq!((&before[3].digest, before[3].size), (&None, None));

    lab.pull(&lab.registry.reference("app:1"))
        .await
        .expect("pulled");
    let marks = async || {
        let looked = lab
            .engine
            .tag_details(&latest, &all)
            .await
            .expect("looked at");
        looked.iter().map(|tag| tag.local).collect::<Vec<_>>()
    };
    use LocalMark::{Newer, Nothing, Older, Same};
    assert_eq!(marks().await, [Newer, Newer, Same, Nothing]);
    lab.pull(&latest).await.expect("pulled");
    assert_eq!(marks().await, [Same, Same, Same, Nothing]);
    lab.registry
        .push("app:1", &app("older", "2023-01-01T00:00:00Z"));
    assert_eq!(marks().await, [Same, Same, Older, Nothing]);
}

#[tokio::test]
async fn ten_thousand_tags_show_their_first_page_at_once() {
    let lab = Lab::new().await;
    let document = app("x", "2024-01-01T00:00:00Z").root;
    for number in 0..10_000 {
        lab.registry
            .push_document(&format!("many:v{number}"), document.clone());
    }
    let repository = lab.registry.reference("many");
    let first = lab
        .engine
        .tags_page(&repository, None)
        .await
        .expect("listed");
    assert_eq!(first.tags.len(), 1000);
    assert_eq!(lab.registry.requests_for("/tags/list").len(), 1);
    let second = lab.engine.tags_page(&repository, first.next.as_ref()).await;
    assert_eq!(second.expect("listed").tags.len(), 1000);
    let mut all = lab.engine.tags(&repository).await.expect("listed");
    assert_eq!(all.len(), 10_000);
    all.sort_by(by_version);
    assert_eq!(all[0].as_str(), "v9999");

    // The same in order, page by page, and no further than somebody listens.
    let mut pages = Vec::new();
    let told = lab.engine.list_tags(&repository, |page| {
        pages.push(page.to_vec());
        ControlFlow::Continue(())
    });
    assert_eq!(told.await.expect("listed"), all);
    assert_eq!(pages.len(), 10);
    lab.registry.clear_log();
    let enough = lab
        .engine
        .list_tags(&repository, |_| ControlFlow::Break(()));
    assert_eq!(enough.await.expect("listed").len(), 1000);
    assert_eq!(lab.registry.requests_for("/tags/list").len(), 1);
    let host = lab.registry.host();
    let all = lab
        .engine
        .list_repositories(&host, |_| ControlFlow::Continue(()));
    assert_eq!(all.await.expect("listed"), [repository.without_tag()]);
}

#[tokio::test]
async fn updates_are_found_with_one_small_question_each() {
    let lab = Lab::new().await;
    let names = ["app:1", "app:2", "app:3", "app:4"];
    for name in names {
        let source = lab.registry.push(name, &app(name, "2024-01-01T00:00:00Z"));
        lab.pull(&source).await.expect("pulled");
    }
    let newer = app("newer", "2025-01-01T00:00:00Z");
    lab.registry.push("app:2", &newer);
    lab.registry
        .rule(Rule::path("/manifests/3").fault(Fault::status(404)));
    lab.registry
        .rule(Rule::path("/manifests/4").fault(Fault::error(403, "DENIED", "no")));
    lab.registry.rule(
        Rule::path("/manifests/1")
            .fault(Fault::Header(
                "ratelimit-limit".into(),
                "100;w=21600".into(),
            ))
            .fault(Fault::Header(
                "ratelimit-remaining".into(),
                "42;w=21600".into(),
            )),
    );
    lab.registry.clear_log();
    let asked: Vec<_> = names
        .iter()
        .chain(&["none:1"])
        .map(|name| engine::ImageName::of(&lab.registry.reference(name)))
        .collect();
    let updates = lab.engine.check_updates(&asked).await.expect("asked");
    assert_eq!(updates.len(), 4, "what is not here is no question");
    assert!(matches!(updates[0].state, UpdateState::UpToDate));
    assert_eq!(updates[0].quota.map(|quota| quota.remaining), Some(42));
    let UpdateState::Available { digest } = &updates[1].state else {
        panic!("{updates:?}");
    };
    assert_eq!(digest, newer.digest());
    assert!(matches!(updates[2].state, UpdateState::Gone));
    let UpdateState::Failed(error) = &updates[3].state else {
        panic!("{updates:?}");
    };
    assert_eq!(error.code(), "denied");
    let methods: Vec<_> = lab.registry.requests();
    assert!(methods.iter().all(|request| request.method == "HEAD"));
    let quota = lab
        .engine
        .pull_quota(&lab.registry.reference("app:1"))
        .await;
    let quota = quota.expect("asked").expect("told");
    assert_eq!((quota.remaining, quota.limit), (42, Some(100)));
}

/// An artifact about an image, as a tool would push it.
fn artifact(registry: &Registry, kind: &str, subject: &Image) -> Document {
    let empty = registry.push_blob("app", "{}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": kind,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2}],
        "subject": {
            "mediaType": subject.root.media_type.as_str(),
            "digest": subject.digest(),
            "size": subject.root.bytes.len(),
        },
    });
    Document::new(MediaType::OciManifest, manifest.to_string().into_bytes())
}

#[tokio::test]
async fn referrers_are_listed_where_the_real_registry_keeps_no_list() {
    let (lab, server) = (Lab::new().await, DockerRegistry::plain());
    let image = app("x", "2024-01-01T00:00:00Z");
    let source = lab.registry.push("app:1", &image);
    lab.pull(&source).await.expect("pulled");
    let target = server.reference("app:1");
    let push = PushRequest {
        source: source.to_string().as_str().into(),
        destination: Some(target.clone()),
        platform: None,
        move_policy: MovePolicy::Move,
    };
    lab.engine.push(&push, &NoProgress).await.expect("pushed");
    assert!(
        lab.engine
            .referrers(&target)
            .await
            .expect("none")
            .is_empty()
    );
    for (tag, kind) in [
        ("sbom", "application/spdx+json"),
        ("statement", "application/vnd.in-toto+json"),
    ] {
        let document = artifact(&lab.registry, kind, &image);
        assert!(Parsed::parse(&document.bytes, None).is_ok());
        let from = lab.registry.push_document(&format!("app:{tag}"), document);
        let copy = CopyRequest {
            from: Place::Registry(from),
            to: Place::Registry(server.reference(&format!("app:{tag}"))),
            platform: None,
            move_policy: MovePolicy::Move,
        };
        lab.engine.copy(&copy, &NoProgress).await.expect("copied");
    }
    let signature = format!("app:sha256-{}.sig", image.digest().hex());
    let signature = server.reference(&signature);
    let push = PushRequest {
        destination: Some(signature),
        ..push
    };
    let other = lab
        .registry
        .push("sig:1", &app("sig", "2024-01-01T00:00:00Z"));
    lab.pull(&other).await.expect("pulled");
    let push = PushRequest {
        source: other.to_string().as_str().into(),
        ..push
    };
    lab.engine.push(&push, &NoProgress).await.expect("pushed");
    let found = lab.engine.referrers(&target).await.expect("listed");
    let kinds: Vec<_> = found.iter().map(|referrer| referrer.kind).collect();
    assert_eq!(
        kinds,
        [
            ReferrerKind::Sbom,
            ReferrerKind::Attestation,
            ReferrerKind::Signature
        ]
    );
}

/// What Docker Hub's search answers, with hostile text.
const ANSWER: &str = r#"{"num_pages":1,"num_results":4,"page_size":25,"page":1,"query":"app","results":[
    {"name":"app","description":"The \u001b[31mapp\u202e","star_count":900,"is_official":true,"is_automated":false,"is_trusted":false},
    {"name":"team/app","description":"<b>bold</b>","star_count":12,"is_official":false,"is_automated":false,"is_trusted":false},
    {"name":"team/../app","description":"","star_count":5000,"is_official":true,"is_automated":false,"is_trusted":false},
    {"name":"other/app","description":"","star_count":0,"is_official":false,"is_automated":false,"is_trusted":false}]}"#;

async fn searching(lab: &Lab, addresses: Vec<String>) -> Engine {
    let mut settings = settings(&lab.store());
    settings.registry.hub_search = addresses;
    Engine::open(settings).await.expect("opened")
}

#[tokio::test]
async fn docker_hub_is_searched_and_its_successor_where_it_is_gone() {
    let lab = Lab::new().await;
    let json = || ("Content-Type".to_owned(), "application/json".to_owned());
    let answer = || Fault::Answer(200, vec![json()], ANSWER.as_bytes().to_vec());
    lab.registry
        .rule(Rule::path("/old/search").fault(Fault::status(410)));
    lab.registry.rule(Rule::path("/new/search").fault(answer()));
    let addresses = ["/old/search", "/new/search"].map(|path| lab.registry.url(path));
    let engine = searching(&lab, addresses.to_vec()).await;
    let mut request = SearchRequest {
        term: "library/app".into(),
        ..SearchRequest::default()
    };
    let found = engine.search(&request).await.expect("found");
    let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["app", "team/app", "other/app"]);
    assert_eq!(found[0].repository.to_string(), "docker.io/library/app");
    let asked = lab.registry.requests_for("/new/search");
    assert_eq!(asked[0].parameter("q").as_deref(), Some("app"));
    assert_eq!(asked[0].parameter("n").as_deref(), Some("25"));
    assert_eq!(asked[0].header("x-docker-token"), Some("true"));
    request.least_stars = Some(12);
    assert_eq!(engine.search(&request).await.expect("found").len(), 2);
    request.official = Some(false);
    assert_eq!(engine.search(&request).await.expect("found").len(), 1);
    request.limit = Some(101);
    let error = engine.search(&request).await.expect_err("too many");
    assert_eq!(error.code(), "usage");
    lab.registry.behave();
    lab.registry
        .rule(Rule::path("/old").fault(Fault::retry_after(429, "9000")));
    request.limit = None;
    let error = engine.search(&request).await.expect_err("limited");
    assert_eq!(error.code(), "rate_limited");
}

#[tokio::test]
async fn other_registries_are_searched_by_their_catalog() {
    let (lab, server) = (Lab::new().await, DockerRegistry::plain());
    for name in ["team/app:1", "team/tool:1", "apple:1"] {
        server.push(name, &app(name, "2024-01-01T00:00:00Z"));
    }
    let request = SearchRequest {
        term: format!("{}/app", server.host()),
        ..SearchRequest::default()
    };
    let found = lab.engine.search(&request).await.expect("found");
    let mut names: Vec<_> = found.iter().map(|found| found.name.clone()).collect();
    names.sort();
    let host = server.host();
    assert_eq!(names, [format!("{host}/apple"), format!("{host}/team/app")]);
    let catalog = lab.engine.catalog_page(&host, None).await.expect("listed");
    assert_eq!(catalog.repositories.len(), 3);

    lab.registry
        .rule(Rule::path("/v2/_catalog").fault(Fault::status(404)));
    let request = SearchRequest {
        term: format!("{}/app", lab.registry.host()),
        ..SearchRequest::default()
    };
    let error = lab.engine.search(&request).await.expect_err("not offered");
    assert_eq!(error.code(), "not_offered");
    assert!(error.hint().is_some());
}

/// A keyring in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<HashMap<String, Secret>>);

type Trouble = registry::CredentialError;

impl Keyring for Memory {
    fn get(&self, address: &str) -> Result<Option<Secret>, Trouble> {
        Ok(self.0.lock().expect("not poisoned").get(address).cloned())
    }

    fn set(&self, address: &str, secret: &Secret) -> Result<(), Trouble> {
        let mut entries = self.0.lock().expect("not poisoned");
        entries.insert(address.to_owned(), secret.clone());
        Ok(())
    }

    fn remove(&self, address: &str) -> Result<bool, Trouble> {
        let mut entries = self.0.lock().expect("not poisoned");
        Ok(entries.remove(address).is_some())
    }
}

/// A keyring that is locked.
#[derive(Debug)]
struct Locked;

impl Keyring for Locked {
    fn get(&self, _: &str) -> Result<Option<Secret>, Trouble> {
        Err(locked())
    }

    fn set(&self, _: &str, _: &Secret) -> Result<(), Trouble> {
        Err(locked())
    }

    fn remove(&self, _: &str) -> Result<bool, Trouble> {
        Err(locked())
    }
}

fn locked() -> Trouble {
    Trouble::Keyring {
        reason: "it is locked, or not there".to_owned(),
    }
}

async fn with_file(lab: &Lab, file: &Path, keyring: Option<Arc<dyn Keyring>>) -> Engine {
    let mut settings = settings(&lab.store());
    settings.login_file = Some(file.to_owned());
    settings.registry.credentials.files = vec![file.to_owned()];
    settings.registry.credentials.keyring = keyring;
    settings.registry.credentials.helper_path = vec![file.parent().expect("a folder").to_owned()];
    Engine::open(settings).await.expect("opened")
}

fn login(host: &str, password: &str) -> LoginRequest {
    LoginRequest {
        host: host.to_owned(),
        username: "alice".to_owned(),
        secret: password.into(),
        plain_text: false,
    }
}

fn real(tls: bool) -> DockerRegistry {
    DockerRegistry::start(&DockerRegistryOptions {
        login: Some(("alice".into(), PASSWORD.into())),
        tls,
        ..DockerRegistryOptions::default()
    })
}

#[tokio::test]
async fn a_login_is_tried_and_kept_in_the_keyring() {
    let (lab, server) = (Lab::new().await, real(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("docker/config.json");
    let keyring = Arc::new(Memory::default());
    let engine = with_file(&lab, &file, Some(keyring.clone())).await;
    let host = server.host();
    let error = engine
        .login(&login(&host, "wrong"))
        .await
        .expect_err("wrong");
    assert_eq!(error.code(), "unauthorized");
    assert!(keyring.0.lock().expect("not poisoned").is_empty());
    let done = engine
        .login(&login(&format!("http://{host}/"), PASSWORD))
        .await;
    let done = done.expect("accepted");
    assert_eq!((done.kept, done.was_asked), (Kept::Keyring, true));
    assert!(!file.exists());

    // It is used from now on.
    let image = app("x", "2024-01-01T00:00:00Z");
    let target = server.push("app:1", &image);
    engine
        .pull(&request(&target), &NoProgress)
        .await
        .expect("pulled");
    let also = [host.clone()];
    let known = engine.logins(&also).await.expect("listed");
    assert_eq!(known.len(), 1, "{known:?}");
    assert_eq!(known[0].host, host);
    assert!(engine.logins(&[]).await.expect("listed").is_empty());
    assert_eq!(
        engine.logout(&host).await.expect("out"),
        ["the system's keyring"]
    );
    assert!(engine.logins(&also).await.expect("listed").is_empty());
    assert!(engine.logout(&host).await.expect("out").is_empty());
    let error = engine.tags(&target).await.expect_err("nobody");
    assert_eq!(error.code(), "unauthorized");
}

#[tokio::test]
async fn nothing_is_written_in_plain_text_without_consent() {
    let (lab, server) = (Lab::new().await, real(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    std::fs::write(
        &file,
        r#"{"HttpHeaders": {"a": "b"}, "auths": {"other.example": {}}}"#,
    )
    .expect("written");
    for keyring in [None, Some(Arc::new(Locked) as Arc<dyn Keyring>)] {
        let is_locked = keyring.is_some();
        let engine = with_file(&lab, &file, keyring).await;
        let mut request = login(&server.host(), PASSWORD);
        let error = engine.login(&request).await.expect_err("nowhere");
        assert_eq!(error.code(), "no_keyring");
        assert!(error.hint().expect("a hint").contains("--plain-text"));
        assert!(!format!("{error:?}").contains(PASSWORD));
        request.plain_text = true;
        let done = engine.login(&request).await.expect("accepted");
        assert_eq!(done.kept, Kept::File(file.clone()));
        assert_eq!(done.maybe_shadowed, is_locked);
        let text = std::fs::read_to_string(&file).expect("read");
        assert!(
            text.contains("HttpHeaders") && text.contains("other.example"),
            "{text}"
        );
        assert!(!text.contains(PASSWORD), "base64, as docker writes it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file)
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let known = engine.logins(&[]).await.expect("listed");
        assert_eq!(known.len(), 1, "other.example has no secret: {known:?}");
        assert_eq!(known[0].host, server.host());
        let target = server.reference("app:1");
        let error = engine.tags(&target).await.expect_err("no such repository");
        assert_eq!(error.code(), "not_found", "it is let in");
        let places = engine.logout(&server.host()).await;
        match is_locked {
            false => assert_eq!(places.expect("out"), [file.display().to_string()]),
            // It may have the login still; the file has not.
            true => assert_eq!(places.expect_err("kept").code(), "credentials"),
        }
        let text = std::fs::read_to_string(&file).expect("read");
        assert!(text.contains("other.example") && !text.contains(&server.host()));
    }
    // A file that cannot be understood is not written over.
    std::fs::write(&file, "{ no json").expect("written");
    let engine = with_file(&lab, &file, None).await;
    let mut request = login(&server.host(), PASSWORD);
    request.plain_text = true;
    let error = engine.login(&request).await.expect_err("damaged");
    assert_eq!(error.code(), "credentials");
    assert_eq!(std::fs::read_to_string(&file).expect("read"), "{ no json");
}

/// Who says which file is to be asked means it: a job with a login of its own is not signed in as the user of the desktop.
#[tokio::test]
async fn a_file_that_was_named_is_asked_before_the_keyring_and_others_after() {
    let (lab, server) = (Lab::new().await, real(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    let keyring = Arc::new(Memory::default());
    let host = server.host();
    let engine = with_file(&lab, &file, None).await;
    let mut request = login(&host, PASSWORD);
    request.plain_text = true;
    engine.login(&request).await.expect("accepted");
    let old = r#"{"username": "old", "secret": "wrong"}"#;
    keyring.set(&host, &Secret::new(old)).expect("kept");
    for named in [1, 0] {
        let mut settings = settings(&lab.store());
        settings.registry.credentials.files = vec![file.clone()];
        settings.registry.credentials.named_files = named;
        settings.registry.credentials.keyring = Some(keyring.clone());
        let engine = Engine::open(settings).await.expect("opened");
        let error = engine.tags(&server.reference("app:1")).await;
        let expected = if named == 1 {
            "not_found"
        } else {
            "unauthorized"
        };
        assert_eq!(error.expect_err("no such repository").code(), expected);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_that_docker_names_keeps_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (lab, server) = (Lab::new().await, real(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    std::fs::write(&file, r#"{"credsStore": "memo"}"#).expect("written");
    let helper = folder.path().join("docker-credential-memo");
    let script = format!(
        "#!/bin/sh\ncd {}\ncase $1 in\nstore) cat > kept;;\nget) if [ -f kept ]; then cat kept; else echo 'credentials not found in native keychain'; exit 1; fi;;\nerase) rm -f kept;;\nesac\n",
        folder.path().display()
    );
    std::fs::write(&helper, script).expect("written");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).expect("set");
    let engine = with_file(&lab, &file, Some(Arc::new(Memory::default()))).await;
    let done = engine.login(&login(&server.host(), PASSWORD)).await;
    assert_eq!(done.expect("accepted").kept, Kept::Helper("memo".into()));
    let kept = std::fs::read_to_string(folder.path().join("kept")).expect("kept");
    assert!(kept.contains(PASSWORD) && kept.contains(&server.host()));
    let text = std::fs::read_to_string(&file).expect("read");
    assert!(
        text.contains(&server.host()) && text.contains("credsStore"),
        "{text}"
    );
    let error = engine.tags(&server.reference("app:1")).await;
    assert_eq!(error.expect_err("no such repository").code(), "not_found");
    let places = engine.logout(&server.host()).await.expect("out");
    assert_eq!(places[0], "docker-credential-memo");
    assert!(!folder.path().join("kept").exists());
}

#[tokio::test]
async fn tokens_of_a_token_server_that_the_real_registry_takes() {
    let lab = Lab::new().await;
    let tokens = TokenServer::start(&[("alice", PASSWORD)], &["team/closed"]);
    let server = DockerRegistry::start(&DockerRegistryOptions {
        tokens: Some((tokens.realm(), tokens.certificate())),
        ..DockerRegistryOptions::default()
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.json");
    let keyring = Arc::new(Memory::default());
    let engine = with_file(&lab, &file, Some(keyring.clone())).await;
    // The token server is another program on this computer: nobody said that it may have the password.
    let error = engine.login(&login(&server.host(), PASSWORD)).await;
    let error = error.expect_err("withheld");
    assert_eq!(error.code(), "unauthorized");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains(&tokens.host()), "{hint}");
    assert!(
        tokens
            .requests()
            .iter()
            .all(|it| it.header("authorization").is_none())
    );

    let mut settings = settings(&lab.store());
    settings.registry.credentials.keyring = Some(keyring.clone());
    settings.registry.trusted_realms.push(engine::TrustedRealm {
        registry: server.host(),
        realm: tokens.host(),
    });
    let engine = Engine::open(settings).await.expect("opened");
    let error = engine.login(&login(&server.host(), "wrong")).await;
    assert_eq!(error.expect_err("wrong").code(), "unauthorized");
    engine
        .login(&login(&server.host(), PASSWORD))
        .await
        .expect("accepted");
    let kept = format!("{:?}", keyring.0.lock().expect("not poisoned"));
    assert!(!kept.contains(PASSWORD));
    let entries: Vec<Secret> = keyring
        .0
        .lock()
        .expect("not poisoned")
        .values()
        .cloned()
        .collect();
    assert!(
        entries[0].expose().contains("refresh-alice"),
        "a token, not the password"
    );

    let image = app("x", "2024-01-01T00:00:00Z");
    let source = lab.registry.push("app:1", &image);
    lab.pull(&source).await.expect("pulled");
    let push = |name: &str| PushRequest {
        source: source.to_string().as_str().into(),
        destination: Some(server.reference(name)),
        platform: None,
        move_policy: MovePolicy::Move,
    };
    engine
        .push(&push("public/app:1"), &NoProgress)
        .await
        .expect("pushed");
    engine
        .push(&push("team/app:1"), &NoProgress)
        .await
        .expect("pushed, by mounting");
    let error = engine.push(&push("team/closed:1"), &NoProgress).await;
    assert_eq!(error.expect_err("closed").code(), "denied");
    // Whoever is nobody reads what is public, and no more.
    let there: Reference = server.reference("public/app:1");
    lab.engine.tags(&there).await.expect("public");
    let error = lab.engine.tags(&server.reference("team/app:1")).await;
    assert_eq!(error.expect_err("private").code(), "unauthorized");
    let error = lab.engine.push(&push("public/app:2"), &NoProgress).await;
    assert_eq!(error.expect_err("nobody").code(), "unauthorized");
}

#[tokio::test]
async fn an_open_registry_says_so_and_a_password_goes_nowhere_else() {
    let lab = Lab::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let keyring = Arc::new(Memory::default());
    let file = folder.path().join("config.json");
    let engine = with_file(&lab, &file, Some(keyring)).await;
    let done = engine.login(&login(&lab.registry.host(), PASSWORD)).await;
    assert!(!done.expect("kept").was_asked);
    assert!(!lab.registry.saw(PASSWORD));

    let evil = Registry::start();
    evil.require_bearer(Bearer::default());
    let other = Registry::start();
    other.require_bearer(Bearer {
        realm: Some(evil.url("/token")),
        ..Bearer::user("alice", PASSWORD)
    });
    let error = engine.login(&login(&other.host(), PASSWORD)).await;
    assert_eq!(error.expect_err("withheld").code(), "unauthorized");
    for request in evil.requests() {
        assert_eq!(request.header("authorization"), None);
    }
    assert!(!evil.saw(PASSWORD));
}
