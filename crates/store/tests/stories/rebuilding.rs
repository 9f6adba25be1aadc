//! A database that was lost, and what comes back.

use std::fs;

use oci::{Digest, Selector};
use store::{Error, LayerFacts, Store};

use crate::containers::create;
use crate::lab::{check, names, now, open, options, put};

#[test]
fn a_lost_or_damaged_database_comes_back_from_the_files() {
    for damage in ["gone", "empty", "garbage", "truncated", "rolled back"] {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("strata.db");
        drop(open(folder.path()));
        let before = fs::read(&database).unwrap();
        let target = put(&open(folder.path()), &["a", "b"], &["app:1", "other:2"]);
        let bytes = fs::read(&database).unwrap();
        match damage {
            "gone" => fs::remove_file(&database).unwrap(),
            "empty" => fs::write(&database, b"").unwrap(),
            "rolled back" => fs::write(&database, &before).unwrap(),
            "garbage" => fs::write(&database, vec![7; bytes.len()]).unwrap(),
            _ => fs::write(&database, &bytes[..bytes.len() / 2]).unwrap(),
        }
        let store = open(folder.path());
        if damage == "truncated" && store.recovery().is_none() {
            // Found with the first page that is missed; the next open mends it.
            let _ = store.images();
            drop(store);
            let store = open(folder.path());
            assert_eq!(names(&store), ["app:1", "other:2"], "{damage}");
            continue;
        }
        assert!(store.recovery().is_some(), "{damage}");
        assert_eq!(names(&store), ["app:1", "other:2"], "{damage}");
        assert_eq!(
            store.resolve(&Selector::from("app:1")).unwrap().target,
            target
        );
        assert!(
            matches!(store.collect(now()), Err(Error::Unchecked)),
            "{damage}: nothing is deleted before a check"
        );
        assert_eq!(check(&store).problems, [], "{damage}");
        store.collect(now()).unwrap();
    }
}

#[test]
fn a_rebuild_that_is_broken_off_is_done_to_its_end_before_anybody_relies_on_it() {
    for lost_names in [&[] as &[&str], &["lost:1"]] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let kept = put(&store, &["kept"], &["app:1"]);
        let lost = put(&store, &["lost"], lost_names);
        let web = create(&store, &kept, 'a', "web").unwrap();
        let orphan = create(&store, &lost, 'b', "orphan").unwrap();
        drop(store);
        fs::remove_file(folder.path().join("blobs/sha256").join(lost.hex())).unwrap();
        fs::remove_file(folder.path().join("strata.db")).unwrap();
        // In the way of what is to be set aside: of the names, or of the container without an image.
        let quarantine = folder.path().join("quarantine");
        fs::write(&quarantine, "").unwrap();
        let refused = Store::open(folder.path(), &options()).err();
        assert!(matches!(refused, Some(Error::Io { .. })), "{refused:?}");
        fs::remove_file(&quarantine).unwrap();

        let store = open(folder.path());
        let recovery = store.recovery().expect("it was rebuilt");
        assert_eq!(recovery.reason, "the database was missing");
        assert_eq!((recovery.images, recovery.names), (1, 1));
        assert!(matches!(store.collect(now()), Err(Error::Unchecked)));
        assert_eq!(names(&store), ["app:1"]);
        let containers = store.containers().unwrap();
        assert_eq!(containers.len(), 1, "{containers:?}");
        assert_eq!(containers[0].id, web);
        let aside = quarantine.join(format!("{orphan}.0"));
        assert!(aside.join("container.json").is_file());
        assert_eq!(check(&store).problems, []);
        store.collect(now()).unwrap();
    }
}

#[test]
fn a_container_whose_description_is_damaged_is_set_aside_and_not_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let web = create(&store, &target, 'a', "web").unwrap();
    let document = store.container_folder(&web).join("container.json");
    drop(store);
    fs::write(&document, "{").unwrap();
    fs::remove_file(folder.path().join("strata.db")).unwrap();
    drop(open(folder.path()));
    let aside = folder.path().join("quarantine").join(format!("{web}.0"));
    assert!(aside.join("content").is_dir());
}

#[test]
fn a_note_of_a_recovery_that_cannot_be_read_still_locks_the_collector() {
    for damage in [
        "UPDATE meta SET value = 'garbage' WHERE key = 'recovery'",
        "DELETE FROM meta WHERE key = 'recovery'",
    ] {
        let folder = tempfile::tempdir().unwrap();
        put(&open(folder.path()), &["layer"], &["app:1"]);
        let database = folder.path().join("strata.db");
        fs::remove_file(&database).unwrap();
        drop(open(folder.path()));
        let sql = rusqlite::Connection::open(&database).unwrap();
        assert_eq!(sql.execute(damage, []).unwrap(), 1);
        drop(sql);
        let store = open(folder.path());
        assert!(store.recovery().is_some(), "{damage}");
        assert!(matches!(store.collect(now()), Err(Error::Unchecked)));
        assert_eq!(check(&store).problems, []);
        drop(store);
        assert_eq!(open(folder.path()).recovery(), None);
    }
}

#[test]
fn a_damaged_line_of_the_facts_costs_one_layer_until_it_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), &["one", "second"], &["app:1"]);
    let log = folder.path().join("layers/facts");
    let mut bytes = fs::read(&log).unwrap();
    bytes[20] = 0xff;
    fs::write(&log, &bytes).unwrap();
    fs::remove_file(folder.path().join("strata.db")).unwrap();
    let store = open(folder.path());
    let size = || store.images().unwrap()[0].size;
    assert_eq!(size(), 6, "the other line counts");
    let report = check(&store);
    let kinds: Vec<_> = report.problems.iter().map(|p| p.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["layer_index"],
        "its index is not taken for a stranger's"
    );
    let repaired = store.repair(&report, now()).unwrap();
    assert!(repaired.quarantined.is_empty(), "{repaired:?}");

    let one = Digest::sha256(b"one");
    assert_eq!(
        store.layers_without_facts().unwrap(),
        [(one.clone(), one.clone())]
    );
    let facts = LayerFacts {
        diff_id: one.clone(),
        uncompressed_size: 3,
        content_size: 3,
        entries: 1,
    };
    store.index_writer().unwrap().commit(&one, &facts).unwrap();
    assert_eq!(size(), 9);
    assert_eq!(check(&store).problems, []);
}
