//! What the writer makes, and that the reader takes it.

use std::collections::BTreeMap;
use std::io::Cursor;

use archive::{Compression, Error, Format, SavedImage, SavedManifest, Style, Writer};
use oci::Digest;
use testkit::Image;

use crate::lab::{image, read};

fn blobs(images: &[&Image]) -> BTreeMap<Digest, Vec<u8>> {
    let mut blobs = BTreeMap::new();
    for image in images {
        blobs.extend(image.blobs.clone());
        blobs.insert(image.digest().clone(), image.root.bytes.clone());
    }
    blobs
}

fn saved(image: &Image, names: &[&str]) -> SavedImage {
    SavedImage {
        target: image.root.descriptor(),
        names: names
            .iter()
            .map(|name| name.parse().expect("a name"))
            .collect(),
        label: None,
        shown: Some(SavedManifest {
            config: image.config.clone(),
            layers: image
                .layers
                .iter()
                .map(|layer| layer.descriptor.digest.clone())
                .collect(),
        }),
    }
}

fn write(
    compression: Compression,
    style: Style,
    images: &[SavedImage],
    blobs: &BTreeMap<Digest, Vec<u8>>,
) -> Result<(Vec<u8>, u64), Error> {
    let sizes = blobs
        .iter()
        .map(|(digest, bytes)| (digest.clone(), bytes.len() as u64))
        .collect();
    let writer = Writer::new(Vec::new(), compression, style, images, sizes)?;
    let total = writer.total();
    let bytes = writer.write(
        |digest| Ok::<_, Error>(Cursor::new(blobs[digest].clone())),
        |_| Ok(()),
    )?;
    Ok((bytes, total))
}

#[test]
fn what_is_written_reads_as_it_was_and_is_the_same_every_time() {
    let (one, two) = (image("one"), image("two"));
    let blobs = blobs(&[&one, &two]);
    let images = [
        saved(&two, &[]),
        saved(&one, &["app:2", "app:1", "team/app:1"]),
    ];
    let (bytes, total) = write(Compression::None, Style::Docker, &images, &blobs).expect("writes");
    assert_eq!(bytes.len() as u64, total);
    let contents = read(&bytes).expect("reads");
    assert_eq!(contents.format, Format::OciAndDocker);
    let found: Vec<_> = contents
        .images
        .iter()
        .map(|image| (image.target.clone(), image.names.len()))
        .collect();
    assert_eq!(
        found,
        [
            (Some(one.digest().clone()), 3),
            (Some(two.digest().clone()), 0)
        ]
    );
    let turned: Vec<SavedImage> = images.iter().rev().cloned().collect();
    let again = write(Compression::None, Style::Docker, &turned, &blobs).expect("writes");
    assert_eq!(again.0, bytes);

    let (oci, _) = write(Compression::Zstd, Style::Oci, &images, &blobs).expect("writes");
    assert_eq!(read(&oci).expect("reads").format, Format::OciTar);
}

#[test]
fn a_blob_that_is_not_what_it_should_be_ends_it() {
    let one = image("one");
    let images = [saved(&one, &["app:1"])];
    let mut damaged = blobs(&[&one]);
    let layer = one.layers[0].descriptor.digest.clone();
    damaged.get_mut(&layer).expect("is there")[20] ^= 1;
    let error = write(Compression::None, Style::Docker, &images, &damaged).expect_err("is damaged");
    assert!(
        matches!(&error, Error::DigestMismatch { expected, .. } if *expected == layer),
        "{error}"
    );
}

#[test]
fn names_of_sha_512_are_longer_than_a_header() {
    let content = b"named by another algorithm".to_vec();
    let mut hasher = oci::Hasher::new(oci::Algorithm::Sha512);
    hasher.update(&content);
    let digest = hasher.finish();
    let one = image("one");
    let mut blobs = blobs(&[&one]);
    blobs.insert(digest.clone(), content);
    let (bytes, total) = write(
        Compression::None,
        Style::Oci,
        &[saved(&one, &["app:1"])],
        &blobs,
    )
    .expect("writes");
    assert_eq!(bytes.len() as u64, total);
    let mut passage = archive::Passage::new(Cursor::new(bytes)).expect("is a tar");
    let mut names = Vec::new();
    while let Some(member) = passage.next_member().expect("reads") {
        names.push(member.name);
    }
    assert!(names.contains(&crate::lab::blob(&digest)), "{names:?}");
}
