//! Damage, and what becomes of it.

use std::fs;
use std::ops::ControlFlow;

use jiff::SignedDuration;
use oci::{Algorithm, Digest, Hasher};
use store::{CheckOptions, Error, GRACE, LayerFacts, MovePolicy, NewImage};

use crate::hostile::record;
use crate::lab::{check, lease, name, names, now, open, put};

#[test]
fn a_blob_that_was_cut_off_before_a_rebuild_gets_its_size_back_with_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::sha256(b"layer");
    put(&open(folder.path()), &["layer"], &["app:1"]);
    fs::write(
        folder.path().join("blobs/sha256").join(digest.hex()),
        b"lay",
    )
    .unwrap();
    fs::remove_file(folder.path().join("strata.db")).unwrap();
    let store = open(folder.path());
    assert_eq!(check(&store).problems.len(), 1);
    store.put_document(&lease(&store), b"layer").unwrap();
    assert!(store.contains(&digest).unwrap());
    assert_eq!(check(&store).problems, []);
}

#[test]
fn a_repair_leaves_a_blob_alone_that_was_mended_since_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["layer"], &["app:1"]);
    let digest = Digest::sha256(b"layer");
    let place = folder.path().join("blobs/sha256").join(digest.hex());
    fs::write(&place, b"LAYER").unwrap();
    let report = check(&store);
    store.put_document(&lease(&store), b"layer").unwrap();
    let aside = fs::read_dir(folder.path().join("quarantine"))
        .unwrap()
        .count();
    let repaired = store.repair(&report, now()).unwrap();
    assert!(repaired.quarantined.is_empty(), "{repaired:?}");
    assert!(repaired.unfetched.is_empty(), "{repaired:?}");
    assert_eq!(repaired.fixed.len(), 1);
    assert_eq!(
        fs::read_dir(folder.path().join("quarantine"))
            .unwrap()
            .count(),
        aside
    );
    assert_eq!(check(&store).problems, []);
}

#[test]
fn only_a_check_that_reads_every_byte_lifts_the_lock_of_a_recovery() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), &["layer"], &["app:1"]);
    fs::remove_file(folder.path().join("strata.db")).unwrap();
    let store = open(folder.path());
    let quick = CheckOptions {
        read_data: false,
        now: now(),
    };
    let report = store.check(&quick, &|_| ControlFlow::Continue(())).unwrap();
    assert!(report.is_ok());
    assert!(matches!(store.collect(now()), Err(Error::Unchecked)));
    assert!(check(&store).is_ok());
    store.collect(now()).unwrap();
}

#[test]
fn a_rebuild_finds_blobs_that_sha512_names_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(b"layer");
    let layer = hasher.finish();
    {
        let store = open(folder.path());
        let lease = lease(&store);
        store.put_verified(&lease, &layer, b"layer").unwrap();
        let config =
            br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
        let config_digest = store.put_document(&lease, config).unwrap();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":5}}]}}"#,
            config.len()
        );
        let target = store.put_document(&lease, manifest.as_bytes()).unwrap();
        record(&store, &lease, &target, &target, &[name("app:1")]).unwrap();
    }
    fs::remove_file(folder.path().join("strata.db")).unwrap();
    let store = open(folder.path());
    assert_eq!(names(&store), ["app:1"]);
    assert_eq!(check(&store).problems, []);
}

#[test]
fn where_an_image_came_from_outlives_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let from = |target: &Digest| name(&format!("registry.example/team/app@{target}"));
    for named in ["app:1", ""] {
        let root = folder.path().join(format!("store{}", named.len()));
        let store = open(&root);
        let names: Vec<&str> = Some(named)
            .filter(|name| !name.is_empty())
            .into_iter()
            .collect();
        let target = put(&store, &["layer"], &names);
        let image = NewImage {
            target: &target,
            manifests: &[],
            names: &[],
            repo_digest: Some(&from(&target)),
            operation: "pull",
            move_policy: MovePolicy::Move,
            now: now(),
        };
        store.record_image(&lease(&store), &image).unwrap();
        assert_eq!(check(&store).problems, []);
        drop(store);
        let index: serde_json::Value =
            serde_json::from_slice(&fs::read(root.join("index.json")).unwrap()).unwrap();
        assert_eq!(
            index["manifests"][0]["annotations"]["dev.strata.repo-digests"],
            from(&target).to_string()
        );
        fs::remove_file(root.join("strata.db")).unwrap();
        let store = open(&root);
        assert_eq!(store.images().unwrap()[0].repo_digests, [from(&target)]);
        assert_eq!(check(&store).problems, []);
    }
}

#[test]
fn an_index_json_of_an_earlier_version_is_made_anew_on_open() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), &["layer"], &["app:1"]);
    let path = folder.path().join("index.json");
    let text = fs::read_to_string(&path).unwrap();
    let earlier = text.replace(r#""dev.strata.lines":"3""#, r#""dev.strata.lines":"2""#);
    assert_ne!(earlier, text);
    fs::write(&path, earlier).unwrap();
    let store = open(folder.path());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(check(&store).problems, []);
}

