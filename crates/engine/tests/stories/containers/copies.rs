//! What comes in from outside.

use std::path::Path;

use engine::{CommitRequest, CopyOptions, CopySource, Error, FileKind, NoProgress, TarTarget};
use testkit::Layer;

use super::{changes, container_listing, edit, image_listing, made, write};
use crate::lab::Lab;

#[tokio::test]
async fn files_come_in_as_with_docker_cp_and_never_outside_of_the_root() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    let host = tempfile::tempdir().unwrap();
    let tree = host.path().join("tree");
    std::fs::create_dir_all(tree.join("sub")).unwrap();
    std::fs::write(tree.join("sub/file"), "content").unwrap();
    std::fs::hard_link(tree.join("sub/file"), tree.join("twice")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", tree.join("link")).unwrap();
    let copy = async |from: &Path, to: &str| -> Result<u64, Error> {
        let source = CopySource::Path(from.to_owned());
        let copied = engine.copy_in(
            &web.id,
            source,
            to.as_bytes(),
            CopyOptions::default(),
            &|_| {},
        );
        Ok(copied.await?.files)
    };
    copy(&tree, "/srv").await.unwrap();
    copy(&tree, "/srv").await.unwrap();
    copy(&tree.join("."), "abs/").await.unwrap();
    copy(&tree.join("twice"), "lib/renamed").await.unwrap();
    copy(&tree.join("twice"), "../../../outside").await.unwrap();
    copy(&tree.join("link"), "copied-link").await.unwrap();
    assert_eq!(
        changes(engine, &web).await,
        [
            "A copied-link",
            "C etc",
            "A etc/link",
            "A etc/sub",
            "A etc/sub/file",
            "A etc/twice",
            "A outside",
            "A srv",
            "A srv/link",
            "A srv/sub",
            "A srv/sub/file",
            "A srv/tree",
            "A srv/tree/link",
            "A srv/tree/sub",
            "A srv/tree/sub/file",
            "A srv/tree/twice",
            "A srv/twice",
            "C usr",
            "C usr/lib",
            "A usr/lib/renamed",
        ]
    );
    let files = engine.container_files(&web.id).await.unwrap();
    let twice = files.look(b"srv/twice").unwrap();
    assert_eq!(twice.kind, FileKind::HardLink);
    assert_eq!((twice.uid, twice.gid), (0, 0), "root's");
    assert_eq!(files.look(b"copied-link").unwrap().kind, FileKind::Symlink);
    for (from, to, code) in [
        (tree.join("none"), "/x", "io"),
        (tree.clone(), "/etc/passwd", "conflict"),
        (tree.join("twice"), "/none/", "not_found"),
        (tree.join("twice"), "/none/x", "not_found"),
        (tree.join("twice"), "/etc/passwd/", "not_a_folder"),
        (tree.join("twice/"), "/x", "io"),
    ] {
        let refused = copy(&from, to).await.unwrap_err();
        assert_eq!(refused.code(), code, "{from:?} to {to}");
    }
    // Out again: the whole of it, and what a tar of it holds goes back in.
    let out = host.path().join("out");
    files
        .copy_out(b"srv/tree", &out, CopyOptions::default(), &|_| {})
        .await
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(out.join("sub/file")).unwrap(),
        "content"
    );
    let tar = host.path().join("tree.tar");
    engine
        .copy_out_tar(&web.id, b"srv/tree", TarTarget::File(tar.clone()), &|_| {})
        .await
        .unwrap();
    let source = CopySource::Tar(Box::new(std::fs::File::open(&tar).unwrap()));
    engine
        .copy_in(&web.id, source, b"/usr/", CopyOptions::default(), &|_| {})
        .await
        .unwrap();
    let files = engine.container_files(&web.id).await.unwrap();
    assert_eq!(
        files.look(b"usr/tree/twice").unwrap().kind,
        FileKind::HardLink
    );
    lab.check().await;
}

#[tokio::test]
async fn what_a_program_changed_comes_in_as_a_layer_without_mounts_and_stubs() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    edit(engine, &web, vec![write("etc/mine", "1")]).await;
    let upper = Layer::new()
        .file(".dockerenv", "")
        .folder("etc")
        .file("etc/hosts", "")
        .file("etc/hostname", "kept, because it is not empty")
        .whiteout("etc/passwd")
        .whiteout("etc/mine")
        .folder("proc")
        .file("proc/1", "x")
        .folder("data")
        .file("data/volume", "x")
        .folder("usr")
        .folder("usr/lib")
        .file("usr/lib/.wh..wh..opq", "")
        .file("usr/lib/three", "3")
        .hardlink("usr/lib/four", "usr/lib/three");
    let source = CopySource::Layer {
        tar: Box::new(std::io::Cursor::new(upper.tar())),
        without: vec![b"data".to_vec()],
    };
    engine
        .copy_in(&web.id, source, b"/", CopyOptions::default(), &|_| {})
        .await
        .unwrap();
    let found = changes(engine, &web).await;
    assert_eq!(
        found,
        [
            "C etc",
            "A etc/hostname",
            "D etc/passwd",
            "A proc",
            "C usr",
            "C usr/lib",
            "A usr/lib/four",
            "A usr/lib/three",
        ]
    );
    let committed = engine
        .commit(CommitRequest::new(web.id.clone()), &NoProgress)
        .await
        .unwrap();
    assert_eq!(
        container_listing(engine, &web).await,
        image_listing(engine, committed.id.as_str()).await
    );
}
