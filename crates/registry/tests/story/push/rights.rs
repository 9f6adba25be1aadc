//! Who may push, and who gets to see what a user proves it with.

use registry::{CredentialUse, Error, Uploaded};
use testkit::{Bearer, Fault, Registry, Rule, Uploads};

use super::{Blob, PASSWORD, login, repository};
use crate::lab::Lab;

#[tokio::test]
async fn rights_are_asked_about_before_any_byte_moves() {
    let server = Registry::start();
    server.require_bearer(Bearer {
        push: false,
        ..Bearer::user("alice", PASSWORD)
    });
    let app = repository(&server, "app");
    let lab = Lab::with_login(&login(&server.host()));
    let error = lab.client.may_push(&app, &lab.heard).await;
    let error = error.expect_err("she may only read");
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    let stranger = Lab::new();
    let error = stranger.client.may_push(&app, &stranger.heard).await;
    let error = error.expect_err("nobody");
    assert!(
        matches!(
            error,
            Error::Unauthorized {
                credentials: CredentialUse::None,
                ..
            }
        ),
        "{error:?}"
    );
    server.require_bearer(Bearer::user("alice", PASSWORD));
    lab.client
        .may_push(&app, &lab.heard)
        .await
        .expect("she may");
    assert_eq!(server.open_uploads(), 0);
    assert!(
        server
            .requests_for("/token")
            .iter()
            .any(|request| request.path.contains("pull%2Cpush")),
    );
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_a_push_is_renewed() {
    let server = Registry::start();
    server.require_bearer(Bearer {
        uses: Some(2),
        ..Bearer::user("alice", PASSWORD)
    });
    let lab = Lab::with_login(&login(&server.host()));
    let app = repository(&server, "app");
    for size in [1000, 1001, 1002] {
        let blob = Blob::of(&lab, size);
        assert_eq!(blob.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
        assert!(server.blob("app", &blob.descriptor.digest).is_some());
    }
    assert_eq!(lab.retries(), 0, "a new token is no retry");
}

#[tokio::test]
async fn a_location_on_another_host_gets_the_bytes_and_no_secret() {
    let (server, storage) = (Registry::start(), Registry::start());
    server.require_basic("alice", PASSWORD);
    let lab = Lab::with_login(&login(&server.host()));
    let (blob, app) = (Blob::of(&lab, 1000), repository(&server, "app"));
    server.uploads(Uploads {
        elsewhere: Some(storage.url("")),
        ..Uploads::default()
    });
    storage.rule(Rule::path("/blobs/uploads/").fault(Fault::status(201)));
    assert_eq!(blob.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
    let puts = storage.requests_for("/blobs/uploads/");
    assert_eq!(puts.len(), 1);
    assert_eq!(puts[0].body.len(), 1000);
    assert_eq!(puts[0].header("authorization"), None);

    // A redirect in the middle, too, and what comes back from there.
    server.uploads(Uploads::default());
    server.rule(
        Rule::path("/blobs/uploads/upload")
            .method("PUT")
            .fault(Fault::Redirect(307, storage.url("{path}"))),
    );
    let other = Blob::of(&lab, 1001);
    assert_eq!(other.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
    assert!(!storage.saw("authorization"));
    let evil = "http://169.254.169.254/latest";
    server.behave();
    server.rule(
        Rule::path("/blobs/uploads/")
            .method("POST")
            .fault(Fault::Answer(
                202,
                vec![("Location".to_owned(), evil.to_owned())],
                Vec::new(),
            )),
    );
    let third = Blob::of(&lab, 1002);
    let error = third.send(&lab, &app).await.expect_err("not asked");
    assert!(matches!(error, Error::Redirect { .. }), "{error:?}");
}
