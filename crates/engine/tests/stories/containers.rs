//! Working containers: what is changed is what is committed, and nothing else.

mod commits;
mod copies;
mod edits;
mod model;
mod refusals;

use std::io::Read as _;
use std::path::Path;

use engine::{
    Container, ContainerEdit, CreateRequest, Engine, FileChange, FileKind, FileQuery, ImageFiles,
    Selector,
};
use layer::{Decompressor, EntryKind, FileIndex};
use serde_json::Value;
use testkit::{Image, ImageBuilder, Layer};

use crate::lab::Lab;

pub(super) fn image() -> Image {
    ImageBuilder::new()
        .layer(
            Layer::new()
                .folder("etc")
                .file("etc/passwd", "root:x:0:0\n")
                .file("etc/motd", "hello\n")
                .folder("usr")
                .folder("usr/lib")
                .file("usr/lib/one", "1111")
                .hardlink("usr/lib/same", "usr/lib/one")
                .symlink("lib", "usr/lib")
                .symlink("abs", "/etc"),
        )
        .layer(Layer::new().file("usr/lib/two", "2").whiteout("etc/motd"))
        .platform("linux/amd64/v2")
        .author("Base")
        .build()
}

pub(super) async fn made(lab: &Lab, name: &str) -> Container {
    let reference = lab.registry.push("team/base:1", &image());
    lab.pull(&reference).await.unwrap();
    create(&lab.engine, &reference.to_string(), name).await
}

pub(super) async fn create(engine: &Engine, image: &str, name: &str) -> Container {
    let request = CreateRequest {
        image: Selector::from(image),
        name: Some(name.to_owned()),
    };
    engine.create_container(request).await.unwrap()
}

pub(super) fn write(path: &str, bytes: &str) -> ContainerEdit {
    ContainerEdit::Write {
        path: path.into(),
        bytes: bytes.into(),
    }
}

pub(super) fn remove(path: &str) -> ContainerEdit {
    ContainerEdit::Remove { path: path.into() }
}

pub(super) async fn edit(engine: &Engine, container: &Container, edits: Vec<ContainerEdit>) {
    engine.edit_container(&container.id, edits).await.unwrap();
}

pub(super) async fn changes(engine: &Engine, container: &Container) -> Vec<String> {
    let found = engine.container_changes(&container.id).await.unwrap();
    found
        .iter()
        .map(|change| {
            let letter = match change.change {
                FileChange::Added => 'A',
                FileChange::Changed => 'C',
                FileChange::Removed => 'D',
            };
            format!("{letter} {}", String::from_utf8_lossy(&change.path))
        })
        .collect()
}

/// Everything that can be told of the files, with their contents.
pub(super) fn listing(files: &ImageFiles) -> Vec<String> {
    let page = files.below(b"/", FileQuery::default()).unwrap();
    page.rows
        .iter()
        .map(|row| {
            let mut content = Vec::new();
            if matches!(row.kind, FileKind::File | FileKind::HardLink) {
                let mut reader = files.read(&row.path).unwrap();
                reader.read_to_end(&mut content).unwrap();
            }
            format!(
                "{:?} {} {:o} {}:{} {} {:?} {:?} {:?}",
                String::from_utf8_lossy(&row.path),
                row.kind.as_str(),
                row.mode,
                row.uid,
                row.gid,
                row.size,
                row.modified,
                row.link,
                content
            )
        })
        .collect()
}

pub(super) async fn container_listing(engine: &Engine, container: &Container) -> Vec<String> {
    listing(&engine.container_files(&container.id).await.unwrap())
}

pub(super) async fn image_listing(engine: &Engine, id: &str) -> Vec<String> {
    listing(&engine.files(&Selector::from(id)).await.unwrap())
}

/// The names in a layer, as they stand in its tar.
pub(super) fn names(store: &Path, layer: &oci::Digest) -> Vec<String> {
    entries(store, layer)
        .into_iter()
        .map(|entry| match entry.kind {
            EntryKind::HardLink => format!(
                "{} => {}",
                String::from_utf8_lossy(&entry.path),
                String::from_utf8_lossy(&entry.link_target)
            ),
            _ => String::from_utf8_lossy(&entry.path).into_owned(),
        })
        .collect()
}

pub(super) fn entries(store: &Path, layer: &oci::Digest) -> Vec<layer::Entry> {
    let blob = std::fs::File::open(store.join("blobs/sha256").join(layer.hex())).unwrap();
    let mut index = Vec::new();
    layer::scan(Decompressor::new(blob).unwrap(), &mut index).unwrap();
    let mut index = FileIndex::open(index.as_slice()).unwrap();
    let mut found = Vec::new();
    let mut entry = layer::FileEntry::default();
    while index.read_into(&mut entry).unwrap() {
        found.push(entry.entry.clone());
    }
    found
}

pub(super) async fn config(engine: &Engine, id: &str) -> Value {
    let documents = engine
        .documents(&Selector::from(id))
        .await
        .unwrap()
        .into_iter()
        .find(|document| document.kind == engine::DocumentKind::Config)
        .unwrap();
    serde_json::from_slice(&documents.bytes).unwrap()
}

pub(super) async fn manifest_type(engine: &Engine, id: &str) -> oci::MediaType {
    let documents = engine.documents(&Selector::from(id)).await.unwrap();
    let manifest = documents
        .into_iter()
        .find(|document| document.kind == engine::DocumentKind::Manifest);
    manifest.unwrap().media_type
}
