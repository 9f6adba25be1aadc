//! The real registry, filled by skopeo.

use oci::{Document, MediaType};
use registry::{CredentialUse, Error, Repository, TlsReason};
use serde_json::json;
use testkit::{
    DockerRegistry, DockerRegistryOptions, Image, ImageBuilder, IndexBuilder, Layer, Packing,
};

use crate::lab::Lab;

/// An index over two images with layers of every packing, and an attestation.
fn index() -> Image {
    let one = ImageBuilder::new()
        .layer(Layer::files([("/a", "1".repeat(300_000))]))
        .layer(Layer::files([("/b", "2")]).packed(Packing::Zstd))
        .layer(Layer::files([("/c", "3")]).packed(Packing::Plain))
        .build();
    let other = ImageBuilder::new()
        .platform("linux/arm64")
        .layer(Layer::files([("/a", "4")]).packed(Packing::GzipMembers(3)))
        .build();
    IndexBuilder::new().image(one).image(other).build()
}

async fn fetch_all(lab: &Lab, reference: &oci::Reference, image: &Image) {
    let repository = Repository::of(reference);
    let resolved = lab.client.resolve(reference, &()).await.expect("resolved");
    assert_eq!(resolved.bytes, image.root.bytes);
    let mut manifests = vec![resolved.document.clone()];
    if let Document::Index(index) = &resolved.document {
        manifests.clear();
        for descriptor in &index.manifests {
            manifests.push(
                lab.client
                    .manifest(&repository, descriptor, &())
                    .await
                    .expect("fetched")
                    .document,
            );
        }
    }
    for manifest in manifests {
        for descriptor in manifest.children() {
            let bytes = lab
                .download(&repository, descriptor)
                .await
                .expect("downloaded");
            assert!(
                bytes == image.blobs[&descriptor.digest],
                "{}",
                descriptor.digest
            );
        }
    }
}

