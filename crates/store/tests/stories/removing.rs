//! Plans of removals, what they do, and undo.

use std::collections::BTreeMap;

use oci::{Digest, Selector};
use store::{BlockReason, ContainerStatus, Error, PruneOptions, RemovalOptions, Store};

use crate::containers::create;
use crate::lab::{check, name, names, now, open, put, remove};

#[test]
fn a_removal_can_be_undone_and_undone_further() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let a = put(&store, &["a"], &["app:1"]);
    let b = put(&store, &["b"], &["app:2"]);
    let planned = store
        .plan_tag(&Selector::from("app:2"), &name("app:1"))
        .unwrap();
    assert_eq!(
        (planned.from.as_ref(), planned.to.as_ref()),
        (Some(&a), Some(&b))
    );
    store.tag(&planned, now()).unwrap();
    remove(&store, &["app:1", "app:2"], RemovalOptions::default());
    assert_eq!(names(&store), Vec::<String>::new());
    store.undo(now()).unwrap();
    assert_eq!(names(&store), ["app:1", "app:2"]);
    assert_eq!(store.resolve(&Selector::from("app:1")).unwrap().target, b);
    store.undo(now()).unwrap();
    assert_eq!(
        store.resolve(&Selector::from("app:1")).unwrap().target,
        a,
        "the move is taken back too"
    );
    let third = store.undo(now());
    assert!(
        matches!(third, Err(Error::NothingToUndo)),
        "{third:?} {:?}",
        store.journal(None)
    );
    assert_eq!(check(&store).problems, []);
}

#[test]
fn a_change_is_undone_by_itself_while_it_is_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["a"], &["app:1", "app:2"]);
    let remove = |what: &str| {
        remove(&store, &[what], RemovalOptions::default());
        store.undoable().unwrap().unwrap().change
    };
    let (first, second) = (remove("app:1"), remove("app:2"));
    let overtaken = store.undo_change(first, now()).unwrap_err();
    assert_eq!(
        overtaken.to_string(),
        "another change came after it, of app:2"
    );
    assert_eq!(names(&store), Vec::<String>::new(), "nothing was undone");
    let undone = store.undo_change(second, now()).unwrap();
    assert_eq!(undone.change, second);
    assert_eq!(names(&store), ["app:2"]);
    store.undo_change(first, now()).unwrap();
    assert_eq!(names(&store), ["app:1", "app:2"]);
    let again = store.undo_change(first, now());
    assert!(matches!(again, Err(Error::NothingToUndo)), "{again:?}");
}

#[test]
fn labels_are_those_of_the_images_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (a, b) = (put(&store, &["a"], &["a:1"]), put(&store, &["b"], &["b:1"]));
    let labels = |store: &Store| {
        let found = store.labels(&["made", "other"]).unwrap();
        let found = found.into_iter().map(|(target, labels)| {
            let [(key, value)] = labels.as_slice() else {
                panic!("{labels:?}");
            };
            assert_eq!(key, "made");
            (target, value.clone())
        });
        found.collect::<BTreeMap<_, _>>()
    };
    let both = BTreeMap::from([(a.clone(), "a".to_owned()), (b, "b".to_owned())]);
    assert_eq!(labels(&store), both);
    assert!(store.labels(&["other"]).unwrap().is_empty());

    remove(&store, &["b:1"], RemovalOptions::default());
    assert_eq!(labels(&store), BTreeMap::from([(a, "a".to_owned())]));
    store.undo(now()).unwrap();
    drop(store);
    std::fs::remove_file(folder.path().join("strata.db")).unwrap();
    assert_eq!(labels(&open(folder.path())), both, "after a rebuild too");
}

#[test]
fn dockers_rules_for_removing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["a"], &["app:1", "other:1"]);
    let id = store.images().unwrap()[0].id.clone();
    let plan = |what: &str, force| {
        store
            .plan_removal(
                &[Selector::from(what)],
                &RemovalOptions {
                    force,
                    ..RemovalOptions::default()
                },
            )
            .unwrap()
    };
    assert_eq!(plan("app:1", false).deleted, [], "another name is left");
    assert_eq!(
        plan("app:1", true).untagged.len(),
        1,
        "force takes only the name that was asked for"
    );
    assert!(matches!(
        plan(id.short(), false).blocked[0].reason,
        BlockReason::SeveralNames { .. }
    ));
    assert_eq!(plan(id.short(), true).deleted.len(), 1);
    assert!(matches!(
        plan("nothing", false).blocked[0].reason,
        BlockReason::NotFound
    ));
    let web = create(&store, &target, 'a', "web").unwrap();
    let status = ContainerStatus::Running;
    store.set_container_status(&web, status, None).unwrap();
    assert!(matches!(
        plan(id.short(), true).blocked[0].reason,
        BlockReason::RunningContainer { .. }
    ));
    let both = store
        .plan_removal(
            &[Selector::from("app:1"), Selector::from("other:1")],
            &RemovalOptions::default(),
        )
        .unwrap();
    assert!(
        both.deleted.is_empty() && both.blocked.len() == 1,
        "the last name of an image in use stays: {both:?}"
    );
    store.remove_container(&web).unwrap();
    let both = store
        .plan_removal(
            &[Selector::from("app:1"), Selector::from("other:1")],
            &RemovalOptions::default(),
        )
        .unwrap();
    assert_eq!(both.deleted.len(), 1, "both names of one image remove it");
}

#[test]
fn a_stale_plan_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["a"], &["app:1"]);
    let plan = store
        .plan_removal(&[Selector::from("app:1")], &RemovalOptions::default())
        .unwrap();
    put(&store, &["b"], &["app:1"]);
    assert!(matches!(store.execute(&plan, now()), Err(Error::PlanStale)));
    assert_eq!(names(&store), ["app:1"]);
}

#[test]
fn a_plan_frees_what_it_says_at_once_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["base", "a"], &["app:1"]);
    let b = put(&store, &["base", "b"], &["app:2"]);
    let before = store
        .images()
        .unwrap()
        .iter()
        .find(|image| image.target == b)
        .unwrap()
        .unique_size;
    let plan = remove(
        &store,
        &["app:1"],
        RemovalOptions {
            now_drop: true,
            ..RemovalOptions::default()
        },
    );
    assert!(!plan.blobs.is_empty());
    for blob in &plan.blobs {
        assert!(!store.contains(&blob.digest).unwrap());
        assert!(
            !folder
                .path()
                .join("blobs/sha256")
                .join(blob.digest.hex())
                .exists()
        );
    }
    assert!(store.contains(&Digest::sha256(b"base")).unwrap());
    assert_eq!(
        store.images().unwrap()[0].unique_size,
        before + 4,
        "the base is now the other image's own"
    );
    assert_eq!(check(&store).problems, []);
}

#[test]
fn a_prune_takes_only_what_has_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["a"], &["app:1"]);
    put(&store, &["b"], &["app:1"]);
    assert_eq!(store.images().unwrap().len(), 2);
    let plan = store.plan_prune(&PruneOptions::default()).unwrap();
    assert_eq!(plan.deleted.len(), 1);
    store.execute(&plan, now()).unwrap();
    assert_eq!(names(&store), ["app:1"]);
    assert_eq!(store.images().unwrap().len(), 1);
}
