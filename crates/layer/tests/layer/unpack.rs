//! Hostile layers and folders: nothing outside is touched, and what is wrong is said.

use std::collections::HashMap;
use std::fs;
use std::io::{Cursor, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use layer::{
    Error, FileIndex, LayerScan, Missing, NodeId, Tree, UnpackOptions, Unpacked, read_from, unpack,
    unpack_renamed,
};

use crate::archive::{Archive, Header};

const AS_USER: UnpackOptions = UnpackOptions {
    owners: false,
    devices: false,
    keep_target: false,
    keep_folders: false,
    as_of: None,
};

/// Layers as they are: their tars, and the tree that their indexes make.
struct Stack {
    tars: Vec<Vec<u8>>,
    tree: Tree,
}

fn stack(layers: impl IntoIterator<Item = Archive>) -> Stack {
    let mut tree = Tree::new();
    let tars: Vec<Vec<u8>> = layers.into_iter().map(Archive::end).collect();
    for tar in &tars {
        let mut index = Vec::new();
        let mut scan = LayerScan::new(&mut index);
        scan.write(tar).unwrap();
        scan.finish().unwrap();
        tree.push(FileIndex::open(index.as_slice()).unwrap())
            .unwrap();
    }
    Stack { tars, tree }
}

impl Stack {
    fn unpack(&self, folder: &Path, options: UnpackOptions) -> Result<Unpacked, Error> {
        let handle = fs::File::open(folder).unwrap();
        unpack(
            &self.tree,
            NodeId::ROOT,
            handle.as_fd(),
            options,
            &|layer, offset| self.open(layer, offset),
            &mut |_| ControlFlow::Continue(()),
        )
    }

    fn open(&self, layer: u32, offset: u64) -> Result<Box<dyn Read + Send>, Error> {
        let tar = self.tars[layer as usize].clone();
        let none: Option<&mut layer::SeekTable<Cursor<Vec<u8>>>> = None;
        read_from(Cursor::new(tar), none, offset).map_err(Error::Read)
    }
}

fn places() -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
    fs::create_dir(&root).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("canary"), "untouched").unwrap();
    (folder, root, outside)
}

fn untouched(outside: &Path) {
    let names: Vec<_> = fs::read_dir(outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["canary"]);
    assert_eq!(
        fs::read_to_string(outside.join("canary")).unwrap(),
        "untouched"
    );
}

#[test]
fn links_that_lead_out_lead_inside() {
    let (_folder, root, outside) = places();
    let away = outside.display().to_string();
    let stack = stack([
        Archive::new()
            .link("abs", b'2', &away)
            .link("rel", b'2', "../outside")
            .link("far", b'2', "../../../../../../../../tmp"),
        Archive::new()
            .file("abs/one", "1")
            .file("rel/two", "2")
            .file("far/three", "3")
            .file("../../outside/four", "4")
            .file("rel/.wh.canary", ""),
    ]);
    stack.unpack(&root, AS_USER).unwrap();
    untouched(&outside);
    assert_eq!(fs::read_link(root.join("abs")).unwrap(), outside);
    assert_eq!(fs::read_to_string(root.join("outside/two")).unwrap(), "2");
    assert_eq!(fs::read_to_string(root.join("outside/four")).unwrap(), "4");
    assert_eq!(fs::read_to_string(root.join("tmp/three")).unwrap(), "3");
    let inside = root.join(away.trim_start_matches('/'));
    assert_eq!(fs::read_to_string(inside.join("one")).unwrap(), "1");
}

#[test]
fn a_link_that_somebody_else_put_there_is_replaced_not_followed() {
    let (_folder, root, outside) = places();
    symlink(&outside, root.join("d")).unwrap();
    symlink(outside.join("canary"), root.join("f")).unwrap();
    let stack = stack([Archive::new()
        .header(&Header::new("d/", b'5', 0))
        .file("d/inside", "1")
        .file("f", "mine")]);
    stack.unpack(&root, AS_USER).unwrap();
    untouched(&outside);
    assert!(fs::symlink_metadata(root.join("d")).unwrap().is_dir());
    assert_eq!(fs::read_to_string(root.join("f")).unwrap(), "mine");
}

/// Somebody exchanges a folder for a link, over and over, while files are made in it.
#[test]
fn a_race_for_a_folder_is_lost_by_nobody_outside() {
    let (_folder, root, outside) = places();
    let mut archive = Archive::new().header(&Header::new("d/", b'5', 0));
    for number in 0..300 {
        // Another folder between two files makes that the first is opened anew each time.
        archive = archive
            .file(format!("d/{number}"), "x")
            .file(format!("e{number}/y"), "y");
    }
    let stack = stack([archive]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                drop(fs::rename(root.join("d"), root.join("aside")));
                drop(symlink(&outside, root.join("d")));
                drop(fs::remove_file(root.join("d")));
                drop(fs::rename(root.join("aside"), root.join("d")));
            }
        });
        for _ in 0..5 {
            // It may fail, as the folder is away at times. It must not write elsewhere.
            drop(stack.unpack(&root, AS_USER));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    untouched(&outside);
}

