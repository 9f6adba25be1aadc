//! Docker's rules for what a removal takes, where a name says a digest and an ID has several names.

use std::fs;

use oci::{Digest, Selector};
use store::{BlockReason, MovePolicy, NewImage, RemovalOptions, Store, Untagged};

use crate::lab::{check, lease, name, names, now, open, put, remove};

const FORCE: RemovalOptions = RemovalOptions {
    force: true,
    now_drop: false,
};

/// Notes that a registry has an image, and returns the name with its digest.
fn known_as(store: &Store, target: &Digest, repository: &str) -> String {
    let known = format!("{repository}@{target}");
    let image = NewImage {
        target,
        manifests: &[],
        names: &[],
        repo_digest: Some(&name(&known)),
        operation: "pull",
        move_policy: MovePolicy::Move,
        now: now(),
    };
    store.record_image(&lease(store), &image).unwrap();
    known
}

fn digests(store: &Store) -> Vec<String> {
    let images = store.images().unwrap();
    let known = images.iter().flat_map(|image| &image.repo_digests);
    known.map(ToString::to_string).collect()
}

#[test]
fn a_registrys_digest_goes_alone_and_undo_knows_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["a"], &["reg.example/app:1", "reg.example/app:2"]);
    let known = known_as(&store, &target, "reg.example/app");

    let plan = remove(&store, &[&known], RemovalOptions::default());
    let only = Untagged {
        name: name(&known),
        target: target.clone(),
    };
    assert_eq!(plan.untagged, [only]);
    assert_eq!((plan.deleted.len(), plan.blocked.len()), (0, 0));
    assert_eq!(names(&store), ["reg.example/app:1", "reg.example/app:2"]);
    assert!(digests(&store).is_empty());
    let index = fs::read_to_string(folder.path().join("index.json")).unwrap();
    assert!(!index.contains(&known), "{index}");

    let undoable = store.undoable().unwrap().unwrap();
    assert_eq!(undoable.names, [name(&known)]);
    let moves = store.undo(now()).unwrap().moves;
    assert_eq!(moves.len(), 1, "{moves:?}");
    assert_eq!(moves[0].to.as_ref(), Some(&target));
    assert_eq!(digests(&store), [known.as_str()]);
    assert_eq!(names(&store), ["reg.example/app:1", "reg.example/app:2"]);
    assert_eq!(store.undoable().unwrap(), None);
    assert_eq!(check(&store).problems, []);
}

/// As docker 20.10 does it.
#[test]
fn with_the_last_tag_of_a_repository_goes_that_a_registry_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let tags = [
        "reg.example/app:1",
        "reg.example/app:2",
        "other.example/x:1",
    ];
    let target = put(&store, &["a"], &tags);
    let here = known_as(&store, &target, "reg.example/app");
    let there = known_as(&store, &target, "other.example/x");

    let first = remove(&store, &[tags[0]], RemovalOptions::default());
    assert_eq!(first.untagged.len(), 1, "another tag of it is left");
    assert_eq!(digests(&store), [there.as_str(), here.as_str()]);
    let last = remove(&store, &[tags[1]], RemovalOptions::default());
    let went: Vec<_> = last.untagged.iter().map(|it| it.name.clone()).collect();
    assert_eq!(went, [name(tags[1]), name(&here)]);
    assert_eq!(digests(&store), [there.as_str()]);
    store.undo(now()).unwrap();
    assert_eq!(digests(&store), [there.as_str(), here.as_str()]);
    assert_eq!(names(&store).len(), 2);
    store.undo(now()).unwrap();

    // One after the other in one plan is the same.
    let both = remove(&store, &[tags[0], tags[1]], RemovalOptions::default());
    assert_eq!((both.untagged.len(), both.deleted.len()), (3, 0));
    assert_eq!(digests(&store), [there.as_str()]);
    let whole = remove(&store, &[tags[2]], RemovalOptions::default());
    assert_eq!((whole.untagged.len(), whole.deleted.len()), (1, 1));
    store.undo(now()).unwrap();
    store.undo(now()).unwrap();
    assert_eq!(digests(&store), [there.as_str(), here.as_str()]);
    assert_eq!(names(&store).len(), 3);
    assert_eq!(check(&store).problems, []);
}

#[test]
fn the_last_of_the_digests_of_a_nameless_image_takes_it_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["a"], &[]);
    let here = known_as(&store, &target, "reg.example/app");
    let there = known_as(&store, &target, "other.example/app");
    assert!(remove(&store, &[&here], FORCE).deleted.is_empty());
    assert_eq!(digests(&store), [there.as_str()]);
    assert_eq!(remove(&store, &[&there], FORCE).deleted.len(), 1);
    assert!(store.images().unwrap().is_empty());
    store.undo(now()).unwrap();
    store.undo(now()).unwrap();
    assert_eq!(digests(&store), [there, here]);
    assert_eq!(check(&store).problems, []);
}

#[test]
fn an_image_that_was_pulled_by_digest_goes_with_that_name_and_comes_back_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["a"], &[]);
    let known = known_as(&store, &target, "reg.example/app");
    put(&store, &["a"], &[&known]);
    known_as(&store, &target, "other.example/app");
    let plan = remove(&store, &[&known], RemovalOptions::default());
    assert_eq!((plan.untagged.len(), plan.deleted.len()), (1, 1));
    let moves = store.undo(now()).unwrap().moves;
    assert_eq!(moves.len(), 1, "{moves:?}");
    assert_eq!(names(&store), [known.as_str()]);
    assert_eq!(digests(&store).len(), 2);
    assert_eq!(check(&store).problems, []);
}

#[test]
fn an_id_with_two_tags_of_one_repository_needs_force() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["a"], &["app:1", "app:2"]);
    known_as(&store, &target, "docker.io/library/app");
    let id = store.images().unwrap()[0].id.clone();
    let plan = |force| {
        let options = RemovalOptions { force, ..FORCE };
        let selectors = [Selector::from(id.short())];
        store.plan_removal(&selectors, &options).unwrap()
    };
    assert!(matches!(
        &plan(false).blocked[0].reason,
        BlockReason::SeveralNames { names } if names.len() == 2
    ));
    assert_eq!(plan(true).deleted.len(), 1);
    remove(&store, &["app:2"], RemovalOptions::default());
    assert_eq!(
        plan(false).deleted.len(),
        1,
        "one tag and its digest are one"
    );
}
