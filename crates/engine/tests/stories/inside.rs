//! Looking into an image: its tree line by line, what is large, what is wasted, files as they once were.

use engine::{
    CopyOptions, FileChange, FileKind, FileSort, FileView, ImageFiles, OutlineQuery, Selector,
    WasteCause,
};
use oci::Digest;
use testkit::{ImageBuilder, Layer};

use crate::lab::Lab;

/// Three layers: a base, one that changes and adds, one that removes.
fn image() -> testkit::Image {
    ImageBuilder::new()
        .layer(
            Layer::new()
                .file("etc/os-release", "ID=debian\n")
                .file("etc/passwd", "root")
                .file("usr/lib/big", [b'b'; 9000])
                .file("usr/bin/python3.11", [b'p'; 500])
                .symlink("usr/bin/python3", "python3.11")
                .file("var/cache/a", [b'a'; 3000])
                .file("var/cache/b", [b'b'; 2000]),
        )
        .layer(
            Layer::new()
                .file("etc/passwd", "root and more")
                .entry("usr/lib/big", b'0', 0o600, "", &[b'b'; 9000])
                .file("srv/app", "app")
                .file("srv/b\\x", "odd"),
        )
        .layer(Layer::new().whiteout("var/cache").file("srv/app", "newer"))
        .build()
}

async fn files(lab: &Lab) -> (ImageFiles, Digest) {
    let reference = lab.registry.push("team/app:1", &image());
    let pulled = lab.pull(&reference).await.unwrap();
    let target = pulled.images[0].target.clone();
    let files = lab.engine.files(&Selector::digest_of(&target)).await;
    (files.unwrap(), target)
}

fn lines(files: &ImageFiles, query: &OutlineQuery) -> Vec<String> {
    let outline = files.outline(query).unwrap();
    let rows = outline.rows(0, usize::MAX);
    assert_eq!(rows.len(), outline.len());
    rows.iter()
        .enumerate()
        .map(|(at, row)| {
            if let Some(parent) = row.parent {
                assert!(parent < at && rows[parent].open, "{row:?}");
            }
            assert!(row.position <= row.siblings, "{row:?}");
            let path = String::from_utf8(row.file.path.clone()).unwrap();
            let mark = match row.file.change {
                Some(FileChange::Added) => "+",
                Some(FileChange::Changed) => "~",
                Some(FileChange::Removed) => "-",
                None => "",
            };
            format!("{}{mark}{path}", " ".repeat(row.depth))
        })
        .collect()
}

#[tokio::test]
async fn a_tree_has_the_lines_of_its_open_folders() {
    let lab = Lab::new().await;
    let (files, _) = files(&lab).await;
    let mut query = OutlineQuery::default();
    assert_eq!(lines(&files, &query), ["etc", "srv", "usr", "var"]);
    query.open = vec![b"usr".to_vec(), b"etc".to_vec(), b"no/such".to_vec()];
    assert_eq!(
        lines(&files, &query),
        [
            "etc",
            " etc/os-release",
            " etc/passwd",
            "srv",
            "usr",
            " usr/bin",
            " usr/lib",
            "var"
        ]
    );
    query.sort = FileSort::Size;
    query.open.clear();
    assert_eq!(lines(&files, &query), ["usr", "etc", "srv", "var"]);
    let outline = files.outline(&query).unwrap();
    assert_eq!(outline.find(b"S", 0), Some(2));
    assert_eq!(outline.find(b"u", 1), Some(0), "from the top again");
    assert_eq!(outline.find(b"x", 0), None);
    assert_eq!(outline.rows(1, 2)[1].file.path, b"srv");
}

#[tokio::test]
async fn a_path_is_revealed_by_opening_the_way_to_it() {
    let lab = Lab::new().await;
    let (files, _) = files(&lab).await;
    let mut query = OutlineQuery {
        reveal: Some(b"usr/bin/python3".to_vec()),
        ..OutlineQuery::default()
    };
    let outline = files.outline(&query).unwrap();
    assert_eq!(outline.open(), [b"usr".to_vec(), b"usr/bin".to_vec()]);
    let row = &outline.rows(outline.revealed().unwrap(), 1)[0];
    assert_eq!(row.file.path, b"usr/bin/python3");
    assert_eq!((row.depth, row.position, row.siblings), (2, 1, 2));
    query.reveal = Some(b"var/cache/a".to_vec());
    assert_eq!(files.outline(&query).err().unwrap().code(), "not_found");
    query.view = FileView::Layer(4);
    assert_eq!(files.outline(&query).err().unwrap().code(), "usage");
}

