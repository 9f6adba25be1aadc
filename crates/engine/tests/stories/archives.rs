//! Archives that are not what they should be: a clear error, nothing half, nothing left. And what is kept of those that are.

mod unfinished;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use engine::{
    ArchiveSource, Compression, Error, Event, LoadRequest, Loaded, MovePolicy, NoProgress,
    Progress, SaveRequest, SaveStyle, SaveTarget, Selector,
};
use oci::{Algorithm, Digest, Hasher};
use serde_json::json;
use testkit::{Image, ImageBuilder, IndexBuilder, Layer, Packing};

use crate::lab::{Lab, check, open};

fn image() -> Image {
    ImageBuilder::new()
        .files([("etc/os-release", "ID=test\n")])
        .files([("app", "one")])
        .build()
}

/// The tar of an OCI layout with an image that is called `app:1`. Layers come last, as from most tools.
fn layout(image: &Image) -> Layer {
    let line = json!({
        "mediaType": image.root.media_type.as_str(),
        "digest": image.digest().as_str(),
        "size": image.root.bytes.len(),
        "annotations": {"io.containerd.image.name": "docker.io/library/app:1"},
    });
    let documents = image.children.iter().chain([&image.root]);
    let documents = documents.map(|document| (&document.digest, &document.bytes));
    documents.chain(&image.blobs).fold(
        Layer::new()
            .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
            .file(
                "index.json",
                json!({"schemaVersion": 2, "manifests": [line]}).to_string(),
            ),
        |tar, (digest, bytes)| tar.file(&blob(digest), bytes),
    )
}

