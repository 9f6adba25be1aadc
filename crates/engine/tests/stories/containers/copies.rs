//! What comes in from outside.

use std::path::Path;

use engine::{CopyOptions, CopySource, Error, FileKind, TarTarget};

use super::{changes, made};
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