#[tokio::test]
async fn a_layers_tree_shows_what_it_did_and_counts_it_for_folders() {
    let lab = Lab::new().await;
    let (files, _) = files(&lab).await;
    let all = ["etc", "srv", "usr", "usr/lib", "var", "var/cache"];
    let mut query = OutlineQuery {
        view: FileView::Layer(3),
        open: all.iter().map(|path| path.as_bytes().to_vec()).collect(),
        ..OutlineQuery::default()
    };
    assert_eq!(
        lines(&files, &query),
        [
            "srv",
            " ~srv/app",
            "var",
            " -var/cache",
            "  -var/cache/a",
            "  -var/cache/b"
        ]
    );
    let outline = files.outline(&query).unwrap();
    assert_eq!(outline.rows(2, 1)[0].below.removed, 3);
    assert_eq!(outline.rows(0, 1)[0].below.changed, 1);
    // Up to the second layer, only what it changed.
    query.view = FileView::UpTo(2);
    query.changed_only = true;
    assert_eq!(
        lines(&files, &query),
        [
            "etc",
            " ~etc/passwd",
            "+srv",
            " +srv/app",
            " +srv/b\\x",
            "usr",
            " usr/lib",
            "  ~usr/lib/big"
        ]
    );
    let hidden = files.look_in(b"srv/app", query.view).unwrap().hidden_by;
    assert_eq!(hidden, Some(3));
}

