use std::collections::HashMap;

use futures_util::future::join_all;
use registry::{CredentialUse, Error, Repository, TrustedRealm};
use serde_json::json;
use testkit::{Bearer, Fault, Image, ImageBuilder, Registry, Rule};

use crate::lab::{Lab, used};

const PASSWORD: &str = "s3cret-pa55word";

fn app() -> Image {
    ImageBuilder::new()
        .files([("/a", "1")])
        .files([("/b", "2")])
        .build()
}

/// A credential file with one login.
fn login(host: &str) -> String {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("alice:{PASSWORD}"));
    json!({"auths": {host: {"auth": auth}}}).to_string()
}

#[tokio::test]
async fn anonymous_tokens_are_fetched_once_and_used_for_everything() {
    let (server, lab) = (Registry::start(), Lab::new());
    server.require_bearer(Bearer::default());
    let image = app();
    let reference = server.push("team/app:1", &image);
    lab.client.resolve(&reference, &()).await.expect("resolved");
    lab.client
        .read_blob(
            &reference.into_repository(),
            &image.config_descriptor(),
            1 << 20,
            &(),
        )
        .await
        .expect("read");

    let tokens = server.requests_for("/token");
    assert_eq!(tokens.len(), 1);
    assert_eq!(
        tokens[0].parameter("scope").as_deref(),
        Some("repository:team/app:pull")
    );
    assert_eq!(tokens[0].parameter("service").as_deref(), Some("testkit"));
    assert_eq!(tokens[0].header("authorization"), None);
    let refused = server
        .requests()
        .iter()
        .filter(|request| request.status == 401)
        .count();
    assert_eq!(
        refused, 1,
        "only the first request did not know that a token is wanted"
    );
}

