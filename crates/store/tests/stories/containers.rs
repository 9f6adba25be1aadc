//! Containers as roots: what they were made of stays, what they left goes.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;

use jiff::SignedDuration;
use oci::{Digest, Selector};
use store::{
    BlockReason, ContainerId, ContainerStatus, Error, GRACE, NewContainer, PruneOptions,
    RemovalOptions, Store,
};

use crate::lab::{check, now, open, put};

pub(crate) fn id(digit: char) -> ContainerId {
    String::from(digit).repeat(64).parse().unwrap()
}

pub(crate) fn create(
    store: &Store,
    target: &Digest,
    digit: char,
    name: &str,
) -> store::Result<ContainerId> {
    let id = id(digit);
    store.create_container(&NewContainer {
        id: &id,
        name,
        target,
        manifest: target,
        reference: "app:1",
        settings: "{}",
        now: now(),
    })?;
    Ok(id)
}

#[test]
fn a_container_is_found_by_name_and_by_the_start_of_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let one = create(&store, &target, 'a', "web").unwrap();
    create(&store, &target, 'b', "aaaa").unwrap();
    assert_eq!(store.find_container("web").unwrap().id, one);
    assert_eq!(store.find_container("/web").unwrap().id, one);
    assert_eq!(store.find_container("aaaaa").unwrap().id, one);
    assert_eq!(
        store.find_container("aaaa").unwrap().name,
        "aaaa",
        "a name wins"
    );
    assert!(matches!(
        store.find_container("c"),
        Err(Error::ContainerNotFound { .. })
    ));
    assert!(matches!(
        store.find_container(""),
        Err(Error::ContainerNotFound { .. })
    ));
    let taken = create(&store, &target, 'c', "web");
    assert!(matches!(taken, Err(Error::ContainerNameTaken { .. })));
    assert!(!store.container_folder(&id('c')).exists());
    let gone = create(&store, &Digest::sha256(b"none"), 'd', "other");
    assert!(matches!(gone, Err(Error::ImageNotFound { .. })));
    assert!("A".repeat(64).parse::<ContainerId>().is_err());
    assert!("..".parse::<ContainerId>().is_err());
    assert!(check(&store).is_ok());
}

#[test]
fn what_a_container_was_made_of_outlives_its_image_and_goes_with_the_container() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let web = create(&store, &target, 'a', "web").unwrap();
    let selector = [Selector::from(target.as_str())];
    let options = |force| RemovalOptions {
        force,
        now_drop: true,
    };
    store
        .set_container_status(&web, ContainerStatus::Running, None)
        .unwrap();
    let plan = store.plan_removal(&selector, &options(true)).unwrap();
    assert!(matches!(
        plan.blocked[0].reason,
        BlockReason::RunningContainer { .. }
    ));
    store
        .set_container_status(&web, ContainerStatus::Exited, Some(3))
        .unwrap();
    let plan = store.plan_removal(&selector, &options(false)).unwrap();
    assert!(matches!(
        plan.blocked[0].reason,
        BlockReason::StoppedContainer { .. }
    ));
    let plan = store.plan_removal(&selector, &options(true)).unwrap();
    assert_eq!((plan.freed_bytes, plan.blobs.len()), (0, 0));
    store.execute(&plan, now()).unwrap();
    let later = now() + GRACE + SignedDuration::from_hours(1);
    store.collect(later).unwrap();
    let prune = PruneOptions {
        all: true,
        now_drop: true,
        ..PruneOptions::default()
    };
    let plan = store.plan_prune(&prune).unwrap();
    assert_eq!(plan.freed_bytes, 0);
    store.execute(&plan, now()).unwrap();
    assert_eq!(store.manifest(&target).unwrap().layers.len(), 1);
    let record = store.container(&web).unwrap();
    assert_eq!((record.target, record.exit_code), (target, Some(3)));

    store.remove_container(&web).unwrap();
    assert_eq!(store.collect(later).unwrap().images, 1);
    assert!(!store.contains(&Digest::sha256(b"layer")).unwrap());
    assert!(check(&store).is_ok());
}

