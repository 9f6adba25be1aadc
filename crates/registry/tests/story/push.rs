//! Sending blobs and manifests.

mod broken;
mod real;
mod rights;

use std::fs::File;
use std::sync::Mutex;

use oci::{Descriptor, Digest, MediaType};
use registry::{Error, FileSource, Repository, Upload, Uploaded, What};
use serde_json::json;
use testkit::{Fault, Registry, Rule, Uploads};

use crate::lab::Lab;

const PASSWORD: &str = "s3cret-marker";

fn login(host: &str) -> String {
    json!({"auths": {host: {"username": "alice", "password": PASSWORD}}}).to_string()
}

/// A blob in a file of the lab.
struct Blob {
    descriptor: Descriptor,
    path: std::path::PathBuf,
}

impl Blob {
    fn of(lab: &Lab, size: usize) -> Self {
        let bytes: Vec<u8> = (0..size)
            .map(|at| u8::try_from(at * 7 % 251).expect("small"))
            .collect();
        let digest = Digest::sha256(&bytes);
        let path = lab.folder().join(format!("blob-{size}"));
        std::fs::write(&path, &bytes).expect("written");
        let descriptor = Descriptor::new(MediaType::OciLayer, digest, size as u64);
        Self { descriptor, path }
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("read")
    }

    async fn send(&self, lab: &Lab, repository: &Repository) -> Result<Uploaded, Error> {
        self.send_from(lab, repository, None).await
    }

    async fn send_from(
        &self,
        lab: &Lab,
        repository: &Repository,
        mount_from: Option<&Repository>,
    ) -> Result<Uploaded, Error> {
        let path = self.path.clone();
        let source = FileSource::new(self.descriptor.digest.clone(), move || File::open(&path));
        let upload = Upload {
            repository,
            descriptor: &self.descriptor,
            source: &source,
            mount_from,
            known_missing: false,
        };
        let seen = Mutex::new(Vec::new());
        let progress = |sent| seen.lock().expect("not poisoned").push(sent);
        let uploaded = lab.client.upload(&upload, &progress, &lab.heard).await;
        for sent in seen.into_inner().expect("not poisoned") {
            assert!(sent <= self.descriptor.size, "{sent}");
        }
        uploaded
    }
}

fn repository(server: &Registry, name: &str) -> Repository {
    Repository::of(&server.reference(name))
}

#[tokio::test]
async fn a_blob_goes_whole_in_one_request_and_once() {
    let (server, lab) = (Registry::start(), Lab::new());
    let (blob, app) = (Blob::of(&lab, 3_000_000), repository(&server, "team/app"));
    assert_eq!(blob.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
    assert_eq!(
        server.blob("team/app", &blob.descriptor.digest),
        Some(blob.bytes())
    );
    let puts = server.requests_for("/blobs/uploads/upload-1");
    assert_eq!(puts.len(), 1);
    assert_eq!(puts[0].method, "PUT");
    assert_eq!(puts[0].header("content-length"), Some("3000000"));
    assert_eq!(
        puts[0].header("content-range"),
        None,
        "some registries refuse it where everything comes"
    );
    assert!(puts[0].path.contains("_state=0&sig=a%2Fb&digest=sha256%3A"));
    assert_eq!(
        blob.send(&lab, &app).await.expect("sent"),
        Uploaded::Existing
    );
    assert_eq!(server.requests_for("/blobs/uploads/").len(), 2);
    let empty = Blob::of(&lab, 0);
    assert_eq!(empty.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
}

#[tokio::test]
async fn a_blob_is_mounted_from_a_repository_that_has_it() {
    let (server, lab) = (Registry::start(), Lab::new());
    let blob = Blob::of(&lab, 1000);
    let (base, app) = (repository(&server, "base"), repository(&server, "app"));
    server.push_blob("base", blob.bytes());
    let mounted = blob.send_from(&lab, &app, Some(&base)).await;
    assert_eq!(mounted.expect("mounted"), Uploaded::Mounted);
    assert!(server.blob("app", &blob.descriptor.digest).is_some());
    assert_eq!(server.requests_for("upload-1").len(), 0);

    // It is not there any more: the session that was begun instead is used.
    let other = Blob::of(&lab, 1001);
    let sent = other.send_from(&lab, &app, Some(&base)).await;
    assert_eq!(sent.expect("sent"), Uploaded::Sent);
    // Who may not read there sends.
    let third = Blob::of(&lab, 1002);
    server.rule(Rule::path("mount=").fault(Fault::status(403)));
    let sent = third.send_from(&lab, &app, Some(&base)).await;
    assert_eq!(sent.expect("sent"), Uploaded::Sent);
    // Another registry is not asked for it.
    let fourth = Blob::of(&lab, 1003);
    let elsewhere = Registry::start();
    let sent = fourth
        .send_from(&lab, &repository(&elsewhere, "app"), Some(&base))
        .await;
    assert_eq!(sent.expect("sent"), Uploaded::Sent);
    assert_eq!(elsewhere.requests_for("mount=").len(), 0);
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test]
async fn what_cannot_succeed_is_said_and_taken_back() {
    let (server, lab) = (Registry::start(), Lab::new());
    let (blob, app) = (Blob::of(&lab, 1000), repository(&server, "app"));
    let put = || Rule::path("/blobs/uploads/upload").method("PUT");
    server.rule(put().fault(Fault::error(413, "SIZE_INVALID", "the quota is used up")));
    let error = blob.send(&lab, &app).await.expect_err("refused");
    assert!(
        matches!(error, Error::Rejected { status: 413, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("the quota is used up"));
    assert_eq!(server.open_uploads(), 0, "the upload was taken back");

    server.behave();
    server.uploads(Uploads {
        read_only: true,
        ..Uploads::default()
    });
    let error = blob.send(&lab, &app).await.expect_err("read-only");
    assert!(
        matches!(
            error,
            Error::NotOffered {
                what: What::Upload(_),
                ..
            }
        ),
        "{error:?}"
    );
    server.uploads(Uploads::default());

    // The file is another one by now.
    std::fs::write(&blob.path, vec![b'x'; 1000]).expect("written");
    let error = blob.send(&lab, &app).await.expect_err("other bytes");
    assert!(matches!(error, Error::WrongBytes { .. }), "{error:?}");
    std::fs::write(&blob.path, b"short").expect("written");
    let error = blob.send(&lab, &app).await.expect_err("too short");
    assert!(matches!(error, Error::Source { .. }), "{error:?}");
    assert_eq!(server.open_uploads(), 0);
}
