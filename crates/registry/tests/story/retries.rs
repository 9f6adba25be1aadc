use std::time::Duration;

use registry::Error;
use testkit::{Fault, ImageBuilder, Registry, Rule};

use crate::lab::Lab;

fn setup() -> (Registry, Lab, oci::Reference) {
    let (server, lab) = (Registry::start(), Lab::new());
    let reference = server.push("app:1", &ImageBuilder::new().files([("/a", "1")]).build());
    (server, lab, reference)
}

#[tokio::test]
async fn failures_that_may_pass_are_waited_out() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (server, lab, reference) = setup();
        server.rule(
            Rule::path("/manifests/")
                .times(2)
                .fault(Fault::status(status)),
        );
        lab.client
            .resolve(&reference, &lab.heard)
            .await
            .unwrap_or_else(|error| panic!("{status}: {error}"));
        assert_eq!(lab.retries(), 2, "{status}");
    }
}

#[tokio::test]
async fn five_tries_are_all() {
    let (server, lab, reference) = setup();
    server.rule(Rule::path("/manifests/").fault(Fault::status(503)));
    let error = lab
        .client
        .resolve(&reference, &lab.heard)
        .await
        .expect_err("always 503");
    assert!(
        matches!(error, Error::Unavailable { status: 503, .. }),
        "{error:?}"
    );
    assert_eq!(server.requests_for("/manifests/").len(), 5);
    assert_eq!(lab.pauses.lock().expect("not poisoned").len(), 4);
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    for status in [400, 403, 404, 410] {
        let (server, lab, reference) = setup();
        server.rule(Rule::path("/manifests/").fault(Fault::status(status)));
        lab.client
            .resolve(&reference, &lab.heard)
            .await
            .expect_err("fails");
        assert_eq!(lab.retries(), 0, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured_up_to_two_minutes() {
    // The lab's clock stands at 2026-01-01.
    for (value, seconds) in [
        ("1", 1),
        ("120", 120),
        ("Thu, 01 Jan 2026 00:01:30 GMT", 90),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 0),
        ("soon", 0),
    ] {
        let (server, lab, reference) = setup();
        server.rule(
            Rule::path("/manifests/")
                .once()
                .fault(Fault::retry_after(429, value)),
        );
        lab.client
            .resolve(&reference, &())
            .await
            .expect("waits and goes on");
        let pause = lab.pauses.lock().expect("not poisoned")[0];
        let least = Duration::from_secs(seconds);
        assert!(
            pause >= least && pause <= least + Duration::from_secs(2),
            "{value}: {pause:?}"
        );
    }
}

#[tokio::test]
async fn a_longer_wait_is_the_callers_to_decide() {
    for value in ["121", "1000000000", "Thu, 01 Jan 2026 01:00:00 GMT"] {
        let (server, lab, reference) = setup();
        server.rule(Rule::path("/manifests/").fault(Fault::retry_after(429, value)));
        let error = lab
            .client
            .resolve(&reference, &lab.heard)
            .await
            .expect_err("too long");
        assert!(
            matches!(
                error,
                Error::RateLimited {
                    retry_after: Some(_),
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(
            error
                .retry_after()
                .is_some_and(|wait| wait > Duration::from_secs(120)),
            "{value}"
        );
        assert_eq!(lab.retries(), 0);
    }
}

#[tokio::test]
async fn the_registrys_words_reach_the_user_cleaned() {
    let (server, lab, reference) = setup();
    server.rule(Rule::path("/manifests/").fault(Fault::error(
        403,
        "DENIED",
        "not\u{1b}[31m today",
    )));
    let error = lab.refused(&reference).await;
    assert_eq!(
        error.to_string(),
        format!(
            "{0} denies access to {0}/app: not [31m today",
            server.host()
        )
    );
}

#[tokio::test]
async fn waiting_can_be_given_up_at_once() {
    let (server, _, reference) = setup();
    let lab = Lab::with(|options| {
        let clock = options.clock.clone();
        options.clock = clock.with_pause(|_| std::future::pending());
    });
    server.rule(Rule::path("/manifests/").fault(Fault::status(503)));
    let (client, heard) = (lab.client.clone(), lab.heard);
    let task = tokio::spawn(async move { client.resolve(&reference, &heard).await.map(|_| ()) });
    while server.requests_for("/manifests/").is_empty() {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.expect_err("aborted").is_cancelled());
}
