//! Whatever is edited, beside a model that knows nothing of layers.

use std::collections::BTreeMap;
use std::io::Read as _;

use engine::{CommitRequest, ContainerEdit, FileKind, FileQuery, ImageFiles, NoProgress, Selector};
use proptest::prelude::*;
use testkit::{ImageBuilder, Layer};

use super::{changes, create, edit, listing, remove, write};
use crate::lab::Lab;

/// A file system as a table, changed as programs would change it.
#[derive(Clone, Default)]
struct Model(BTreeMap<String, (FileKind, u32, u32, String)>);

#[derive(Clone, Debug)]
enum Step {
    Folder(String),
    Write(String, u8),
    Link(String),
    Rename(String, String),
    Remove(String),
    Mode(String, u32),
    Owner(String, u32),
}

impl Step {
    fn edit(&self) -> ContainerEdit {
        let bytes = |path: &String| path.clone().into_bytes();
        match self {
            Step::Folder(path) => ContainerEdit::MakeFolder {
                path: bytes(path),
                parents: false,
            },
            Step::Write(path, text) => write(path, &text.to_string()),
            Step::Link(path) => ContainerEdit::Symlink {
                path: bytes(path),
                target: b"nowhere/at/all".to_vec(),
            },
            Step::Rename(from, to) => ContainerEdit::Rename {
                from: bytes(from),
                to: bytes(to),
            },
            Step::Remove(path) => remove(path),
            Step::Mode(path, mode) => ContainerEdit::SetMode {
                path: bytes(path),
                mode: *mode,
            },
            Step::Owner(path, uid) => ContainerEdit::SetOwner {
                path: bytes(path),
                uid: *uid,
                gid: 0,
            },
        }
    }
}

impl Model {
    fn kind(&self, path: &str) -> Option<FileKind> {
        self.0.get(path).map(|found| found.0)
    }

    fn has_folder_for(&self, path: &str) -> bool {
        match path.rsplit_once('/') {
            None => true,
            Some((folder, _)) => self.kind(folder) == Some(FileKind::Folder),
        }
    }

    /// Does the step and tells whether it could be done; `None` for one that means something else here.
    fn step(&mut self, step: &Step) -> Option<bool> {
        let free =
            |model: &Self, path: &str| model.has_folder_for(path) && model.kind(path).is_none();
        Some(match step {
            Step::Folder(path) | Step::Link(path) if !free(self, path) => false,
            Step::Folder(path) => {
                let made = (FileKind::Folder, 0o755, 0, String::new());
                self.0.insert(path.clone(), made);
                true
            }
            Step::Link(path) => {
                let made = (FileKind::Symlink, 0o777, 0, String::new());
                self.0.insert(path.clone(), made);
                true
            }
            Step::Write(path, text) => match self.kind(path) {
                _ if !self.has_folder_for(path) => false,
                Some(FileKind::Symlink) => return None,
                Some(FileKind::Folder) => false,
                _ => {
                    let made = (FileKind::File, 0o644, 0, String::new());
                    self.0.entry(path.clone()).or_insert(made).3 = text.to_string();
                    true
                }
            },
            Step::Rename(from, to) => {
                let inside = format!("{from}/");
                if self.kind(from).is_none() || !free(self, to) || to.starts_with(&inside) {
                    return Some(false);
                }
                let moving: Vec<String> = self
                    .0
                    .keys()
                    .filter(|path| *path == from || path.starts_with(&inside))
                    .cloned()
                    .collect();
                for path in moving {
                    if let Some(found) = self.0.remove(&path) {
                        self.0.insert(format!("{to}{}", &path[from.len()..]), found);
                    }
                }
                true
            }
            Step::Remove(path) => {
                let inside = format!("{path}/");
                let there = self.0.remove(path).is_some();
                self.0.retain(|other, _| !other.starts_with(&inside));
                there
            }
            Step::Mode(path, mode) => match self.0.get_mut(path) {
                Some(found) if found.0 != FileKind::Symlink => {
                    found.1 = *mode;
                    true
                }
                _ => false,
            },
            Step::Owner(path, uid) => match self.0.get_mut(path) {
                Some(found) => {
                    found.2 = *uid;
                    true
                }
                None => false,
            },
        })
    }

    fn of(files: &ImageFiles) -> Self {
        let page = files.below(b"/", FileQuery::default()).unwrap();
        let rows = page.rows.iter().map(|row| {
            let mut content = String::new();
            if row.kind == FileKind::File {
                let mut reader = files.read(&row.path).unwrap();
                reader.read_to_string(&mut content).unwrap();
            }
            let path = String::from_utf8(row.path.clone()).unwrap();
            let uid = u32::try_from(row.uid).unwrap();
            (path, (row.kind, row.mode, uid, content))
        });
        Self(rows.collect())
    }
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|parts| parts.join("/"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => path().prop_map(Step::Folder),
        4 => (path(), any::<u8>()).prop_map(|(path, text)| Step::Write(path, text)),
        1 => path().prop_map(Step::Link),
        3 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        3 => path().prop_map(Step::Remove),
        1 => (path(), prop_oneof![Just(0o600), Just(0o755)]).prop_map(|(path, mode)| Step::Mode(path, mode)),
        1 => (path(), 0..2_u32).prop_map(|(path, uid)| Step::Owner(path, uid)),
    ]
}

#[test]
fn whatever_is_edited_the_committed_image_has_the_containers_tree() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (lab, base) = runtime.block_on(async {
        let lab = Lab::new().await;
        let image = ImageBuilder::new()
            .layer(
                Layer::new()
                    .folder("a")
                    .folder("a/b")
                    .file("a/b/c", "abc")
                    .file("a/a", "aa")
                    .folder("b")
                    .file("b/a", "ba"),
            )
            .layer(
                Layer::new()
                    .file("c", "c")
                    .whiteout("a/a")
                    .file("b/b", "bb"),
            )
            .build();
        let reference = lab.registry.push("team/base:1", &image);
        lab.pull(&reference).await.unwrap();
        (lab, reference.to_string())
    });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(48));
    let batches = prop::collection::vec(prop::collection::vec(step(), 1..6), 1..6);
    runner
        .run(&batches, |batches| {
            runtime.block_on(async {
                let engine = &lab.engine;
                let container = create(engine, &base, "tried").await;
                let mut model =
                    Model::of(&engine.files(&Selector::from(base.as_str())).await.unwrap());
                for batch in &batches {
                    for step in batch {
                        let mut tried = model.clone();
                        let Some(could) = tried.step(step) else {
                            continue;
                        };
                        let done = engine
                            .edit_container(&container.id, vec![step.edit()])
                            .await;
                        assert_eq!(done.is_ok(), could, "{step:?}: {done:?}");
                        if could {
                            model = tried;
                        }
                    }
                }
                let files = engine.container_files(&container.id).await.unwrap();
                assert_eq!(Model::of(&files).0, model.0);
                let committed = engine
                    .commit(CommitRequest::new(container.id.clone()), &NoProgress)
                    .await
                    .unwrap();
                let id = Selector::from(committed.id.as_str());
                let image = engine.files(&id).await.unwrap();
                assert_eq!(listing(&files), listing(&image));
                // Taking everything back gives the image again.
                let tops = engine.container_changes(&container.id).await.unwrap();
                let tops = tops.iter().filter(|change| !change.path.contains(&b'/'));
                let back = tops.map(|change| ContainerEdit::Revert {
                    path: change.path.clone(),
                });
                edit(engine, &container, back.collect()).await;
                assert!(changes(engine, &container).await.is_empty());
                engine.remove_container(&container.id, false).await.unwrap();
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(lab.check());
}
