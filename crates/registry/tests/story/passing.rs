//! Blobs that pass from one registry into another.

use oci::{Descriptor, Digest, MediaType};
use registry::{Error, RemoteSource, Repository, Upload, Uploaded};
use testkit::{Cut, Fault, Registry, Rule};

use crate::lab::Lab;

const SIZE: usize = 4_000_000;

struct Way {
    from: Registry,
    to: Registry,
    lab: Lab,
    blob: Descriptor,
}

impl Way {
    fn new() -> Self {
        let bytes: Vec<u8> = (0..SIZE)
            .map(|at| u8::try_from(at * 7 % 251).expect("small"))
            .collect();
        let from = Registry::start();
        let digest = from.push_blob("app", bytes);
        Self {
            from,
            to: Registry::start(),
            lab: Lab::new(),
            blob: Descriptor::new(MediaType::OciLayer, digest, SIZE as u64),
        }
    }

    async fn pass(&self) -> Result<Uploaded, Error> {
        let origin = Repository::of(&self.from.reference("app"));
        let target = Repository::of(&self.to.reference("app"));
        let source = RemoteSource::new(self.lab.client.clone(), origin, self.blob.clone());
        let upload = Upload {
            repository: &target,
            descriptor: &self.blob,
            source: &source,
            mount_from: None,
            known_missing: true,
        };
        self.lab
            .client
            .upload(&upload, &|_| {}, &self.lab.heard)
            .await
    }

    fn arrived(&self) -> Option<Digest> {
        let bytes = self.to.blob("app", &self.blob.digest);
        bytes.map(|bytes| Digest::sha256(&bytes))
    }
}

fn source() -> Rule {
    Rule::path("/blobs/sha256").method("GET")
}

/// Where the request that carries bytes is cut.
fn cut(place: usize) -> Rule {
    Rule::path("/blobs/uploads/upload")
        .once()
        .fault(Fault::CutRequest(place, Cut::Reset))
}

#[tokio::test]
async fn other_bytes_than_were_named_never_become_whole_there() {
    for place in [0, SIZE / 2, SIZE - 1] {
        let way = Way::new();
        way.from.rule(source().fault(Fault::Flip(place)));
        let error = way.pass().await.expect_err("damaged");
        assert!(
            matches!(&error, Error::DigestMismatch { host, .. } if *host == way.from.host()),
            "who sent them is named: {error:?}"
        );
        assert_eq!(way.arrived(), None);
        let sent = way.to.requests_for("/blobs/uploads/upload");
        assert!(
            sent.iter().all(|request| request.body.len() < SIZE),
            "the last bytes were held back"
        );
        assert_eq!(way.to.open_uploads(), 0);
    }
}

#[tokio::test]
async fn bytes_that_were_wrong_once_pass_at_the_second_try() {
    let way = Way::new();
    way.from.rule(source().once().fault(Fault::Flip(SIZE / 2)));
    assert_eq!(way.pass().await.expect("sent"), Uploaded::Sent);
    assert_eq!(way.arrived().as_ref(), Some(&way.blob.digest));
}

#[tokio::test]
async fn hashing_goes_on_where_a_line_broke() {
    for (place, ignores_range) in [
        (1, false),
        (1_500_000, false),
        (SIZE - 1, false),
        (2_500_000, true),
    ] {
        let way = Way::new();
        way.to.rule(cut(place));
        if ignores_range {
            way.from.rule(source().fault(Fault::IgnoreRange));
        }
        assert_eq!(way.pass().await.expect("sent"), Uploaded::Sent, "{place}");
        assert_eq!(way.arrived().as_ref(), Some(&way.blob.digest), "{place}");
    }
    // What comes after the break is judged together with what came before it.
    let way = Way::new();
    way.to.rule(cut(2_500_000));
    way.from
        .rule(source().after(1).fault(Fault::Flip(1_000_000)));
    let error = way.pass().await.expect_err("damaged");
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    assert_eq!(way.arrived(), None);
}
