//! The merged tree: image-spec's rules, what is hostile, and a model of the rules in a few lines.

use std::collections::BTreeMap;

use layer::{Change, EntryKind, Error, FileIndex, LayerScan, NodeId, PathProblem, Tree};
use proptest::prelude::*;

use crate::archive::{Archive, Header};

fn index(tar: &[u8]) -> Vec<u8> {
    let mut index = Vec::new();
    let mut scan = LayerScan::new(&mut index);
    scan.write(tar).unwrap();
    scan.finish().unwrap();
    index
}

fn push(tree: &mut Tree, archive: Archive) -> Result<(), Error> {
    let index = index(&archive.end());
    tree.push(FileIndex::open(index.as_slice()).unwrap())
}

fn tree(layers: impl IntoIterator<Item = Archive>) -> Tree {
    let mut tree = Tree::new();
    for layer in layers {
        push(&mut tree, layer).unwrap();
    }
    tree
}

/// The paths that are there at the end; folders with a slash.
fn paths(tree: &Tree) -> Vec<String> {
    let there = tree.walk(NodeId::ROOT).filter(|&node| node != NodeId::ROOT);
    there
        .filter_map(|node| {
            let file = tree.file(tree.current(node)?);
            let slash = if file.is_folder() { "/" } else { "" };
            Some(String::from_utf8_lossy(&tree.path(node)).into_owned() + slash)
        })
        .collect()
}

fn new() -> Archive {
    Archive::new()
}

trait Folders {
    fn folder(self, name: &str) -> Self;
    fn whiteout(self, name: &str) -> Self;
}

impl Folders for Archive {
    fn folder(self, name: &str) -> Self {
        self.header(&Header::new(name, b'5', 0))
    }

    fn whiteout(self, name: &str) -> Self {
        self.file(name, "")
    }
}

#[test]
fn marks_touch_only_what_lies_below_wherever_they_stand() {
    let base = || new().folder("d/").file("d/old", "1").file("d/kept", "2");
    for layer in [
        new().file("d/new", "3").whiteout("d/.wh..wh..opq"),
        new().whiteout("d/.wh..wh..opq").file("d/new", "3"),
        new().folder("d/").file("d/new", "3").whiteout(".wh.d"),
        new().whiteout(".wh.d").file("d/new", "3"),
    ] {
        assert_eq!(paths(&tree([base(), layer])), ["d/", "d/new"]);
    }
    let again = new().whiteout("d/.wh.old").file("d/old", "again");
    let merged = tree([base(), again]);
    assert_eq!(paths(&merged), ["d/", "d/kept", "d/old"]);
    let node = merged.find(b"d/old").unwrap();
    assert_eq!(merged.version_of(node, 1).unwrap().change, Change::Changed);
}

#[test]
fn a_whiteout_of_nothing_does_nothing() {
    let merged = tree([
        new().file("a", ""),
        new().whiteout("x/y/.wh.z").whiteout(".wh.none"),
    ]);
    assert_eq!(paths(&merged), ["a"]);
}

#[test]
fn reserved_names_are_hidden_and_bare_marks_are_refused() {
    let aufs = new()
        .file(".wh..wh.plnk/1.2", "x")
        .file(".wh..wh.aufs", "")
        .file("a", "");
    assert_eq!(paths(&tree([aufs])), ["a"]);
    for name in [".wh.", "d/.wh..", "d/.wh..."] {
        let mut merged = tree([new().file("d/a", "")]);
        let error = push(&mut merged, new().whiteout(name)).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Path {
                    problem: PathProblem::BareWhiteout,
                    ..
                }
            ),
            "{name}: {error}"
        );
    }
}

