//! Pushes to the real registry.

use bytes::Bytes;
use registry::{Repository, Uploaded};
use testkit::{DockerRegistry, DockerRegistryOptions, ImageBuilder};

use super::{Blob, PASSWORD, login};
use crate::lab::Lab;

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
