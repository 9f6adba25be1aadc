//! Bytes on their way into the store, and out of it into a file.

use std::fs;

use oci::Digest;
use store::{Error, Ingest};

use crate::{lease, now, open};

#[test]
fn a_download_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::sha256(b"hello world");
    {
        let store = open(folder.path());
        let lease = lease(&store);
        let Ingest::Partial(mut writer) = store.ingest(&lease, &digest, 11).unwrap() else {
            panic!("it is not here")
        };
        writer.append(b"hello").unwrap();
        assert!(matches!(
            store.ingest(&lease, &digest, 11).unwrap(),
            Ingest::Busy
        ));
        assert!(!store.contains(&digest).unwrap());
    }
    let store = open(folder.path());
    let lease = lease(&store);
    let Ingest::Partial(mut writer) = store.ingest(&lease, &digest, 11).unwrap() else {
        panic!("it is not here")
    };
    assert_eq!(writer.offset(), 5);
    let mut seen = Vec::new();
    writer
        .rehash(&mut |piece| seen.extend_from_slice(piece))
        .unwrap();
    assert_eq!(seen, b"hello");
    writer.append(b" world").unwrap();
    writer.commit().unwrap();
    assert!(store.contains(&digest).unwrap());
    assert!(matches!(
        store.ingest(&lease, &digest, 11).unwrap(),
        Ingest::Present
    ));
}

#[test]
fn wrong_bytes_never_become_visible() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let lease = lease(&store);
    let digest = Digest::sha256(b"right");
    let Ingest::Partial(mut writer) = store.ingest(&lease, &digest, 5).unwrap() else {
        panic!("it is not here")
    };
    writer.append(b"wrong").unwrap();
    assert!(matches!(writer.commit(), Err(Error::DigestMismatch { .. })));
    let Ingest::Partial(mut writer) = store.ingest(&lease, &digest, 5).unwrap() else {
        panic!("it is not here")
    };
    assert_eq!(writer.offset(), 0, "suspect bytes are thrown away");
    assert!(matches!(
        writer.append(b"too long"),
        Err(Error::SizeMismatch { .. })
    ));
    drop(writer);
    let Ingest::Partial(writer) = store.ingest(&lease, &digest, 5).unwrap() else {
        panic!("it is not here")
    };
    assert!(matches!(writer.commit(), Err(Error::SizeMismatch { .. })));
    assert!(!store.contains(&digest).unwrap());
}

#[test]
fn a_blob_without_a_digest_gets_one_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let lease = lease(&store);
    let bytes = b"what it is called shows in the end";
    for _ in 0..2 {
        let mut writer = store.ingest_unnamed().expect("begins");
        writer.append(&bytes[..7]).expect("writes");
        writer.append(&bytes[7..]).expect("writes");
        let (digest, size) = writer.commit(&lease).expect("commits");
        assert_eq!((&digest, size), (&Digest::sha256(bytes), 34));
        assert_eq!(store.read_document(&digest, 100).expect("reads"), bytes);
    }
    drop(store.ingest_unnamed().expect("begins"));
    let left = fs::read_dir(folder.path().join("ingest")).unwrap().count();
    assert_eq!(left, 0, "nothing is left of what was finished or dropped");
}

#[test]
fn what_a_dead_process_left_without_a_digest_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let dead = folder.path().join("ingest/unnamed-1-1");
    fs::write(&dead, "half").unwrap();
    let alive = store.ingest_unnamed().expect("begins");
    let collected = store.collect(now()).expect("collects");
    assert_eq!((collected.partials, collected.freed_bytes), (1, 4));
    assert!(!dead.exists());
    drop(alive);
}

#[test]
fn an_output_file_appears_whole_or_not_at_all() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("saved.tar");
    fs::write(&place, "before").unwrap();
    let mut given_up = store::OutputFile::begin(&place).expect("begins");
    given_up.write_all(b"half").unwrap();
    drop(given_up);
    assert_eq!(fs::read_to_string(&place).unwrap(), "before");
    let mut whole = store::OutputFile::begin(&place).expect("begins");
    whole.write_all(b"after").unwrap();
    whole.commit().expect("commits");
    assert_eq!(fs::read_to_string(&place).unwrap(), "after");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_blob_that_is_not_worth_a_resume_leaves_nothing_when_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let lease = lease(&store);
    let digest = Digest::sha256(b"hello world");
    let begin = || match store.ingest(&lease, &digest, 11).unwrap() {
        Ingest::Partial(mut writer) => {
            writer.forget_when_dropped();
            writer
        }
        _ => panic!("it is not here"),
    };
    let left = || fs::read_dir(folder.path().join("ingest")).unwrap().count();
    let mut given_up = begin();
    given_up.append(b"hello").unwrap();
    drop(given_up);
    assert_eq!(left(), 0);
    // What was finished is not taken back, and what somebody else began meanwhile stays.
    let mut whole = begin();
    assert_eq!(whole.offset(), 0);
    whole.append(b"hello world").unwrap();
    whole.commit().unwrap();
    assert!(store.contains(&digest).unwrap());
    assert_eq!(left(), 0);
}