#[tokio::test]
async fn a_search_takes_parts_patterns_and_paths_and_finds_what_is_gone() {
    let lab = Lab::new().await;
    let (files, _) = files(&lab).await;
    let found = |pattern: &str| {
        let page = files.search(pattern.as_bytes(), 0, 100);
        let rows = page.rows.into_iter();
        rows.map(|row| String::from_utf8(row.path).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("python3*"), ["usr/bin/python3", "usr/bin/python3.11"]);
    assert_eq!(found("PYTHON3"), found("python3*"));
    assert_eq!(found("python?"), ["usr/bin/python3"]);
    assert_eq!(found("/etc/passwd"), ["etc/passwd"]);
    assert_eq!(found("/etc/*"), ["etc/os-release", "etc/passwd"]);
    assert_eq!(found("bin/py*1"), ["usr/bin/python3.11"]);
    assert_eq!(found("b\\x"), ["srv/b\\x"], "no pattern without a star");
    assert_eq!(found("[oops"), Vec::<String>::new());
    let gone = &files.search(b"/var/cache/a", 0, 1).rows[0];
    assert_eq!((gone.change, gone.layer), (Some(FileChange::Removed), 3));
    let passwd = &files.search(b"passwd", 0, 1).rows[0];
    assert_eq!(
        (passwd.change, passwd.layer),
        (Some(FileChange::Changed), 2)
    );
}

#[tokio::test]
async fn a_file_is_read_and_saved_as_a_layer_left_it() {
    let lab = Lab::new().await;
    let (files, _) = files(&lab).await;
    let read = |path: &str, view| files.read_start_in(path.as_bytes(), view, 4).unwrap();
    let app = read("srv/app", FileView::Merged);
    assert_eq!(
        (app.bytes.as_slice(), app.truncated, app.size),
        (&b"newe"[..], true, 5)
    );
    assert_eq!(read("srv/app", FileView::UpTo(2)).bytes, b"app");
    // What a layer removed is read as it was before.
    let gone = read("var/cache/a", FileView::Layer(3));
    assert_eq!((gone.bytes.as_slice(), gone.size), (&b"aaaa"[..], 3000));
    let link = read("usr/bin/python3", FileView::Layer(1));
    assert_eq!((link.row.kind, link.size), (FileKind::Symlink, 500));
    let refused = files.read_start_in(b"srv", FileView::Merged, 4);
    assert_eq!(refused.unwrap_err().code(), "not_a_file");

    let folder = tempfile::tempdir().unwrap();
    let options = CopyOptions {
        view: FileView::Layer(3),
        ..CopyOptions::default()
    };
    let copied = files.copy_out(b"var/cache", folder.path(), options, &|_| {});
    assert_eq!(copied.await.unwrap().bytes, 5000);
    assert_eq!(
        std::fs::read(folder.path().join("cache/b")).unwrap(),
        [b'b'; 2000]
    );
    let options = CopyOptions {
        view: FileView::UpTo(1),
        ..options
    };
    let place = folder.path().join("passwd");
    let copied = files.copy_out(b"etc/passwd", &place, options, &|_| {});
    assert_eq!(copied.await.unwrap().bytes, 4);
    assert_eq!(std::fs::read(place).unwrap(), b"root");
}

#[tokio::test]
async fn a_map_has_the_largest_things_and_adds_up() {
    let lab = Lab::new().await;
    let (files, _) = files(&lab).await;
    for limit in 1..20 {
        let map = files.treemap(b"", FileView::Merged, limit).unwrap();
        assert!(map.nodes.len() <= limit.max(1), "{limit}: {map:?}");
        for (at, node) in map.nodes.iter().enumerate() {
            let children = map.nodes.iter().filter(|child| child.parent == Some(at));
            let inside: u64 = children.map(|child| child.bytes).sum();
            assert!(inside == 0 || inside + node.rest == node.bytes, "{node:?}");
            assert!(node.parent.is_none_or(|parent| parent < at), "{node:?}");
        }
    }
    let map = files.treemap(b"usr", FileView::Merged, 100).unwrap();
    let big = map
        .nodes
        .iter()
        .find(|node| node.path == b"usr/lib/big")
        .unwrap();
    assert_eq!((big.bytes, big.layer, big.folder), (9000, 2, false));
    let whole = files.treemap(b"", FileView::UpTo(1), 1).unwrap();
    assert_eq!((whole.nodes[0].bytes, whole.nodes[0].layer), (14_514, 1));
}

#[tokio::test]
async fn wasted_bytes_are_told_by_their_cause() {
    let lab = Lab::new().await;
    let (_, target) = files(&lab).await;
    let analysis = lab.engine.analyze(&Selector::digest_of(&target)).await;
    let sources = analysis.unwrap().sources;
    let told: Vec<_> = sources
        .iter()
        .map(|source| {
            let folder = String::from_utf8(source.folder.clone()).unwrap();
            (
                source.layer,
                source.later,
                source.cause,
                source.bytes,
                folder,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, 2, WasteCause::Repeated, 9000, "usr/lib".to_owned()),
            (1, 3, WasteCause::Removed, 5000, "var/cache".to_owned()),
            (1, 2, WasteCause::Replaced, 4, "etc".to_owned()),
            (2, 3, WasteCause::Replaced, 3, "srv".to_owned()),
        ]
    );
}

/// The explorer is opened on images of every size; what it asks for must not take longer than a glance.
#[tokio::test]
async fn fifty_thousand_files_are_drawn_at_once() {
    let lab = Lab::new().await;
    let layer = (0..50_000).fold(Layer::new(), |layer, number| {
        layer.file(&format!("data/{}/{number}", number % 250), [b'x'; 1])
    });
    let image = ImageBuilder::new().layer(layer).build();
    let reference = lab.registry.push("team/many:1", &image);
    let target = lab.pull(&reference).await.unwrap().images[0].target.clone();
    let files = lab
        .engine
        .files(&Selector::digest_of(&target))
        .await
        .unwrap();
    let map = files.treemap(b"", FileView::Merged, 2_000).unwrap();
    assert_eq!(map.nodes.len(), 2_000);
    let open = (0..250).map(|number| format!("data/{number}").into_bytes());
    let query = OutlineQuery {
        open: open.chain([b"data".to_vec()]).collect(),
        sort: FileSort::Size,
        ..OutlineQuery::default()
    };
    let outline = files.outline(&query).unwrap();
    assert_eq!(outline.len(), 50_251);
    assert_eq!(outline.rows(50_250, 10).len(), 1);
}