#[tokio::test]
async fn many_requests_at_once_fetch_one_token() {
    let (server, lab) = (Registry::start(), Lab::new());
    server.require_bearer(Bearer::default());
    let image = app();
    let repository = server.push("app:1", &image).into_repository();
    let descriptor = image.config_descriptor();
    let reads = (0..20).map(|_| lab.client.read_blob(&repository, &descriptor, 1 << 20, &()));
    for read in join_all(reads).await {
        read.expect("read");
    }
    assert_eq!(server.requests_for("/token").len(), 1);
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_renewed() {
    let (server, lab) = (Registry::start(), Lab::new());
    server.require_bearer(Bearer {
        uses: Some(2),
        ..Bearer::default()
    });
    let image = app();
    let reference = server.push("app:1", &image);
    let repository = Repository::of(&reference);
    lab.client
        .resolve(&reference, &lab.heard)
        .await
        .expect("resolved");
    for layer in &image.layers {
        for _ in 0..3 {
            let bytes = lab
                .download(&repository, &layer.descriptor)
                .await
                .expect("downloaded");
            assert_eq!(bytes, image.blobs[&layer.descriptor.digest]);
        }
    }
    server.revoke_tokens();
    lab.client
        .resolve(&reference, &lab.heard)
        .await
        .expect("resolved");
    assert_eq!(lab.retries(), 0, "a new token is no retry");
    assert_eq!(server.requests_for("/token").len(), 5);
}

#[tokio::test]
async fn lifetimes_that_make_no_sense_do_no_harm() {
    for (expires_in, fetches) in [
        (json!(null), 1),
        (json!(0), 2),
        (json!(-1), 2),
        (json!(1_000_000_000_000_u64), 1),
        (json!("x"), 1),
    ] {
        let (server, lab) = (Registry::start(), Lab::new());
        server.require_bearer(Bearer {
            expires_in: expires_in.clone(),
            field: "access_token",
            ..Bearer::default()
        });
        let reference = server.push("app:1", &app());
        lab.client.resolve(&reference, &()).await.expect("resolved");
        assert_eq!(server.requests_for("/token").len(), fetches, "{expires_in}");
    }
}

#[tokio::test]
async fn a_registry_that_never_takes_its_own_tokens_is_left() {
    let (server, lab) = (Registry::start(), Lab::new());
    server.require_bearer(Bearer {
        uses: Some(0),
        ..Bearer::default()
    });
    let reference = server.push("app:1", &app());
    let error = lab
        .client
        .resolve(&reference, &lab.heard)
        .await
        .expect_err("refused");
    assert_eq!(used(&error), &CredentialUse::None);
    assert_eq!(server.requests_for("/token").len(), 3);
    assert_eq!(lab.retries(), 0);
}

#[tokio::test]
async fn token_servers_that_fail_are_asked_again_and_absurd_answers_refused() {
    let (server, lab) = (Registry::start(), Lab::new());
    server.require_bearer(Bearer::default());
    let reference = server.push("app:1", &app());
    server.rule(Rule::path("/token").times(2).fault(Fault::status(503)));
    lab.client
        .resolve(&reference, &lab.heard)
        .await
        .expect("resolved");
    assert_eq!(lab.retries(), 2);
    for body in [
        format!(r#"{{"token":"{}"}}"#, "x".repeat(1 << 20)),
        "{}".into(),
        "[]".into(),
        r#"{"token":"a\nb"}"#.into(),
    ] {
        let lab = Lab::new();
        server.behave();
        server.rule(Rule::path("/token").fault(Fault::Answer(
            200,
            Vec::new(),
            body.clone().into_bytes(),
        )));
        let error = lab.refused(&reference).await;
        assert!(matches!(error, Error::BadResponse { .. }), "{error:?}");
        assert!(
            !format!("{error:?}").contains("xxxx"),
            "the token stays out of the message"
        );
    }
}

#[tokio::test]
async fn a_password_is_traded_for_a_token() {
    let server = Registry::start();
    server.require_bearer(Bearer::user("alice", PASSWORD));
    let reference = server.push("app:1", &app());
    Lab::with_login(&login(&server.host()))
        .client
        .resolve(&reference, &())
        .await
        .expect("resolved");
    assert!(
        server.requests_for("/v2/").iter().all(|request| {
            request
                .header("authorization")
                .is_none_or(|sent| sent.starts_with("Bearer "))
        }),
        "the password goes to the token server only"
    );

    let error = Lab::new().refused(&reference).await;
    assert_eq!(used(&error), &CredentialUse::None);
    let wrong = login(&server.host()).replace("czNjcmV0", "czNjcmV1");
    let error = Lab::with_login(&wrong).refused(&reference).await;
    assert_eq!(used(&error), &CredentialUse::Sent);
}

#[tokio::test]
async fn a_token_server_may_want_oauth_2() {
    let server = Registry::start();
    server.require_bearer(Bearer {
        methods: (false, true),
        ..Bearer::user("alice", PASSWORD)
    });
    let reference = server.push("app:1", &app());
    Lab::with_login(&login(&server.host()))
        .client
        .resolve(&reference, &())
        .await
        .expect("resolved");
    let asked: Vec<_> = server
        .requests_for("/token")
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert_eq!(asked, ["GET", "POST"]);
}

#[tokio::test]
async fn an_identity_token_is_sent_as_a_refresh_token_and_as_a_password_where_that_fails() {
    let server = Registry::start();
    let identity = "identity-t0ken";
    server.require_bearer(Bearer {
        refresh_tokens: vec![identity.into()],
        methods: (false, true),
        ..Bearer::default()
    });
    let reference = server.push("app:1", &app());
    let host = server.host();
    let file =
        json!({"auths": {&host: {"auth": "YWxpY2U6", "identitytoken": identity}}}).to_string();
    Lab::with_login(&file)
        .client
        .resolve(&reference, &())
        .await
        .expect("resolved");
    let asked = &server.requests_for("/token")[0];
    assert_eq!(
        asked.parameter("grant_type").as_deref(),
        Some("refresh_token")
    );
    assert_eq!(asked.parameter("client_id").as_deref(), Some("strata"));
    assert_eq!(
        asked.parameter("scope").as_deref(),
        Some("repository:app:pull")
    );

    let users = HashMap::from([("alice".to_owned(), identity.to_owned())]);
    server.require_bearer(Bearer {
        users,
        anonymous: false,
        ..Bearer::default()
    });
    Lab::with_login(&file)
        .client
        .resolve(&reference, &())
        .await
        .expect("resolved");
}

#[tokio::test]
async fn basic_is_sent_when_asked_for_and_not_before() {
    let server = Registry::start();
    server.require_basic("alice", PASSWORD);
    let reference = server.push("app:1", &app());
    let lab = Lab::with_login(&login(&server.host()));
    lab.client.resolve(&reference, &()).await.expect("resolved");
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("authorization").is_some())
        .collect();
    assert_eq!(sent, [false, true, true]);
    let error = Lab::new().refused(&reference).await;
    assert_eq!(used(&error), &CredentialUse::None);
    server.require_basic("alice", "another");
    let error = lab.refused(&reference).await;
    assert_eq!(used(&error), &CredentialUse::Sent);
}

#[tokio::test]
async fn a_password_never_reaches_a_token_server_of_somebody_else() {
    let (server, evil) = (Registry::start(), Registry::start());
    evil.require_bearer(Bearer::default());
    server.require_bearer(Bearer {
        realm: Some(evil.url("/token")),
        ..Bearer::user("alice", PASSWORD)
    });
    let reference = server.push("app:1", &app());
    let lab = Lab::with_login(&login(&server.host()));
    let error = lab.refused(&reference).await;
    match &error {
        Error::Unauthorized {
            credentials: CredentialUse::Withheld { realm },
            ..
        } => assert_eq!(*realm, evil.host()),
        other => panic!("{other:?}"),
    }
    assert!(
        !evil.requests_for("/token").is_empty(),
        "asking anonymously is fine"
    );
    assert!(
        !evil.saw("Basic")
            && !evil.saw(PASSWORD)
            && !evil.saw("authorization")
            && !evil.saw("alice")
    );
    for text in [format!("{error}"), format!("{error:?}")] {
        assert!(!text.contains(PASSWORD), "{text}");
    }

    // Once the user has agreed to this pair, it is sent.
    let pair = TrustedRealm {
        registry: server.host(),
        realm: evil.host(),
    };
    let path = lab.folder().join("config.json");
    let lab = lab.rebuild(|options| {
        options.trusted_realms.push(pair);
        options.credentials.files.push(path);
    });
    lab.client
        .resolve(&reference, &())
        .await
        .expect_err("its tokens are still worth nothing here");
    assert!(evil.saw("Basic"));
}

#[tokio::test]
async fn a_token_server_that_redirects_takes_no_password_along() {
    let (server, evil) = (Registry::start(), Registry::start());
    server.require_bearer(Bearer::user("alice", PASSWORD));
    server.rule(Rule::path("/token").fault(Fault::Redirect(307, evil.url("{path}"))));
    let reference = server.push("app:1", &app());
    Lab::with_login(&login(&server.host()))
        .client
        .resolve(&reference, &())
        .await
        .expect_err("no token there");
    assert!(!evil.requests().is_empty());
    assert!(!evil.saw("authorization"));
}

#[tokio::test]
async fn token_servers_in_places_that_are_not_the_registrys_are_not_asked() {
    for realm in [
        "http://169.254.169.254/latest",
        "http://2852039166/",
        "http://[::ffff:a9fe:a9fe]/",
        "file:///etc/passwd",
        "http://10.0.0.1/token",
        "http://user@127.0.0.1/",
    ] {
        let server = Registry::start();
        server.require_bearer(Bearer {
            realm: Some(realm.into()),
            ..Bearer::default()
        });
        let reference = server.push("app:1", &app());
        let error = Lab::new().refused(&reference).await;
        assert!(matches!(error, Error::Realm { .. }), "{realm}: {error:?}");
    }
}

#[tokio::test]
async fn two_registries_on_one_host_keep_their_logins_apart() {
    let (one, two) = (Registry::start(), Registry::start());
    one.require_basic("alice", PASSWORD);
    two.require_basic("alice", PASSWORD);
    let (first, second) = (one.push("app:1", &app()), two.push("app:1", &app()));
    let lab = Lab::with_login(&login(&one.host()));
    lab.client.resolve(&first, &()).await.expect("resolved");
    lab.client
        .resolve(&second, &())
        .await
        .expect_err("no login for this port");
    assert!(!two.saw("authorization"));
}

#[tokio::test]
async fn nothing_secret_is_in_a_clients_debug_output() {
    let lab = Lab::with(|options| {
        options.proxies.https = Some(format!("http://u:{PASSWORD}@proxy:1").into());
    });
    assert!(!format!("{:?}", lab.client).contains(PASSWORD));
}

trait IntoRepository {
    fn into_repository(self) -> Repository;
}

impl IntoRepository for oci::Reference {
    fn into_repository(self) -> Repository {
        Repository::of(&self)
    }
}