#[test]
fn links_on_the_way_are_followed_inside_the_root() {
    let merged = tree([
        new()
            .folder("usr/")
            .folder("usr/lib/")
            .file("usr/lib/gone", "")
            .link("lib", b'2', "usr/lib")
            .link("abs", b'2', "/usr/lib")
            .link("up", b'2', "../../../usr"),
        new()
            .file("lib/a", "")
            .file("abs/b", "")
            .file("up/c", "")
            .whiteout("lib/.wh.gone"),
    ]);
    assert_eq!(
        paths(&merged),
        [
            "abs",
            "lib",
            "up",
            "usr/",
            "usr/c",
            "usr/lib/",
            "usr/lib/a",
            "usr/lib/b"
        ]
    );
    let node = merged.resolve(b"/up/lib/a", true).unwrap();
    assert_eq!(merged.path(node), b"usr/lib/a");
    let dangling = tree([new().link("d", b'2', "var/run"), new().file("d/pid", "1")]);
    assert_eq!(paths(&dangling), ["d", "var/", "var/run/", "var/run/pid"]);
    let mut circle = tree([new().link("a", b'2', "b").link("b", b'2', "a")]);
    let error = push(&mut circle, new().file("a/x", "")).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Path {
                problem: PathProblem::TooManyLinks,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(circle.resolve(b"a", true), None);
}

#[test]
fn types_replace_each_other_and_the_root_stays() {
    let merged = tree([
        new()
            .file("a", "")
            .folder("b/")
            .file("b/x", "")
            .link("c", b'2', "b"),
        new()
            .folder("a/")
            .file("a/y", "")
            .file("b", "now a file")
            .folder("c/")
            .file("c/z", ""),
    ]);
    assert_eq!(paths(&merged), ["a/", "a/y", "b", "c/", "c/z"]);
    let gone = merged.find(b"b/x").unwrap();
    assert_eq!(merged.version_of(gone, 1).unwrap().change, Change::Removed);
    let mut merged = tree([new().file("a", "")]);
    let error = push(&mut merged, new().link("/", b'2', "/tmp")).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Path {
                problem: PathProblem::RootIsNoFolder,
                ..
            }
        ),
        "{error}"
    );
    let mut merged = tree([new().file("a", "")]);
    let error = push(&mut merged, new().file("a/b", "")).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Path {
                problem: PathProblem::NotAFolder,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn hard_links_are_bound_when_they_are_made() {
    let merged = tree([
        new().file("a", "one").file("b", "two"),
        new()
            .link("c", b'1', "a")
            .link("d", b'1', "/b")
            .file("a", "three"),
    ]);
    let file = |name: &[u8]| merged.current(merged.find(name).unwrap()).unwrap();
    assert_ne!(file(b"a"), file(b"c"));
    assert_eq!(file(b"b"), file(b"d"));
    assert_eq!(merged.file(file(b"c")).size, 3);
    let totals = merged.totals(1);
    assert_eq!(Tree::total_of(&totals, NodeId::ROOT).bytes, 5 + 3 + 3);
    for (layer, wanted) in [
        (
            new().link("l", b'1', "later").file("later", ""),
            PathProblem::LinkTargetMissing,
        ),
        (
            new().folder("d/").link("l", b'1', "d"),
            PathProblem::LinkToFolder,
        ),
    ] {
        let error = push(&mut Tree::new(), layer).unwrap_err();
        assert!(
            matches!(error, Error::Path { problem, .. } if problem == wanted),
            "{error}"
        );
    }
}

#[test]
fn names_never_leave_the_root_and_the_last_of_two_counts() {
    let merged = tree([new()
        .file("/abs", "1")
        .file("./here", "2")
        .file("x/../../../out", "3")
        .file("twice", "4")
        .file("twice", "five")
        .file("a/.", "")
        .file("\u{7}\u{1b}[2J", "")]);
    assert_eq!(
        paths(&merged),
        ["\u{7}\u{1b}[2J", "a", "abs", "here", "out", "twice"]
    );
    assert_eq!(
        merged
            .file(merged.current(merged.find(b"twice").unwrap()).unwrap())
            .size,
        4
    );
}

#[test]
fn what_a_later_layer_hides_is_known() {
    let merged = tree([
        new().folder("d/").file("d/a", "1").file("d/b", "1"),
        new().file("d/a", "2").folder("d/"),
        new().whiteout(".wh.d"),
    ]);
    let node = |name: &[u8]| merged.find(name).unwrap();
    assert_eq!(merged.hidden_by(node(b"d/a"), 0), Some(1));
    assert_eq!(merged.hidden_by(node(b"d/a"), 1), Some(2));
    assert_eq!(merged.hidden_by(node(b"d/b"), 0), Some(2));
    assert_eq!(merged.hidden_by(node(b"d"), 0), Some(2));
    assert_eq!(
        merged.version_of(node(b"d"), 1).unwrap().change,
        Change::Same
    );
    assert!(paths(&merged).is_empty());
    assert!(merged.file_at(node(b"d/b"), 1).is_some());
}

#[test]
fn many_and_deep_names_are_bounded() {
    let deep = vec!["d"; 5000].join("/");
    let pax = |name: &str| new().pax([("path", name)]);
    let mut merged = tree([pax(&format!("{deep}/x")).file("short", "")]);
    assert_eq!(merged.walk(NodeId::ROOT).count(), 5002);
    push(&mut merged, new().whiteout(".wh.d")).unwrap();
    assert!(paths(&merged).is_empty());

    let mut wide = new();
    for number in 0..100_000 {
        wide = wide.file(format!("w/{number}"), "");
    }
    let mut marks = new();
    for _ in 0..20_000 {
        // Each would look at all names anew if repeated marks were not known as such.
        marks = marks.whiteout("w/.wh..wh..opq").file("w/own", "");
    }
    let mut merged = tree([wide, marks]);
    assert_eq!(paths(&merged), ["w/", "w/own"]);
    push(&mut merged, new().whiteout(".wh.w")).unwrap();

    let mut bounded = Tree::with_limit(1000);
    let error = push(&mut bounded, pax(&deep).file("short", "")).unwrap_err();
    assert!(
        matches!(error, Error::TooManyFiles { limit: 1000 }),
        "{error}"
    );
}

#[test]
fn one_name_many_times_and_large_attributes_are_bounded() {
    let mut same = new();
    for _ in 0..3000 {
        same = same.file("again", "");
    }
    let mut bounded = Tree::with_limit(1000);
    let error = push(&mut bounded, same).unwrap_err();
    assert!(
        matches!(error, Error::TooManyFiles { limit: 1000 }),
        "{error}"
    );

    let mut bounded = Tree::with_limit(1000);
    let value = "x".repeat(60_000);
    for layer in 0.. {
        let attributed = new()
            .pax([("SCHILY.xattr.user.x", &value)])
            .file("file", "");
        if let Err(error) = push(&mut bounded, attributed) {
            assert!(matches!(error, Error::TooMuchMetadata { .. }), "{error}");
            assert_eq!(layer, 4, "256 bytes for each path are 256 000");
            break;
        }
    }
}

/// What a layer of the model has: a path and what is there, or a mark.
#[derive(Clone, Debug)]
enum Item {
    File(usize, u8),
    Folder(usize),
    Whiteout(usize),
    Opaque(usize),
}

/// Folders and files whose names never contradict each other: `F…` are folders.
const PATHS: [&str; 8] = ["F", "F/a", "F/b", "F/F", "F/F/a", "F/F/c", "G", "G/a"];

fn item() -> impl Strategy<Value = Item> {
    let files = prop::sample::select(vec![1usize, 2, 4, 5, 7]);
    let folders = prop::sample::select(vec![0usize, 3, 6]);
    prop_oneof![
        (files, 0u8..3).prop_map(|(path, size)| Item::File(path, size)),
        folders.clone().prop_map(Item::Folder),
        (0usize..8).prop_map(Item::Whiteout),
        folders.prop_map(Item::Opaque),
    ]
}

/// image-spec's text as a program: first the marks, on what is below; then what the layer has.
fn model(below: &BTreeMap<String, Option<u8>>, layer: &[Item]) -> BTreeMap<String, Option<u8>> {
    let mut result = below.clone();
    for item in layer {
        let (path, inside_only) = match item {
            Item::Whiteout(path) => (PATHS[*path], false),
            Item::Opaque(path) => (PATHS[*path], true),
            _ => continue,
        };
        let prefix = format!("{path}/");
        result.retain(|name, _| !(name.starts_with(&prefix) || (!inside_only && name == path)));
    }
    for item in layer {
        let (path, content) = match item {
            Item::File(path, size) => (PATHS[*path], Some(*size)),
            Item::Folder(path) => (PATHS[*path], None),
            _ => continue,
        };
        for (slash, _) in path.match_indices('/') {
            result.entry(path[..slash].to_owned()).or_insert(None);
        }
        result.insert(path.to_owned(), content);
    }
    result
}

proptest! {
    #[test]
    fn any_stack_is_what_the_specification_says(
        layers in prop::collection::vec(prop::collection::vec(item(), 0..12), 1..5)
    ) {
        let mut expected = BTreeMap::new();
        let mut merged = Tree::new();
        for layer in &layers {
            expected = model(&expected, layer);
            let archive = layer.iter().fold(new(), |archive, item| match item {
                Item::File(path, size) => archive.file(PATHS[*path], vec![b'x'; usize::from(*size)]),
                Item::Folder(path) => archive.folder(PATHS[*path]),
                Item::Whiteout(path) => {
                    let (folder, name) = PATHS[*path].rsplit_once('/').unwrap_or(("", PATHS[*path]));
                    archive.whiteout(&format!("{folder}/.wh.{name}"))
                }
                Item::Opaque(path) => archive.whiteout(&format!("{}/.wh..wh..opq", PATHS[*path])),
            });
            push(&mut merged, archive).unwrap();
            let found: BTreeMap<String, Option<u8>> = merged
                .walk(NodeId::ROOT)
                .filter(|&node| node != NodeId::ROOT)
                .filter_map(|node| {
                    let file = merged.file(merged.current(node)?);
                    let content = (file.kind == EntryKind::Regular).then(|| u8::try_from(file.size).unwrap());
                    Some((String::from_utf8(merged.path(node)).unwrap(), content))
                })
                .collect();
            prop_assert_eq!(&found, &expected);
        }
    }
}
