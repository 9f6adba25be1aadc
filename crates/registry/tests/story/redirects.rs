use registry::{Error, Repository};
use testkit::{Bearer, Cut, Fault, Image, ImageBuilder, Registry, Rule};

use crate::lab::Lab;

struct Setup {
    registry: Registry,
    storage: Registry,
    lab: Lab,
    image: Image,
    repository: Repository,
}

/// A registry that wants tokens, and a host that holds its blobs and lets everybody in.
fn setup() -> Setup {
    let (registry, storage) = (Registry::start(), Registry::start());
    registry.require_bearer(Bearer::default());
    let image = ImageBuilder::new()
        .files([("/a", "x".repeat(100_000))])
        .build();
    storage.push("app:1", &image);
    let repository = Repository::of(&registry.push("app:1", &image));
    Setup {
        registry,
        storage,
        lab: Lab::new(),
        image,
        repository,
    }
}

impl Setup {
    fn redirect(&self, rule: Rule, to: &str) {
        self.registry
            .rule(rule.fault(Fault::Redirect(307, to.to_owned())));
    }

    async fn download(&self) -> Result<(), Error> {
        let layer = &self.image.layers[0].descriptor;
        let bytes = self.lab.download(&self.repository, layer).await?;
        assert_eq!(bytes, self.image.blobs[&layer.digest]);
        Ok(())
    }
}

#[tokio::test]
async fn every_kind_of_redirect_is_followed_without_the_token() {
    for status in [301, 302, 303, 307, 308] {
        let setup = setup();
        setup.registry.rule(
            Rule::path("/blobs/").fault(Fault::Redirect(status, setup.storage.url("{path}"))),
        );
        // Asked with a token, so that there is one to be leaked.
        setup.registry.rule(Rule::path("/manifests/"));
        setup
            .lab
            .client
            .resolve(&setup.registry.reference("app:1"), &())
            .await
            .expect("resolved");
        setup.download().await.expect("downloaded");
        assert!(
            !setup.storage.saw("authorization") && !setup.storage.saw("token-"),
            "{status}"
        );
    }
}

#[tokio::test]
async fn coming_back_does_not_bring_the_token_back() {
    let setup = setup();
    setup
        .lab
        .client
        .resolve(&setup.registry.reference("app:1"), &())
        .await
        .expect("resolved");
    setup.registry.clear_log();
    setup.redirect(Rule::path("/blobs/sha256"), &setup.storage.url("{path}"));
    setup
        .storage
        .rule(Rule::path("/blobs/").fault(Fault::Redirect(
            302,
            setup.registry.url("/v2/app/blobs/other"),
        )));
    setup
        .download()
        .await
        .expect_err("the registry wants a token");
    let back = setup.registry.requests_for("/blobs/other");
    assert!(
        !back.is_empty()
            && back
                .iter()
                .all(|request| request.header("authorization").is_none())
    );
}

#[tokio::test]
async fn a_redirect_on_the_registry_itself_keeps_the_token() {
    let setup = setup();
    setup.redirect(Rule::path("/blobs/").times(1), "{path}?again");
    setup.download().await.expect("downloaded");
}

#[tokio::test]
async fn a_range_survives_the_redirect_and_a_cut_starts_from_the_registry() {
    let setup = setup();
    let to = setup.storage.url("{path}");
    setup.redirect(Rule::path("/blobs/"), &to);
    setup.storage.rule(
        Rule::path("/blobs/")
            .once()
            .fault(Fault::Cut(Some(50), Cut::Close)),
    );
    setup.download().await.expect("downloaded");
    let stored = setup.storage.requests_for("/blobs/");
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[1].header("range"), Some("bytes=50-"));
    assert_eq!(
        setup
            .registry
            .requests_for("/blobs/")
            .last()
            .and_then(|request| request.header("range").map(str::to_owned))
            .as_deref(),
        Some("bytes=50-")
    );
}

#[tokio::test]
async fn an_expired_address_is_asked_for_anew() {
    let setup = setup();
    setup.redirect(Rule::path("/blobs/"), &setup.storage.url("{path}"));
    setup
        .storage
        .rule(Rule::path("/blobs/").once().fault(Fault::status(403)));
    setup.download().await.expect("downloaded");
    assert_eq!(setup.lab.retries(), 1);

    setup
        .storage
        .rule(Rule::path("/blobs/").fault(Fault::challenge("Basic realm=\"give it to me\"")));
    let error = setup.download().await.expect_err("refused");
    assert!(
        matches!(&error, Error::RedirectRefused { status: 401, host } if *host == setup.storage.host()),
        "{error:?}"
    );
    assert!(!setup.storage.saw("authorization"));
}

#[tokio::test]
async fn redirects_that_lead_nowhere_good_are_refused() {
    for to in [
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://user:pw@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://[::ffff:a9fe:a9fe]/",
    ] {
        let setup = setup();
        setup.redirect(Rule::path("/blobs/"), to);
        let error = setup.download().await.expect_err(to);
        assert!(matches!(error, Error::Redirect { .. }), "{to}: {error:?}");
        assert!(!error.to_string().contains("pw@"), "{error}");
    }
}

#[tokio::test]
async fn a_host_that_nobody_typed_is_said_with_who_named_it() {
    let setup = setup();
    setup.redirect(Rule::path("/blobs/"), "http://storage.invalid/{path}");
    let error = setup.download().await.expect_err("there is no such host");
    let said = format!(
        "{} redirects to another host: the host storage.invalid is not known",
        setup.registry.host()
    );
    assert_eq!(error.to_string(), said, "{error:?}");
    // Nobody else is blamed for a host that was typed.
    let reference = oci::Reference::parse_normalized("storage.invalid/app:1").expect("a name");
    let error = setup.lab.refused(&reference).await;
    assert_eq!(error.to_string(), "the host storage.invalid is not known");
}

#[tokio::test]
async fn ten_hops_are_enough() {
    for (hops, works) in [(10, true), (11, false)] {
        let setup = setup();
        setup
            .lab
            .client
            .resolve(&setup.registry.reference("app:1"), &())
            .await
            .expect("resolved");
        setup.redirect(Rule::path("/blobs/").times(hops), "{path}");
        let outcome = setup.download().await;
        assert_eq!(outcome.is_ok(), works, "{hops}: {:?}", outcome.err());
    }
}