#[test]
fn an_image_holds_a_blob_again_whose_row_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["one", "two"], &["app:1"]);
    let digest = Digest::sha256(b"two");
    let sql = rusqlite::Connection::open(folder.path().join("strata.db")).unwrap();
    sql.execute("DELETE FROM blobs WHERE digest = ?", [digest.as_str()])
        .unwrap();
    drop(sql);
    let lacking = store.lacking(&target).unwrap();
    assert_eq!(lacking.len(), 1);
    assert_eq!(lacking[0].descriptor.digest, digest);
    assert_eq!(lacking[0].diff_id, Some(digest.clone()));
    let repaired = store.repair(&check(&store), now()).unwrap();
    assert_eq!(repaired.unfetched.len(), 1);
    assert_eq!(store.lacking(&target).unwrap(), [], "its file was there");
    store.mended(&lease(&store), &target).unwrap();
    assert_eq!(check(&store).problems, []);
    let later = now() + GRACE + SignedDuration::from_hours(1);
    store.collect(later).unwrap();
    assert!(store.contains(&digest).unwrap(), "the image holds it");
}

#[test]
fn a_file_index_that_a_dead_process_finished_gets_its_row_on_open() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::sha256(b"layer");
    {
        let store = open(folder.path());
        put(&store, &["layer"], &["app:1"]);
        let facts = LayerFacts {
            diff_id: digest.clone(),
            uncompressed_size: 5,
            content_size: 5,
            entries: 1,
        };
        let index = store.index_writer().unwrap();
        index.commit(&digest, &facts).unwrap();
    }
    // As a process leaves it that dies between the file and the row.
    let sql = rusqlite::Connection::open(folder.path().join("strata.db")).unwrap();
    sql.execute_batch(&format!(
        "DELETE FROM layers;
         INSERT INTO leases (id, owner, purpose, started, renewed) VALUES (99, 'process-1-99', '{{}}', 0, 0);
         INSERT INTO lease_blobs (lease, digest) VALUES (99, '{digest}');"
    ))
    .unwrap();
    drop(sql);
    let store = open(folder.path());
    assert!(store.layer(&digest).unwrap().is_some());
    assert_eq!(check(&store).problems, []);
}

#[test]
fn damage_is_found_repaired_to_quarantine_and_mended_by_bringing_the_blob_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let digest = Digest::sha256(b"layer");
    fs::write(
        folder.path().join("blobs/sha256").join(digest.hex()),
        b"LAYER",
    )
    .unwrap();
    let report = check(&store);
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert_eq!(report.problems[0].kind.as_str(), "blob_content");
    assert_eq!(report.problems[0].images, [target]);
    assert!(store.images().unwrap()[0].damaged);
    let repaired = store.repair(&report, now()).unwrap();
    assert_eq!(repaired.quarantined.len(), 1);
    assert_eq!(repaired.unfetched[0].missing, std::slice::from_ref(&digest));
    store.put_document(&lease(&store), b"layer").unwrap();
    assert_eq!(check(&store).problems, []);
    assert!(!store.images().unwrap()[0].damaged);
}

#[test]
fn a_check_names_the_document_that_is_damaged_and_spares_the_one_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let target = put(&store, &["layer"], &["app:1"]);
    let config = store.image(&target).unwrap().config;
    let place = folder.path().join("blobs/sha256").join(config.hex());
    let mut bytes = fs::read(&place).unwrap();
    bytes[0] = b'[';
    fs::write(&place, bytes).unwrap();
    let quick = CheckOptions {
        read_data: false,
        now: now(),
    };
    let report = store.check(&quick, &|_| ControlFlow::Continue(())).unwrap();
    assert_eq!(report.problems.len(), 1, "{report:?}");
    let problem = &report.problems[0];
    assert_eq!(problem.kind.as_str(), "blob_content");
    assert_eq!(
        (&problem.digest, &problem.path),
        (&Some(config), &Some(place))
    );
    assert_eq!(problem.images, std::slice::from_ref(&target));
    assert!(problem.repairable);
    assert!(store.contains(&target).unwrap());
}

#[test]
fn a_blob_that_comes_back_during_a_check_is_not_noted_as_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["layer", "other"], &["app:1"]);
    let digest = Digest::sha256(b"layer");
    fs::remove_file(folder.path().join("blobs/sha256").join(digest.hex())).unwrap();
    let everything = CheckOptions {
        read_data: true,
        now: now(),
    };
    // The files were looked at when the first bytes are read.
    let report = store
        .check(&everything, &|_| {
            store.put_document(&lease(&store), b"layer").unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(report.problems, []);
    assert!(store.contains(&digest).unwrap());
    let left = fs::read_dir(folder.path().join("ingest")).unwrap().count();
    assert_eq!(left, 0);
}
