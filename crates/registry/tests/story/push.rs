//! Sending blobs and manifests, to a registry that breaks off wherever it is told.

use std::fs::File;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use oci::{Descriptor, Digest, MediaType};
use proptest::prelude::*;
use registry::{CredentialUse, Error, FileSource, Repository, Upload, Uploaded, What};
use serde_json::json;
use testkit::{
    Bearer, Cut, DockerRegistry, DockerRegistryOptions, Fault, ImageBuilder, Registry, Rule,
    Uploads,
};

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

#[tokio::test]
async fn the_real_registry_takes_everything() {
    let login_pair = Some(("alice".to_owned(), PASSWORD.to_owned()));
    for options in [
        DockerRegistryOptions::default(),
        DockerRegistryOptions {
            login: login_pair,
            tls: true,
            ..DockerRegistryOptions::default()
        },
    ] {
        let server = DockerRegistry::start(&options);
        let lab = Lab::with_login(&login(&server.host()));
        let file = lab.write("config.json", &login(&server.host()));
        let lab = lab.rebuild(|made| {
            made.credentials.files.push(file);
            if options.tls {
                made.ca_files.push(server.ca_file());
            }
        });
        let image = ImageBuilder::new()
            .files([("/a", "1".repeat(300_000))])
            .files([("/b", "2")])
            .build();
        let reference = server.reference("team/app:1");
        let app = Repository::of(&reference);
        lab.client
            .may_push(&app, &lab.heard)
            .await
            .expect("allowed");
        let parts = image.layers.iter().map(|layer| layer.descriptor.clone());
        for descriptor in parts.chain([image.config_descriptor()]) {
            let path = lab.folder().join(descriptor.digest.hex());
            std::fs::write(&path, &image.blobs[&descriptor.digest]).expect("written");
            let blob = Blob { descriptor, path };
            assert_eq!(blob.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
            assert_eq!(
                blob.send(&lab, &app).await.expect("sent"),
                Uploaded::Existing
            );
            let other = Repository::of(&server.reference("other/app:1"));
            let mounted = blob.send_from(&lab, &other, Some(&app)).await;
            assert_eq!(mounted.expect("mounted"), Uploaded::Mounted);
        }
        let bytes = Bytes::from(image.root.bytes.clone());
        lab.client
            .publish(
                &app,
                &image.root.descriptor(),
                reference.tag(),
                &bytes,
                &lab.heard,
            )
            .await
            .expect("published");
        let named = lab.client.named(&reference, &lab.heard).await;
        assert_eq!(
            named.expect("named").digest.as_ref(),
            Some(image.digest()),
            "byte for byte"
        );
        let resolved = lab.client.resolve(&reference, &lab.heard).await;
        assert_eq!(resolved.expect("resolved").bytes, image.root.bytes);
    }
}

/// Stands between a client and a server, and cuts its connections after so many bytes from the client, each once.
fn cutting_proxy(server: String, cuts: Vec<u64>) -> String {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        let mut cuts = cuts.into_iter();
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            let mut upstream = TcpStream::connect(&server).expect("the registry");
            let mut left = cuts.next().unwrap_or(u64::MAX);
            let (mut back, mut from) = (
                client.try_clone().expect("cloned"),
                upstream.try_clone().expect("cloned"),
            );
            std::thread::spawn(move || {
                drop(std::io::copy(&mut from, &mut back));
                drop(back.shutdown(Shutdown::Both));
            });
            std::thread::spawn(move || {
                let mut piece = vec![0; 64 * 1024];
                while let Ok(count) = client.read(&mut piece) {
                    left = left.saturating_sub(count as u64);
                    if count == 0 || left == 0 || upstream.write_all(&piece[..count]).is_err() {
                        break;
                    }
                }
                drop(upstream.shutdown(Shutdown::Both));
                drop(client.shutdown(Shutdown::Both));
            });
        }
    });
    address
}

#[tokio::test]
async fn the_real_registry_gets_it_all_however_often_the_line_breaks() {
    let (server, lab) = (DockerRegistry::plain(), Lab::new());
    let blob = Blob::of(&lab, 45_000_000);
    let proxy = cutting_proxy(
        server.host(),
        vec![u64::MAX, 20_000_000, 10_000_000, 40_000_000],
    );
    let reference = oci::Reference::parse_normalized(&format!("{proxy}/team/app:1"));
    let app = Repository::of(&reference.expect("a reference"));
    assert_eq!(blob.send(&lab, &app).await.expect("sent"), Uploaded::Sent);
    assert!(lab.retries() >= 2);
    let there = Repository::of(&server.reference("team/app:1"));
    let bytes = lab.download(&there, &blob.descriptor).await;
    assert!(bytes.expect("downloaded") == blob.bytes());
}
