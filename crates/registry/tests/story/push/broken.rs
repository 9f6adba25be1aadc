//! Uploads to a registry that breaks off wherever it is told.

use std::time::Duration;

use proptest::prelude::*;
use registry::Uploaded;
use testkit::{Cut, Fault, Registry, Rule, Uploads};

use super::{Blob, repository};
use crate::lab::Lab;

/// Cuts the first request that carries bytes at a place, and wants the blob to arrive all the same.
async fn cut_at(place: usize, size: usize, cut: Cut, uploads: Uploads) -> usize {
    let (server, lab) = (Registry::start(), Lab::new());
    server.uploads(uploads);
    let (blob, app) = (Blob::of(&lab, size), repository(&server, "app"));
    server.rule(
        Rule::path("/blobs/uploads/upload")
            .once()
            .fault(Fault::CutRequest(place, cut)),
    );
    let sent = blob.send(&lab, &app).await;
    assert_eq!(sent.expect("sent"), Uploaded::Sent, "cut at {place}");
    assert_eq!(
        server.blob("app", &blob.descriptor.digest),
        Some(blob.bytes())
    );
    let log = server.requests();
    let carrying = log.iter().filter(|request| request.status != 0);
    carrying.map(|request| request.body.len()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_upload_that_is_cut_anywhere_goes_on(
        place in 0_usize..=200_000,
        reset in any::<bool>(),
        forgets_cut in any::<bool>(),
        zero_range in any::<bool>(),
    ) {
        let cut = if reset { Cut::Reset } else { Cut::Close };
        let uploads = Uploads { forgets_cut, zero_range, ..Uploads::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let again = runtime.block_on(cut_at(place, 200_000, cut, uploads));
        let resumed = !forgets_cut && place > 1;
        if resumed {
            prop_assert_eq!(again, 200_000 - place, "only what was missing");
        } else {
            prop_assert!(again <= 200_000);
        }
    }
}

#[tokio::test]
async fn pieces_are_as_large_as_the_registry_wants_and_where_it_takes_none_everything_goes_again() {
    for uploads in [
        Uploads {
            least_piece: Some(150_000),
            ..Uploads::default()
        },
        Uploads {
            no_pieces: true,
            ..Uploads::default()
        },
    ] {
        cut_at(100_000, 400_000, Cut::Reset, uploads).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_no_second_upload() {
    let (server, lab) = (Registry::start(), Lab::new());
    let (blob, app) = (Blob::of(&lab, 1000), repository(&server, "app"));
    server.rule(
        Rule::path("/blobs/uploads/upload")
            .once()
            .fault(Fault::Cut(None, Cut::Close)),
    );
    assert_eq!(blob.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
    assert_eq!(server.requests_for("/blobs/uploads/upload-2").len(), 0);
}

#[tokio::test]
async fn a_busy_registry_is_asked_again_with_the_body_from_its_beginning() {
    let (server, lab) = (Registry::start(), Lab::new());
    let (blob, app) = (Blob::of(&lab, 100_000), repository(&server, "app"));
    server.rule(
        Rule::path("/blobs/uploads/upload")
            .method("PUT")
            .once()
            .fault(Fault::retry_after(429, "7")),
    );
    server.rule(
        Rule::path("/blobs/uploads/")
            .method("POST")
            .once()
            .fault(Fault::status(503)),
    );
    assert_eq!(blob.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
    assert_eq!(lab.retries(), 2);
    let pauses = lab.pauses.lock().expect("not poisoned").clone();
    assert!(pauses.iter().any(|pause| *pause >= Duration::from_secs(7)));
}

#[tokio::test]
async fn a_push_that_is_dropped_is_taken_back() {
    let (server, lab) = (Registry::start(), Lab::new());
    let (blob, app) = (Blob::of(&lab, 1000), repository(&server, "app"));
    server.rule(
        Rule::path("/blobs/uploads/upload")
            .method("PUT")
            .fault(Fault::Stall(None)),
    );
    {
        let mut sending = Box::pin(blob.send(&lab, &app));
        while server.requests_for("/blobs/uploads/upload").is_empty() {
            drop(tokio::time::timeout(Duration::from_millis(5), &mut sending).await);
        }
    }
    while server
        .requests()
        .iter()
        .all(|request| request.method != "DELETE")
    {
        tokio::task::yield_now().await;
    }
}