#[test]
fn what_a_user_cannot_make_is_noted() {
    let (_folder, root, _) = places();
    let mut device = Header::new("null", b'3', 0);
    device.number(329..337, 1).number(337..345, 3);
    let stack = stack([Archive::new()
        .header(&device)
        .pax([("SCHILY.xattr.trusted.overlay.opaque", "y")])
        .file("f", "x")]);
    let unpacked = stack.unpack(&root, AS_USER).unwrap();
    assert!(!root.join("null").exists());
    assert!(root.join("f").exists());
    let missing: Vec<_> = unpacked
        .notes
        .into_iter()
        .map(|note| note.missing)
        .collect();
    assert_eq!(
        missing,
        [
            Missing::Device,
            Missing::Xattr(b"trusted.overlay.opaque".to_vec())
        ]
    );
}

#[test]
fn owners_that_no_system_has_are_refused() {
    let (_folder, root, _) = places();
    for uid in ["4294967295", "4294967296", "-1"] {
        let stack = stack([Archive::new().pax([("uid", uid)]).file("f", "x")]);
        let options = UnpackOptions {
            owners: true,
            ..AS_USER
        };
        let error = stack.unpack(&root, options).unwrap_err();
        assert!(
            matches!(&error, Error::Unpack { entry, .. } if entry.as_str() == "f"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_claims_to_be_huge_costs_nothing() {
    let (_folder, root, _) = places();
    let map = "1\n0\n0\n";
    let claim = (1u64 << 62).to_string();
    let records = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "huge"),
        ("GNU.sparse.realsize", claim.as_str()),
    ];
    let stack = stack([Archive::new().pax(records).file("huge", {
        let mut content = map.as_bytes().to_vec();
        content.resize(512, 0);
        content
    })]);
    match stack.unpack(&root, AS_USER) {
        // A hole, where the file system has files of that size.
        Ok(_) => assert!(fs::metadata(root.join("huge")).unwrap().blocks() < 100),
        Err(error) => assert!(matches!(error, Error::Unpack { .. }), "{error}"),
    }
    let node = stack.tree.find(b"huge").unwrap();
    let file = stack.tree.file(stack.tree.current(node).unwrap());
    let offset = file.header_offset.unwrap();
    let tar = Cursor::new(stack.tars[0][usize::try_from(offset).unwrap()..].to_vec());
    let mut content = layer::Content::open(tar, offset, file.fingerprint).unwrap();
    let mut start = vec![1; 100_000];
    content.read_exact(&mut start).unwrap();
    assert!(start.iter().all(|&byte| byte == 0));
}

#[test]
fn deep_and_unwritable_folders_are_made() {
    let (_folder, root, _) = places();
    let deep = vec!["deep"; 5000].join("/");
    let mut closed = Header::new("closed/", b'5', 0);
    closed.field(100..108, "0000500\0");
    let stack = stack([Archive::new()
        .pax([("path", format!("{deep}/bottom"))])
        .file("short", "down here")
        .header(&closed)
        .file("closed/file", "in")]);
    let unpacked = stack.unpack(&root, AS_USER).unwrap();
    assert_eq!(unpacked.files, 5000 + 1 + 2);
    assert_eq!(
        fs::metadata(root.join("closed")).unwrap().mode() & 0o7777,
        0o500
    );
    // Too deep for a path of the system, which the clean-up uses, too.
    let again = stack.unpack(&root, AS_USER);
    assert!(again.is_ok(), "{again:?}");
}

#[test]
fn a_layer_that_is_not_the_indexed_one_is_told() {
    let (_folder, root, _) = places();
    let mut stack = stack([Archive::new().file("f", "content")]);
    let at = stack.tars[0]
        .windows(7)
        .position(|window| window == b"content")
        .unwrap();
    stack.tars[0][at] ^= 1;
    let error = stack.unpack(&root, AS_USER).unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    stack.tars[0].truncate(700);
    assert!(stack.unpack(&root, AS_USER).is_err());
}

#[test]
fn what_gets_other_names_is_made_under_them_and_a_folder_that_is_there_stays_as_it_is() {
    let (_folder, root, _) = places();
    let there = root.join("there");
    fs::create_dir(&there).unwrap();
    fs::write(there.join("one"), "old").unwrap();
    let before = fs::metadata(&there).unwrap().mode();
    let mut closed = Header::new("there/", b'5', 0);
    closed.field(100..108, "0000500\0");
    let stack = stack([Archive::new()
        .header(&closed)
        .file("there/one", "1")
        .file("new/two", "2")
        .link("new/link", b'1', "there/one")]);
    let node = |path: &[u8]| stack.tree.find(path).unwrap();
    let names = HashMap::from([
        (node(b"there/one"), b".one".to_vec()),
        (node(b"new"), b".new".to_vec()),
    ]);
    let options = UnpackOptions {
        keep_folders: true,
        ..AS_USER
    };
    let handle = fs::File::open(&root).unwrap();
    let open = |layer, offset| stack.open(layer, offset);
    let mut go_on = |_| ControlFlow::Continue(());
    unpack_renamed(
        &stack.tree,
        handle.as_fd(),
        names,
        options,
        &open,
        &mut go_on,
    )
    .unwrap();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let found = ["there/one", "there/.one", ".new/two", ".new/link"].map(read);
    assert_eq!(found, ["old", "1", "2", "1"]);
    assert!(!root.join("new").exists());
    assert_eq!(fs::metadata(&there).unwrap().mode(), before);
}