fn blob(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// The tar of a docker-archive with one image of these plain or packed layers, whose config says these diff IDs.
fn docker(layers: &[(&str, Vec<u8>)], diff_ids: &[Digest]) -> Layer {
    let diff_ids: Vec<&str> = diff_ids.iter().map(Digest::as_str).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
    let manifest = json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": names}]);
    let tar = Layer::new()
        .file("config.json", config.to_string())
        .file("manifest.json", manifest.to_string());
    layers
        .iter()
        .fold(tar, |tar, (name, bytes)| tar.file(name, bytes))
}

fn from(source: ArchiveSource) -> LoadRequest {
    LoadRequest {
        source,
        chosen: None,
        platform: None,
        move_policy: MovePolicy::Move,
    }
}

impl Lab {
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    async fn load(&self, path: &Path) -> Result<Loaded, Error> {
        let request = from(ArchiveSource::Path(path.to_owned()));
        self.engine.load(request, &NoProgress).await
    }

    /// Loads bytes both ways, as a file and through a pipe, and returns the errors that both must end with.
    async fn both_refused(&self, bytes: &[u8]) -> [Error; 2] {
        let path = self.file("archive", bytes);
        let file = self.load(&path).await.unwrap_err();
        let stream = ArchiveSource::Stream(Box::new(io::Cursor::new(bytes.to_vec())));
        let stream = self.engine.load(from(stream), &NoProgress).await;
        [file, stream.unwrap_err()]
    }

    /// Nothing has come of it: no name, no image, no blob, no file on its way.
    async fn is_as_new(&self) {
        assert_eq!(self.names().await, Vec::<String>::new());
        self.has_only(&[]).await;
        self.check().await;
    }

    /// Waits until nothing but these blobs is there: threads that block stop at their next piece, and take what they wrote along.
    async fn has_only(&self, blobs: &[String]) {
        while !self.on_the_way().is_empty() || self.blobs() != blobs {
            tokio::task::yield_now().await;
        }
    }

    /// The blobs that are in the store's folder.
    fn blobs(&self) -> Vec<String> {
        let folder = self.store().join("blobs/sha256");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What lies in the store's folder for files on their way.
    fn on_the_way(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.store().join("ingest")).unwrap();
        entries
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.metadata().is_ok_and(|found| found.len() > 0))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

#[tokio::test]
async fn an_archive_that_is_cut_is_loaded_whole_or_not_at_all() {
    let lab = Lab::new().await;
    let whole = layout(&image()).tar();
    let mut loaded_at = None;
    for cut in (0..=whole.len()).step_by(whole.len() / 70) {
        let path = lab.file("archive", &whole[..cut]);
        match lab.load(&path).await {
            Ok(loaded) => {
                assert_eq!(loaded.images[0].target, *image().digest());
                loaded_at = Some(cut);
                break;
            }
            Err(error) => {
                assert!(
                    matches!(error.code(), "invalid_archive" | "not_found"),
                    "{cut}: {} {error}",
                    error.code()
                );
                assert_eq!(lab.names().await, Vec::<String>::new(), "{cut}");
                lab.has_only(&[]).await;
            }
        }
    }
    // The zeros that end a tar may be missing; what is in it may not.
    assert!(loaded_at.is_some_and(|cut| cut + 2048 > whole.len()));
    assert_eq!(lab.names().await, ["docker.io/library/app:1"]);
    lab.check().await;
}

#[tokio::test]
async fn a_blob_that_is_not_what_it_is_called_is_named() {
    let good = image();
    for position in 0..2 {
        // What is here whole is not read again, so each begins with nothing.
        let lab = Lab::new().await;
        let layer = good.layers[position].descriptor.digest.clone();
        let mut bad = good.clone();
        let bytes = bad.blobs.get_mut(&layer).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        for packing in [Packing::Plain, Packing::Gzip] {
            let bytes = layout(&bad).packed(packing).blob();
            for error in lab.both_refused(&bytes).await {
                assert_eq!(error.code(), "digest_mismatch", "{packing:?}: {error}");
                assert!(error.message().contains(&blob(&layer)), "{error}");
            }
        }
        lab.is_as_new().await;
    }
}

#[tokio::test]
async fn layers_that_cannot_be_read_are_refused_and_named() {
    let lab = Lab::new().await;
    let tar = Layer::files([("a", "1".repeat(50_000))]).tar();
    let diff_id = Digest::sha256(&tar);
    // In the middle of the compressed data: its digest is right, and is that of damaged data.
    let mut corrupt = Layer::of_tar(tar.clone()).blob();
    let middle = corrupt.len() / 2;
    corrupt[middle] ^= 0x55;
    let zeros = io::repeat(0).take(1_200_000_000);
    let bomb = zstd::encode_all(tar.as_slice().chain(zeros), 1).unwrap();
    for (layer, code) in [(corrupt, "corrupt_layer"), (bomb, "too_large")] {
        let archive = docker(&[("one.tar", layer)], std::slice::from_ref(&diff_id)).tar();
        for error in lab.both_refused(&archive).await {
            assert_eq!(error.code(), code, "{error}");
            assert!(error.message().contains("one.tar"), "{error}");
        }
    }
    lab.is_as_new().await;
}

#[tokio::test]
async fn diff_ids_may_be_sha512_also_where_the_archive_passes_by_once() {
    let tar = Layer::files([("a", "1")]).tar();
    let sha512 = |bytes: &[u8]| {
        let mut hasher = Hasher::new(Algorithm::Sha512);
        hasher.update(bytes);
        hasher.finish()
    };
    for packing in [Packing::Plain, Packing::Gzip] {
        let layer = Layer::of_tar(tar.clone()).packed(packing).blob();
        let archive = docker(&[("one.tar", layer.clone())], &[sha512(&tar)]).tar();
        let wrong = docker(&[("one.tar", layer)], &[sha512(b"something else")]).tar();
        for error in Lab::new().await.both_refused(&wrong).await {
            assert_eq!(error.code(), "digest_mismatch", "{error}");
            assert!(error.message().contains("one.tar"), "{error}");
        }
        for piped in [false, true] {
            let lab = Lab::new().await;
            let source = match piped {
                false => ArchiveSource::Path(lab.file("archive", &archive)),
                true => ArchiveSource::Stream(Box::new(io::Cursor::new(archive.clone()))),
            };
            lab.engine.load(from(source), &NoProgress).await.unwrap();
            let files = lab.engine.files(&Selector::from("app:1")).await.unwrap();
            assert_eq!(files.look(b"a").unwrap().size, 1);
            lab.check().await;
        }
    }
}

#[tokio::test]
async fn a_layer_that_two_images_name_by_two_algorithms_has_one_index() {
    let tar = Layer::files([("a", "1")]).tar();
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(&tar);
    let named = [Digest::sha256(&tar), hasher.finish()];
    for packing in [Packing::Plain, Packing::Gzip] {
        let layer = Layer::of_tar(tar.clone()).packed(packing).blob();
        let lab = Lab::new().await;
        // There and back: whichever comes second finds the other's.
        for diff_id in [&named[0], &named[1], &named[0]] {
            let archive = docker(&[("one.tar", layer.clone())], std::slice::from_ref(diff_id));
            let path = lab.file("archive", &archive.tar());
            lab.load(&path).await.unwrap();
            let files = lab.engine.files(&Selector::from("app:1")).await.unwrap();
            assert_eq!(files.look(b"a").unwrap().size, 1);
            lab.check().await;
        }
    }
}

/// Keeps what it heard of bytes that were read.
#[derive(Default)]
struct Counts(Mutex<Vec<Event>>);

impl Progress for Counts {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

#[tokio::test]
async fn a_comparison_with_an_archive_counts_the_bytes_that_it_reads() {
    let lab = Lab::new().await;
    let tar = layout(&image()).tar();
    for compressed in [false, true] {
        let bytes = match compressed {
            false => tar.clone(),
            true => zstd::encode_all(tar.as_slice(), 1).unwrap(),
        };
        let path = lab.file("archive", &bytes);
        let place = format!("oci-archive:{}", path.display()).parse().unwrap();
        let counts = Counts::default();
        let opened = lab.engine.open_image(&place, &counts).await.unwrap();
        let compared = lab.engine.compare(&opened, &opened, &counts).await.unwrap();
        assert_eq!(compared.comparison.files, []);
        let heard = counts.0.into_inner().unwrap();
        let wanted: u64 = heard
            .iter()
            .map(|event| match event {
                Event::Resolved { download_bytes, .. } => *download_bytes,
                _ => 0,
            })
            .sum();
        let sizes: u64 = opened.layers.iter().map(|layer| layer.size).sum();
        // Both images are read.
        assert_eq!(wanted, 2 * sizes, "{heard:?}");
        for layer in &opened.layers {
            let whole = Event::Fetched {
                digest: layer.digest.clone(),
                current: layer.size,
            };
            assert!(heard.contains(&whole), "{whole:?} in {heard:?}");
        }
        // What decompressing took is told, too.
        let passed = Event::Passed {
            current: bytes.len() as u64,
            total: Some(bytes.len() as u64),
        };
        assert_eq!(heard.contains(&passed), compressed, "{heard:?}");
    }
}

#[tokio::test]
async fn what_builders_say_about_an_image_is_kept_and_saved_as_it_came() {
    let lab = Lab::new().await;
    let index = IndexBuilder::new()
        .image(image())
        .attestation()
        .image(
            ImageBuilder::new()
                .files([("app", "arm")])
                .platform("linux/arm64")
                .build(),
        )
        .attestation()
        .build();
    let path = lab.file("archive.tar", &layout(&index).tar());
    lab.load(&path).await.unwrap();
    lab.check().await;
    let saved = lab.folder.path().join("saved.tar");
    let save = |engine: &engine::Engine, platforms: Vec<engine::Platform>| {
        let request = SaveRequest {
            images: vec![Selector::from("app:1")],
            style: SaveStyle::Docker,
            compression: Compression::None,
            platforms,
            target: SaveTarget::File(saved.clone()),
        };
        let engine = engine.clone();
        async move { engine.save(request, &NoProgress).await.unwrap() }
    };
    // Every blob that came goes out again, byte for byte.
    save(&lab.engine, Vec::new()).await;
    let written = std::fs::read(&saved).unwrap();
    let has = |bytes: &[u8]| written.windows(bytes.len()).any(|window| window == bytes);
    let documents = index.children.iter().chain([&index.root]);
    for bytes in documents
        .map(|document| &document.bytes)
        .chain(index.blobs.values())
    {
        assert!(
            has(bytes),
            "{}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(200)])
        );
    }
    // Loaded elsewhere and saved again, it is the same file; from a pipe as well.
    for piped in [false, true] {
        let other = open(&lab.folder.path().join(format!("other-{piped}"))).await;
        let source = match piped {
            false => ArchiveSource::Path(saved.clone()),
            true => ArchiveSource::Stream(Box::new(io::Cursor::new(written.clone()))),
        };
        other.load(from(source), &NoProgress).await.unwrap();
        check(&other).await;
        save(&other, Vec::new()).await;
        assert!(std::fs::read(&saved).unwrap() == written, "piped: {piped}");
    }
    // Of one platform its manifest goes alone, and nobody names what is said about it.
    save(&lab.engine, vec!["linux/arm64".parse().unwrap()]).await;
    let alone = std::fs::read(&saved).unwrap();
    assert!(!alone.windows(7).any(|window| window == b"in-toto"));
}
