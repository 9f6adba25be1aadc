//! Looking around in registries.

use std::ops::ControlFlow;

use engine::{
    CopyRequest, Engine, LocalMark, MovePolicy, NoProgress, Place, PushRequest, ReferrerKind,
    SearchRequest, Tag, UpdateState, by_version,
};
use oci::{Document as Parsed, MediaType};
use serde_json::json;
use testkit::{
    DockerRegistry, Document, Fault, Image, ImageBuilder, IndexBuilder, Layer, Registry, Rule,
};

use crate::lab::{Lab, settings};

pub(crate) fn app(text: &str, created: &str) -> Image {
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
    let quota = updates[0].quota.expect("told");
    assert_eq!((quota.remaining, quota.limit), (42, Some(100)));
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
