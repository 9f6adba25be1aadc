//! Blobs on their way in, with their digest known or not.

use std::fs;

use oci::Digest;
use store::{Error, Ingest};

use crate::lab::{check, lease, now, open, put};

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
#[cfg(unix)]
fn a_link_in_a_blobs_place_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["layer"], &["app:1"]);
    let digest = Digest::sha256(b"layer");
    let place = folder.path().join("blobs/sha256").join(digest.hex());
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&place, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &place).unwrap();
    assert!(!store.contains(&digest).unwrap());
    assert!(matches!(
        store.open_blob(&digest),
        Err(Error::BlobDamaged { .. })
    ));
    assert_eq!(check(&store).problems[0].kind.as_str(), "blob_not_a_file");
}

#[test]
fn two_processes_of_one_number_do_not_write_into_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let lease = lease(&store);
    let ingest = folder.path().join("ingest");
    let mine = store.ingest_unnamed().expect("begins");
    let name = fs::read_dir(&ingest).unwrap().next().unwrap().unwrap();
    let name = name.file_name().into_string().unwrap();
    drop(mine);
    // What a process in another container writes that shares the folder and has this one's number.
    let (start, number) = name.rsplit_once('-').unwrap();
    let number: u64 = number.parse().unwrap();
    let theirs: Vec<_> = (number..number + 100)
        .map(|number| ingest.join(format!("{start}-{number}")))
        .chain(
            (0..100).map(|number| ingest.join(format!("unnamed-{}-{number}", std::process::id()))),
        )
        .collect();
    for path in &theirs {
        fs::write(path, "theirs").unwrap();
    }
    let mut writer = store.ingest_unnamed().expect("begins beside them");
    writer.append(b"mine").unwrap();
    let (digest, _) = writer.commit(&lease).unwrap();
    assert_eq!(store.read_document(&digest, 100).unwrap(), b"mine");
    for path in &theirs {
        assert_eq!(fs::read_to_string(path).unwrap(), "theirs");
    }
}

#[test]
fn a_whole_blob_that_a_crash_left_without_a_row_is_taken_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let digest = Digest::sha256(b"whole");
    let place = folder.path().join("blobs/sha256").join(digest.hex());
    fs::write(&place, "whole").unwrap();
    let partial = folder
        .path()
        .join(format!("ingest/sha256-{}", digest.hex()));
    fs::write(&partial, "wh").unwrap();
    let mut writer = store.ingest_unnamed().unwrap();
    writer.append(b"whole").unwrap();
    writer.commit(&lease(&store)).unwrap();
    assert!(store.contains(&digest).unwrap());
    assert!(!folder.path().join("quarantine").exists());
    let left = fs::read_dir(folder.path().join("ingest")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn what_the_system_refuses_says_nothing_of_a_blob() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let blobs = folder.path().join("blobs/sha256");
    let away = folder.path().join("blobs/away");
    fs::rename(&blobs, &away).unwrap();
    fs::write(&blobs, "no folder").unwrap();
    let refused = store.read_document(&target, 10_000);
    assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    fs::remove_file(&blobs).unwrap();
    fs::rename(&away, &blobs).unwrap();
    assert!(store.contains(&target).unwrap());
    assert!(!store.images().unwrap()[0].damaged);
    assert_eq!(check(&store).problems, []);
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
