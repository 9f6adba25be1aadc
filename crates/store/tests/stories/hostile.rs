//! Images that were made to do harm.

use std::path::Path;

use oci::{Digest, ImageName};
use store::{Error, Lease, MovePolicy, NewImage, Store};

use crate::lab::{check, lease, names, now, open, put, put_for};

/// Tells whether the next open would set the database aside.
fn is_noted_as_damaged(root: &Path) -> bool {
    root.join("locks/damaged").exists()
}

#[test]
fn a_config_with_an_odd_platform_costs_nothing_but_its_platform() {
    for head in [
        r#""os":"linux""#,
        r#""os":"linux","architecture":"""#,
        r#""os":"linux","architecture":"a b""#,
        r#""os":"a/b","architecture":"c/d""#,
        r#""os":"linux","architecture":"amd64","variant":"\u0000/""#,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        put_for(&store, head, &["layer"], &["app:1"]);
        let images = store.images().expect("the list can still be read");
        assert_eq!(images[0].platform, None, "{head}");
        assert_eq!(check(&store).problems, [], "{head}");
        assert!(!is_noted_as_damaged(folder.path()), "{head}");
        drop(store);
        let store = open(folder.path());
        assert_eq!(store.recovery(), None, "{head}");
        assert_eq!(names(&store), ["app:1"]);
    }
}

#[test]
fn an_odd_platform_that_an_earlier_version_wrote_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put_for(
        &store,
        r#""os":"linux","architecture":"amd64""#,
        &[],
        &["app:1"],
    );
    let database = folder.path().join("strata.db");
    let sql = rusqlite::Connection::open(&database).unwrap();
    sql.execute("UPDATE images SET platform = 'linux/'", [])
        .unwrap();
    assert_eq!(store.images().unwrap()[0].platform, None);
    assert!(!is_noted_as_damaged(folder.path()));
}

/// Writes an index of these entries and returns its descriptor.
fn index(store: &Store, lease: &Lease, entries: &[String]) -> String {
    let media_type = "application/vnd.oci.image.index.v1+json";
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{}]}}"#,
        entries.join(",")
    );
    let digest = store.put_document(lease, text.as_bytes()).unwrap();
    let size = text.len();
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
}

fn digest_of(descriptor: &str) -> Digest {
    let parsed: serde_json::Value = serde_json::from_str(descriptor).unwrap();
    parsed["digest"].as_str().unwrap().parse().unwrap()
}

/// Records an image that is made of these documents.
pub(crate) fn record(
    store: &Store,
    lease: &Lease,
    target: &Digest,
    manifest: &Digest,
    names: &[ImageName],
) -> Result<(), Error> {
    let image = NewImage {
        target,
        manifests: std::slice::from_ref(manifest),
        names,
        repo_digest: None,
        operation: "load",
        move_policy: MovePolicy::Move,
        now: now(),
    };
    store.record_image(lease, &image).map(drop)
}

#[test]
fn indexes_that_name_each_other_many_times_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let manifest = put(&store, &["layer"], &[]);
    let lease = lease(&store);
    let leaf = format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest}","size":1}}"#
    );
    let mut below = index(&store, &lease, &[leaf]);
    // Read each time that it is named, this would be 40 to the power of six documents.
    for _ in 0..6 {
        below = index(&store, &lease, &vec![below; 40]);
    }
    let target = digest_of(&below);
    record(&store, &lease, &target, &manifest, &[]).expect("records");
    assert_eq!(check(&store).problems, []);
}

#[test]
fn indexes_that_name_too_much_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let manifest = put(&store, &["layer"], &[]);
    let lease = lease(&store);
    let leaf = format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest}","size":1}}"#
    );
    let nested: Vec<String> = (1..=6)
        .map(|number| index(&store, &lease, &vec![leaf.clone(); 1800 + number]))
        .collect();
    let target = digest_of(&index(&store, &lease, &nested));
    let refused = record(&store, &lease, &target, &manifest, &[]);
    assert!(
        matches!(refused, Err(Error::Document { .. })),
        "{refused:?}"
    );
}
