//! Images that become visible.

use std::fs;

use oci::{Digest, Selector};
use store::{Error, MovePolicy, NewImage, Store};

use crate::hostile::record;
use crate::lab::{check, lease, name, names, now, open, put, put_for};

#[test]
fn several_images_become_visible_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (a, b) = (put(&store, &["a"], &["old:1"]), put(&store, &["b"], &[]));
    let lease = lease(&store);
    let record = |policy, second: &Digest| {
        let (first_names, second_names) = ([name("new:1")], [name("old:1")]);
        let new = |target, names| NewImage {
            target,
            manifests: &[],
            names,
            repo_digest: None,
            operation: "load",
            move_policy: policy,
            now: now(),
        };
        store.record_images(&lease, &[new(&a, &first_names), new(second, &second_names)])
    };
    let refused = record(MovePolicy::Refuse, &b);
    assert!(
        matches!(refused, Err(Error::NameTaken { .. })),
        "{refused:?}"
    );
    assert!(store.resolve(&Selector::from("new:1")).is_err());

    let moved: Vec<_> = record(MovePolicy::Move, &b)
        .expect("records")
        .into_iter()
        .flat_map(|recorded| recorded.moved)
        .map(|moved| (moved.name.familiar(), moved.from, moved.to))
        .collect();
    assert_eq!(
        moved,
        [
            ("new:1".to_owned(), None, Some(a.clone())),
            ("old:1".to_owned(), Some(a.clone()), Some(b)),
        ]
    );
    store.undo(now()).expect("one undo takes both back");
    assert!(store.resolve(&Selector::from("new:1")).is_err());
    assert_eq!(store.resolve(&Selector::from("old:1")).unwrap().target, a);
}

/// Puts the parts of a manifest in, and returns an index's entry of it.
fn platform(store: &Store, architecture: &str) -> (Digest, String) {
    let head = format!(r#""architecture":"{architecture}","os":"linux""#);
    let digest = put_for(store, &head, &[architecture], &[]);
    let entry = format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":1,"platform":{{"architecture":"{architecture}","os":"linux"}}}}"#
    );
    (digest, entry)
}

#[test]
fn what_one_platform_lost_keeps_no_other_from_coming() {
    for lost in ["its layer", "its manifest", "its manifest, unnoticed"] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let lease = lease(&store);
        let ((first, one), (second, two)) = (platform(&store, "amd64"), platform(&store, "arm64"));
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{one},{two}]}}"#
        );
        let target = store.put_document(&lease, index.as_bytes()).unwrap();
        record(&store, &lease, &target, &first, &[name("app:1")]).unwrap();
        let damaged = match lost {
            "its layer" => Digest::sha256(b"amd64"),
            _ => first.clone(),
        };
        let place = folder.path().join("blobs/sha256").join(damaged.hex());
        let length = fs::metadata(&place).unwrap().len();
        match lost {
            "its manifest, unnoticed" => {
                fs::write(&place, vec![b' '; usize::try_from(length).unwrap()]).unwrap();
            }
            _ => fs::remove_file(&place).unwrap(),
        }
        record(&store, &lease, &target, &second, &[]).expect("the other is whole");
        let image = store.image(&target).unwrap();
        assert_eq!(image.manifest, second, "{lost}");
        assert!(
            image.index.iter().all(|entry| entry.present),
            "{lost}: both are listed"
        );
        let report = check(&store);
        let of_index = report
            .problems
            .iter()
            .filter(|problem| problem.images.contains(&target));
        assert_eq!(of_index.count(), 1, "{lost}: {report:?}");
        assert_eq!(
            store.lacking(&target).unwrap()[0].descriptor.digest,
            damaged
        );
        // What is asked for must be whole.
        let refused = record(&store, &lease, &target, &first, &[]);
        assert!(
            matches!(refused, Err(Error::Incomplete { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_name_that_moved_is_no_failure_where_index_json_cannot_follow() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["layer"], &["app:1"]);
    let mirror = folder.path().join("index.json");
    fs::remove_file(&mirror).unwrap();
    fs::create_dir(&mirror).unwrap();
    let planned = store
        .plan_tag(&Selector::from("app:1"), &name("app:2"))
        .unwrap();
    store.tag(&planned, now()).expect("it happened");
    assert_eq!(names(&store), ["app:1", "app:2"]);
    fs::remove_dir(&mirror).unwrap();
    put(&store, &["other"], &["app:3"]);
    assert_eq!(
        check(&store).problems,
        [],
        "the next change brought the file up"
    );
}
