//! What the collector takes, and what it leaves to those who are at work.

use std::fs;

use jiff::SignedDuration;
use oci::Digest;
use store::{GRACE, Ingest, RemovalOptions, Store};

use crate::lab::{check, lease, now, open, put, remove};

/// Begins to bring a blob in whose row is there and whose file is not whole, and lets go of the lease.
fn replacing(store: &Store, digest: &Digest, size: u64) -> store::IngestWriter {
    let lease = lease(store);
    let Ingest::Partial(writer) = store.ingest(&lease, digest, size).unwrap() else {
        panic!("it is not whole")
    };
    writer
}

#[test]
fn a_blob_that_somebody_is_writing_is_not_taken_from_under_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["layer"], &["app:1"]);
    let digest = Digest::sha256(b"layer");
    let place = folder.path().join("blobs/sha256").join(digest.hex());
    fs::write(&place, b"cut").unwrap();
    let mut writer = replacing(&store, &digest, 5);
    remove(&store, &["app:1"], RemovalOptions::default());
    let later = now() + GRACE + SignedDuration::from_hours(1);
    store.collect(later).unwrap();
    assert!(place.exists(), "the writer's lock covers the file in place");
    writer.append(b"layer").unwrap();
    writer.commit().expect("its partial file was not unlinked");
    assert!(store.contains(&digest).unwrap());
}

#[test]
fn what_a_cancelled_download_left_stays_for_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let digest = Digest::sha256(b"hello world");
    let mut writer = replacing(&store, &digest, 11);
    writer.append(b"hello").unwrap();
    drop(writer);
    assert_eq!(store.collect(now()).unwrap().partials, 0);
    assert_eq!(replacing(&store, &digest, 11).offset(), 5);
    let later = now() + GRACE + SignedDuration::from_hours(1);
    assert_eq!(store.collect(later).unwrap().partials, 1);
    assert_eq!(replacing(&store, &digest, 11).offset(), 0);
}

#[test]
fn what_no_disk_has_room_for_is_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let digest = Digest::sha256(b"larger than any disk");
    let refused = store.ingest(&lease(&store), &digest, 1 << 60);
    assert!(matches!(refused, Err(store::Error::DiskFull { .. })));
    let left = fs::read_dir(folder.path().join("ingest")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn a_collection_is_due_an_hour_after_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (open(folder.path()), open(folder.path()));
    let start = now();
    let due = |store: &Store, minutes| {
        let then = start + SignedDuration::from_mins(minutes);
        store.collect_if_due(then).unwrap().is_some()
    };
    assert!(due(&first, 0));
    assert!(!due(&second, 59), "another process has just done it");
    assert!(due(&second, 61));
    assert!(!due(&first, 62));
    assert!(due(&first, -600), "the clock was set back");
}

#[test]
fn the_collector_waits_for_the_grace_and_spares_what_is_leased() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["a", "held"], &["app:1"]);
    remove(&store, &["app:1"], RemovalOptions::default());
    store.collect(now()).unwrap();
    assert!(
        store.contains(&Digest::sha256(b"a")).unwrap(),
        "within the grace"
    );
    let lease = lease(&store);
    lease.hold(&[Digest::sha256(b"held")]).unwrap();
    let later = now() + GRACE + SignedDuration::from_hours(1);
    let collected = store.collect(later).unwrap();
    assert_eq!(collected.images, 1);
    assert!(!store.contains(&Digest::sha256(b"a")).unwrap());
    assert!(store.contains(&Digest::sha256(b"held")).unwrap());
}

#[test]
fn a_lease_that_forgets_takes_along_what_it_brought_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let bring = |lease: &store::Lease, content: &str| {
        let mut writer = store.ingest_unnamed().unwrap();
        writer.append(content.as_bytes()).unwrap();
        writer.commit(lease).unwrap();
    };
    bring(&lease(&store), "of a download that was cancelled");
    let (mut forgets, other) = (lease(&store), lease(&store));
    forgets.forget_when_dropped();
    for content in [
        "of a download that was cancelled",
        "an image's",
        "wanted by another",
        "needless",
    ] {
        bring(&forgets, content);
    }
    put(&store, &["an image's"], &["app:1"]);
    bring(&other, "wanted by another");
    drop(forgets);
    let there = |content: &str| store.contains(&Digest::sha256(content.as_bytes())).unwrap();
    assert!(there("of a download that was cancelled"));
    assert!(there("an image's"));
    assert!(there("wanted by another"));
    assert!(!there("needless"));
    let place = folder.path().join("blobs/sha256");
    assert!(!place.join(Digest::sha256(b"needless").hex()).exists());
    assert!(check(&store).is_ok());
}

#[test]
fn a_blob_that_comes_again_while_it_is_collected_is_there_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (store, collector) = (open(folder.path()), open(folder.path()));
    let later = now() + GRACE + SignedDuration::from_hours(1);
    let contents: Vec<String> = (0..30).map(|number| format!("blob {number}")).collect();
    for _ in 0..10 {
        let former = lease(&store);
        for content in &contents {
            store.put_document(&former, content.as_bytes()).unwrap();
        }
        former.release().unwrap();
        let lease = lease(&store);
        std::thread::scope(|scope| {
            scope.spawn(|| collector.collect(later).expect("collects"));
            for content in contents.iter().rev() {
                let mut writer = store.ingest_unnamed().unwrap();
                writer.append(content.as_bytes()).unwrap();
                writer.commit(&lease).unwrap();
            }
        });
        for content in &contents {
            let digest = Digest::sha256(content.as_bytes());
            assert!(
                store.contains(&digest).unwrap(),
                "{content} was acknowledged"
            );
        }
    }
}
