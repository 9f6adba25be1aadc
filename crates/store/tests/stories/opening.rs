//! A store that is opened: anew, damaged, by two, only to be read.

use std::fs;

use oci::Selector;
use store::{Error, LeasePurpose, OpenOptions, Store};

use crate::lab::{check, names, now, open, options, put};

#[test]
fn an_image_is_there_after_reopening_and_index_json_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let target = put(&open(&root), &["one", "two"], &["app:1"]);
    let store = open(&root);
    let images = store.images().unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].target, target);
    assert_eq!(images[0].layers.layers().len(), 2);
    assert_eq!(
        store.resolve(&Selector::from("app:1")).unwrap().target,
        target
    );
    assert_eq!(store.image(&target).unwrap().layers.len(), 2);
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(root.join("index.json")).unwrap()).unwrap();
    assert_eq!(
        index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"],
        "docker.io/library/app:1"
    );
    assert_eq!(index["manifests"][0]["digest"], target.to_string());
    assert_eq!(check(&store).problems, []);
}

#[test]
fn a_newer_store_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), &["a"], &["app:1"]);
    let database = folder.path().join("strata.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    fs::write(&database, &bytes).unwrap();
    assert!(matches!(
        Store::open(folder.path(), &options()),
        Err(Error::Newer { found: 99, .. })
    ));
    assert_eq!(fs::read(&database).unwrap(), bytes);
}

#[test]
fn a_store_can_be_only_read() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), &["a"], &["app:1"]);
    let store = Store::open(
        folder.path(),
        &OpenOptions {
            read_only: true,
            ..options()
        },
    )
    .unwrap();
    assert_eq!(names(&store), ["app:1"]);
    assert!(matches!(
        store.lease(
            &LeasePurpose::Local {
                operation: "test".into()
            },
            now()
        ),
        Err(Error::ReadOnly { .. })
    ));
    assert!(matches!(store.undo(now()), Err(Error::ReadOnly { .. })));
}

#[test]
fn two_stores_on_one_folder_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (open(folder.path()), open(folder.path()));
    let before = second.generation().unwrap();
    put(&first, &["a"], &["app:1"]);
    assert!(second.generation().unwrap() > before);
    put(&second, &["b"], &["app:2"]);
    assert_eq!(names(&first), ["app:1", "app:2"]);
    assert_eq!(check(&first).problems, []);
}
