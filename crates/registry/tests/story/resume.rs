use std::time::Duration;

use futures_util::StreamExt as _;
use oci::{Descriptor, Digest, MediaType};
use registry::{Error, Phase, Repository};
use testkit::{Cut, Fault, Registry, Rule};

use crate::lab::Lab;

/// A blob of a size that several reads are needed for, with every byte telling its place.
fn content() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

struct Setup {
    server: Registry,
    lab: Lab,
    repository: Repository,
    descriptor: Descriptor,
    content: Vec<u8>,
}

fn setup() -> Setup {
    let (server, lab, content) = (Registry::start(), Lab::new(), content());
    let digest = server.push_blob("app", content.clone());
    let repository = Repository::of(&server.reference("app"));
    let descriptor = Descriptor::new(MediaType::OciLayer, digest, content.len() as u64);
    Setup {
        server,
        lab,
        repository,
        descriptor,
        content,
    }
}

impl Setup {
    async fn download(&self) -> Result<Vec<u8>, Error> {
        self.lab.download(&self.repository, &self.descriptor).await
    }

    fn ranges(&self) -> Vec<Option<String>> {
        self.server
            .requests_for("/blobs/")
            .iter()
            .map(|request| request.header("range").map(str::to_owned))
            .collect()
    }
}

#[tokio::test]
async fn a_cut_connection_goes_on_where_it_was_cut() {
    let size = content().len();
    let places = (0..=8).map(|part| size * part / 8).chain([1, size - 1]);
    for at in places {
        for cut in [Cut::Reset, Cut::Close] {
            let setup = setup();
            setup.server.rule(
                Rule::path("/blobs/")
                    .once()
                    .fault(Fault::Cut(Some(at), cut)),
            );
            assert!(
                setup.download().await.expect("whole") == setup.content,
                "{at} {cut:?}"
            );
            let ranges = setup.ranges();
            assert_eq!(ranges[0], None);
            // A reset may also throw away what had arrived.
            if cut == Cut::Close && at > 0 && at < size {
                assert_eq!(ranges[1..], [Some(format!("bytes={at}-"))], "{at}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_is_opened_again() {
    let setup = setup();
    setup.server.rule(
        Rule::path("/blobs/")
            .times(3)
            .fault(Fault::Cut(None, Cut::Reset)),
    );
    assert!(setup.download().await.expect("whole") == setup.content);
    assert_eq!(setup.lab.retries(), 3);
}

#[tokio::test]
async fn progress_however_small_keeps_a_download_alive() {
    let setup = setup();
    for _ in 0..30 {
        setup.server.rule(
            Rule::path("/blobs/")
                .once()
                .fault(Fault::Cut(Some(10_000), Cut::Close)),
        );
    }
    assert!(setup.download().await.expect("whole") == setup.content);
    assert_eq!(setup.server.requests().len(), 31);
}

#[tokio::test]
async fn no_progress_is_given_up_after_five_tries() {
    let setup = setup();
    setup.server.rule(
        Rule::path("/blobs/")
            .fault(Fault::IgnoreRange)
            .fault(Fault::Cut(Some(10_000), Cut::Close)),
    );
    let error = setup.download().await.expect_err("never gets further");
    assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    assert_eq!(
        setup.server.requests().len(),
        5,
        "the first got somewhere, none of the others further"
    );
}

#[tokio::test]
async fn an_offset_is_asked_for_and_the_answer_believed_only_if_it_fits() {
    let setup = setup();
    let size = setup.descriptor.size;
    for (fault, starts_at) in [
        (None, 100),
        (Some(Fault::IgnoreRange), 0),
        (
            Some(Fault::ContentRange(format!("bytes 99-{}/{size}", size - 1))),
            0,
        ),
        (
            Some(Fault::ContentRange(format!(
                "bytes 100-{}/{}",
                size - 1,
                size + 1
            ))),
            0,
        ),
        (Some(Fault::ContentRange("nonsense".into())), 0),
        (Some(Fault::WithoutHeader("Content-Range".into())), 0),
        (Some(Fault::status(416)), 0),
    ] {
        setup.server.behave();
        if let Some(fault) = fault.clone() {
            setup.server.rule(Rule::path("/blobs/").once().fault(fault));
        }
        let stream = setup
            .lab
            .client
            .blob(&setup.repository, &setup.descriptor, 100, &())
            .await
            .expect("opened");
        assert_eq!(stream.starts_at(), starts_at, "{fault:?}");
        let chunks: Vec<_> = stream.collect().await;
        let bytes: Vec<u8> = chunks
            .into_iter()
            .flat_map(|chunk| chunk.expect("whole"))
            .collect();
        assert!(
            bytes == setup.content[usize::try_from(starts_at).expect("small")..],
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_asked_for_nothing() {
    let setup = setup();
    let size = setup.descriptor.size;
    let stream = setup
        .lab
        .client
        .blob(&setup.repository, &setup.descriptor, size, &())
        .await
        .expect("opened");
    assert_eq!(stream.starts_at(), size);
    assert_eq!(stream.count().await, 0);
    let empty = Descriptor::new(MediaType::OciLayer, Digest::sha256(b""), 0);
    assert_eq!(
        setup
            .lab
            .client
            .read_blob(&setup.repository, &empty, 0, &())
            .await
            .expect("read"),
        ""
    );
    assert!(setup.server.requests().is_empty());
    let beyond = setup
        .lab
        .client
        .blob(&setup.repository, &setup.descriptor, size + 1, &())
        .await
        .expect("opened");
    assert_eq!(
        beyond.starts_at(),
        0,
        "more than there is cannot be a part of it"
    );
}

#[tokio::test]
async fn lengths_that_do_not_fit_are_refused() {
    let size = content().len() as u64;
    for wrong in [size - 1, size + 1] {
        let mut setup = setup();
        setup.descriptor.size = wrong;
        match setup.download().await {
            Err(Error::SizeMismatch {
                expected, found, ..
            }) => assert_eq!((expected, found), (wrong, Some(size))),
            other => panic!("{wrong}: {:?}", other.map(|bytes| bytes.len())),
        }
        assert_eq!(setup.server.requests().len(), 2, "once more, then no");
    }
    for length in ["0", "-1", "9223372036854775808", "1 2"] {
        let setup = setup();
        setup
            .server
            .rule(Rule::path("/blobs/").fault(Fault::Length(length.into())));
        setup.download().await.expect_err(length);
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_as_good_as_any() {
    for fault in [Fault::NoLength, Fault::Chunked] {
        let setup = setup();
        setup
            .server
            .rule(Rule::path("/blobs/").fault(fault.clone()));
        assert!(
            setup.download().await.expect("whole") == setup.content,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_left_after_its_last_byte() {
    let setup = setup();
    setup
        .server
        .rule(Rule::path("/blobs/").fault(Fault::Endless));
    let stream = setup
        .lab
        .client
        .blob(&setup.repository, &setup.descriptor, 0, &())
        .await
        .expect("opened");
    let chunks: Vec<_> = stream.collect().await;
    let whole: usize = chunks.iter().flatten().map(bytes::Bytes::len).sum();
    assert!(whole <= setup.content.len());
    assert!(
        matches!(
            chunks.last(),
            Some(Err(Error::SizeMismatch { found: None, .. }))
        ),
        "{:?}",
        chunks.last()
    );
}

#[tokio::test]
async fn bytes_after_the_last_one_are_refused_also_in_the_same_piece() {
    for fault in [Fault::NoLength, Fault::Chunked] {
        let (server, lab) = (Registry::start(), Lab::new());
        let digest = server.push_blob("app", "content");
        server.rule(
            Rule::path("/blobs/")
                .fault(Fault::Body(b"content and more".to_vec()))
                .fault(fault),
        );
        let repository = Repository::of(&server.reference("app"));
        let descriptor = Descriptor::new(MediaType::OciLayer, digest, 7);
        let error = lab.download(&repository, &descriptor).await;
        let error = error.expect_err("more than there is");
        assert!(
            matches!(error, Error::SizeMismatch { found: None, .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_content_encoding_that_was_not_asked_for_changes_nothing() {
    let setup = setup();
    setup
        .server
        .rule(Rule::path("/blobs/").fault(Fault::Header("Content-Encoding".into(), "gzip".into())));
    assert!(setup.download().await.expect("whole") == setup.content);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_asked_again() {
    // A busy machine may be silent as long as the server is: then it is told again, with more patience.
    let mut told = Vec::new();
    for patience in [500, 2000, 8000].map(Duration::from_millis) {
        let mut setup = setup();
        setup.lab = Lab::impatient(patience);
        let once = |fault| Rule::path("/blobs/").once().fault(fault);
        setup.server.rule(once(Fault::Stall(Some(5000))));
        setup.server.rule(once(Fault::Stall(None)));
        let whole = setup.download().await;
        let rest = Some("bytes=5000-".to_owned());
        let asked_again = setup.ranges() == [None, rest.clone(), rest];

        let always = Rule::path("/blobs/").fault(Fault::Stall(Some(0)));
        setup.server.rule(always);
        let error = setup.download().await.expect_err("silent for ever");
        let phase = match error {
            Error::Timeout { phase, .. } => Some(phase),
            _ => None,
        };
        if whole.is_ok_and(|whole| whole == setup.content)
            && asked_again
            && phase == Some(Phase::Body)
        {
            return;
        }
        told.push((patience, setup.ranges(), phase));
    }
    panic!("{told:?}");
}

#[tokio::test]
async fn a_small_blob_is_verified_and_fetched_once_more_if_it_is_wrong() {
    let setup = setup();
    setup
        .server
        .rule(Rule::path("/blobs/").once().fault(Fault::Flip(7)));
    let read = || {
        setup
            .lab
            .client
            .read_blob(&setup.repository, &setup.descriptor, 1 << 20, &())
    };
    assert!(read().await.expect("right the second time") == setup.content);
    setup
        .server
        .rule(Rule::path("/blobs/").fault(Fault::Flip(7)));
    setup.server.clear_log();
    let error = read().await.expect_err("wrong bytes");
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    assert_eq!(setup.server.requests().len(), 2);
}