#[test]
fn a_batch_is_there_as_a_whole_and_packs_that_nothing_names_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let web = create(&store, &target, 'a', "web").unwrap();
    let mut edit = store.edit_container(&web).unwrap();
    let mut pack = edit.pack().unwrap();
    pack.write_all(b"content").unwrap();
    let number = pack.number();
    assert_eq!(pack.written(), 7);
    pack.finish().unwrap();
    drop(edit.pack().unwrap());
    edit.append("one", &String::new, &BTreeSet::from([number]), (1, 7))
        .unwrap();
    drop(edit);
    assert_eq!(store.container_batches(&web).unwrap(), ["one"]);
    assert_eq!(
        store
            .open_pack(&web, number)
            .unwrap()
            .metadata()
            .unwrap()
            .len(),
        7
    );
    let record = store.container(&web).unwrap();
    assert_eq!((record.changes, record.size), (1, 7));

    let mut edit = store.edit_container(&web).unwrap();
    edit.append("two", &String::new, &BTreeSet::new(), (0, 0))
        .unwrap();
    assert!(matches!(
        store.open_pack(&web, number),
        Err(Error::ContainerDamaged { .. })
    ));
    // A long log of which little still counts is written anew.
    let long = "x".repeat(600_000);
    for _ in 0..2 {
        edit.append(&long, &|| "whole".to_owned(), &BTreeSet::new(), (0, 0))
            .unwrap();
    }
    drop(edit);
    assert_eq!(store.container_batches(&web).unwrap(), ["whole"]);
}

#[test]
fn a_store_of_the_format_before_is_brought_up_and_its_images_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    drop(store);
    let sql = rusqlite::Connection::open(folder.path().join("strata.db")).unwrap();
    sql.execute_batch("DROP TABLE containers; PRAGMA user_version = 1")
        .unwrap();
    drop(sql);
    fs::remove_dir(folder.path().join("containers")).unwrap();
    let store = open(folder.path());
    assert_eq!(store.recovery(), None);
    assert!(store.containers().unwrap().is_empty());
    create(&store, &target, 'a', "web").unwrap();
    assert!(check(&store).is_ok());
}

#[test]
fn a_folder_that_a_crash_left_goes_and_a_container_without_its_image_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let web = create(&store, &target, 'a', "web").unwrap();
    let left = store.container_folder(&id('f'));
    fs::create_dir_all(left.join("content")).unwrap();
    let later = now() + GRACE + SignedDuration::from_hours(1);
    store.collect(now()).unwrap();
    assert!(left.exists(), "somebody may be making it");
    store.collect(later).unwrap();
    assert!(!left.exists());
    assert!(store.container_folder(&web).exists());

    drop(store);
    fs::remove_file(folder.path().join("strata.db")).unwrap();
    let blob = folder.path().join("blobs/sha256").join(target.hex());
    fs::remove_file(blob).unwrap();
    let store = open(folder.path());
    assert!(store.containers().unwrap().is_empty());
    let aside = folder.path().join("quarantine").join(format!("{web}.0"));
    assert!(aside.join("container.json").is_file());
}

#[test]
fn what_cannot_be_removed_of_a_container_keeps_nothing_else_from_being_collected() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let web = create(&store, &target, 'b', "web").unwrap();
    assert!(!store.forget_container(&web, || false).unwrap());
    assert_eq!(store.container(&web).unwrap().name, "web");
    // A crash right after the row: what is left is files.
    assert!(store.forget_container(&web, || true).unwrap());
    assert!(store.container_folder(&web).join("container.json").exists());
    // What is no folder cannot be removed as one.
    let odd = store.container_folder(&id('a'));
    fs::write(&odd, "").unwrap();
    let later = now() + GRACE + SignedDuration::from_hours(1);
    assert_eq!(store.forgotten_containers(now()).unwrap(), []);
    assert_eq!(store.forgotten_containers(later).unwrap().len(), 2);
    store.collect(later).unwrap();
    assert!(odd.exists() && !store.container_folder(&web).exists());
}