#[tokio::test]
async fn an_index_and_all_below_it_arrive_byte_for_byte() {
    let (server, lab) = (DockerRegistry::plain(), Lab::new());
    let index = index();
    fetch_all(&lab, &server.push("team/app:1", &index), &index).await;
    let image = ImageBuilder::new().docker().files([("/a", "1")]).build();
    let reference = server.push("team/app:docker", &image);
    fetch_all(&lab, &reference, &image).await;
    let tags = lab
        .client
        .tags(&Repository::of(&reference), &())
        .await
        .expect("listed");
    // The registry's order is that of a folder.
    let mut tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
    tags.sort();
    assert_eq!(tags, ["1", "docker"]);

    let layer = &index.layers[0].descriptor;
    let stream = lab
        .client
        .blob(&Repository::of(&reference), layer, 10, &())
        .await
        .expect("opened");
    assert_eq!(stream.starts_at(), 10, "the real registry serves ranges");
    let error = lab
        .client
        .resolve(&server.reference("team/app:none"), &())
        .await
        .expect_err("no such tag");
    assert!(
        matches!(
            error,
            Error::NotFound {
                repository_unknown: false,
                ..
            }
        ),
        "{error:?}"
    );
    let error = lab
        .client
        .tags(&Repository::of(&server.reference("nobody/knows")), &())
        .await
        .expect_err("no such repository");
    assert!(
        matches!(
            error,
            Error::NotFound {
                repository_unknown: true,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        lab.client
            .resolve(&reference, &())
            .await
            .expect("resolved")
            .media_type,
        MediaType::DockerManifest
    );
}

#[tokio::test]
async fn a_login_by_password() {
    let login = Some(("alice".to_owned(), "s3cret".to_owned()));
    let server = DockerRegistry::start(&DockerRegistryOptions {
        login,
        ..Default::default()
    });
    let image = ImageBuilder::new().files([("/a", "1")]).build();
    let reference = server.push("app:1", &image);
    let file = json!({"auths": {server.host(): {"auth": "YWxpY2U6czNjcmV0"}}}).to_string();
    fetch_all(&Lab::with_login(&file), &reference, &image).await;
    let error = Lab::new()
        .client
        .resolve(&reference, &())
        .await
        .expect_err("not logged in");
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
    let wrong = file.replace("czNjcmV0", "czNjcmV1");
    let error = Lab::with_login(&wrong)
        .client
        .resolve(&reference, &())
        .await
        .expect_err("wrong password");
    assert!(
        matches!(
            error,
            Error::Unauthorized {
                credentials: CredentialUse::Sent,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn tls_by_an_authority_of_ones_own() {
    let server = DockerRegistry::start(&DockerRegistryOptions {
        tls: true,
        ..Default::default()
    });
    let image = ImageBuilder::new().files([("/a", "1")]).build();
    let reference = server.push("app:1", &image);

    let error = Lab::new()
        .client
        .resolve(&reference, &())
        .await
        .expect_err("nobody vouches for it");
    let Error::Tls {
        certificate: Some(certificate),
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(certificate.subject.as_deref(), Some("localhost"));
    assert_eq!(certificate.issuer.as_deref(), Some("testkit-authority"));
    assert!(error.to_string().contains("signed by testkit-authority"));
    assert!(error.to_string().contains(&certificate.fingerprint));
    assert!(
        matches!(
            error,
            Error::Tls {
                reason: TlsReason::UnknownIssuer,
                ..
            }
        ),
        "{error:?}"
    );
    fetch_all(
        &Lab::with(|options| options.ca_files.push(server.ca_file())),
        &reference,
        &image,
    )
    .await;
    fetch_all(
        &Lab::with(|options| options.tls_verify = false),
        &reference,
        &image,
    )
    .await;
    fetch_all(
        &Lab::with(|options| options.insecure_hosts.push(server.host())),
        &reference,
        &image,
    )
    .await;

    // docker's layout: DIR/host:port/ca.crt
    let lab = Lab::new();
    let folder = lab.folder().join(server.host());
    std::fs::create_dir(&folder).expect("made");
    std::fs::copy(server.ca_file(), folder.join("ca.crt")).expect("copied");
    let certs = lab.folder();
    // Of another program, which was told of the host and has nothing there.
    let empty = certs.join("other");
    std::fs::create_dir_all(empty.join(server.host())).expect("made");
    fetch_all(
        &lab.rebuild(|options| options.certs_dirs = vec![empty, certs]),
        &reference,
        &image,
    )
    .await;

    let lab = Lab::new();
    let empty = lab.write("empty.crt", "no certificate");
    let lab = lab.rebuild(|options| options.ca_files = vec![empty]);
    let error = lab
        .client
        .resolve(&reference, &())
        .await
        .expect_err("the file is useless");
    assert!(
        matches!(
            error,
            Error::Options(registry::OptionsError::Certificate { .. })
        ),
        "{error:?}"
    );
}

/// What `openssl req -x509` makes is an authority's certificate, which a server shows as its own.
#[tokio::test]
async fn tls_with_a_certificate_that_is_signed_by_itself() {
    let server = DockerRegistry::start(&DockerRegistryOptions {
        tls: true,
        self_signed: true,
        ..Default::default()
    });
    let image = ImageBuilder::new().files([("/a", "1")]).build();
    let reference = server.push("app:1", &image);
    let refused = async |lab: &Lab, reference: &oci::Reference| {
        let resolved = lab.client.resolve(reference, &()).await;
        match resolved.expect_err("nobody vouches for it") {
            Error::Tls {
                reason,
                certificate: Some(certificate),
                ..
            } => (reason, certificate),
            other => panic!("{other:?}"),
        }
    };
    let (reason, certificate) = refused(&Lab::new(), &reference).await;
    assert_eq!(reason, TlsReason::SelfSigned);
    assert_eq!(certificate.subject.as_deref(), Some("registry.corp"));
    assert!(certificate.to_string().contains("registry.corp's own"));

    let trusting = Lab::with(|options| options.ca_files.push(server.ca_file()));
    fetch_all(&trusting, &reference, &image).await;
    // It is trusted for the name that it is for, and no other is trusted with it.
    let by_number = server.host().replace("localhost", "127.0.0.1");
    let by_number = oci::Reference::parse_normalized(&format!("{by_number}/app:1"));
    let (reason, _) = refused(&trusting, &by_number.expect("a reference")).await;
    assert_eq!(reason, TlsReason::WrongName);
    let stranger = DockerRegistry::start(&DockerRegistryOptions {
        tls: true,
        self_signed: true,
        ..Default::default()
    });
    let (reason, _) = refused(&trusting, &stranger.reference("app:1")).await;
    assert_eq!(reason, TlsReason::SelfSigned);
}
