//! Two images beside each other.

mod page;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use layer::{NodeId, Tree};
use oci::Digest;

pub use page::{DifferenceQuery, DifferenceSort, DifferencesPage};
pub use text::{Hunk, HunkLine, LineChange, TextDifference};

use crate::{
    Engine, Error, FileChange, ImageConfigSummary, ImageFiles, OpenedImage, Package, Progress,
    Reading,
};

/// How two images differ. `a` is the first, `b` the second: what only `b` has was added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Settings that differ, by name.
    pub config: Vec<ConfigDifference>,
    /// The layers.
    pub layers: LayerComparison,
    /// Files that differ, by path. Times are not compared: two builds of the same never have the same.
    pub files: Vec<FileDifference>,
    /// Packages that differ, by name.
    pub packages: Vec<PackageDifference>,
    /// Databases of packages that cannot be read, in words.
    pub unreadable: Vec<String>,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDifference {
    /// Its name, such as `Cmd`, `Env.PATH` or `Labels.version`.
    pub key: String,
    /// What `a` has.
    pub a: Option<String>,
    /// What `b` has.
    pub b: Option<String>,
}

/// The layers of two images, by diff ID, so that a layer that was only compressed otherwise is the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerComparison {
    /// Those of both.
    pub shared: Vec<Digest>,
    /// Those of the first alone.
    pub only_a: Vec<Digest>,
    /// Those of the second alone.
    pub only_b: Vec<Digest>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// The path in the images.
    pub path: Vec<u8>,
    /// What became of it from `a` to `b`.
    pub change: FileChange,
    /// Its bytes in `a`.
    pub size_a: Option<u64>,
    /// Its bytes in `b`.
    pub size_b: Option<u64>,
}

/// A package that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageDifference {
    /// Its name.
    pub name: String,
    /// What became of it from `a` to `b`.
    pub change: FileChange,
    /// Its version in `a`.
    pub version_a: Option<String>,
    /// Its version in `b`.
    pub version_b: Option<String>,
}

/// Two images that were compared, and their files for a closer look at some of them.
///
/// It stays as it is when an image goes.
pub struct ComparedImages {
    /// How they differ.
    pub comparison: Comparison,
    files: (ImageFiles, ImageFiles),
}

impl Engine {
    /// Compares two images of any place: settings, layers, files and packages. Nothing is stored.
    ///
    /// # Errors
    /// As [`OpenedImage::files`].
    pub async fn compare(
        &self,
        a: &OpenedImage,
        b: &OpenedImage,
        progress: &dyn Progress,
    ) -> Result<ComparedImages, Error> {
        // One after the other, each with its layers at once: more would not fetch faster.
        let files_a = Box::pin(a.files(Reading::Content, progress)).await?;
        let files_b = Box::pin(b.files(Reading::Content, progress)).await?;
        let config = config(a, b);
        let layers = layers(a, b);
        crate::engine::blocking(move || {
            let (list_a, list_b) = (files_a.packages()?, files_b.packages()?);
            let mut unreadable = list_a.unreadable;
            unreadable.extend(list_b.unreadable);
            unreadable.dedup();
            let comparison = Comparison {
                config,
                layers,
                files: files(&files_a.inner.tree, &files_b.inner.tree),
                packages: packages(list_a.packages, list_b.packages),
                unreadable,
            };
            Ok(ComparedImages {
                comparison,
                files: (files_a, files_b),
            })
        })
        .await
    }
}

impl ComparedImages {
    /// Compares one file of both line by line. A file that one of them lacks is taken as empty.
    ///
    /// # Errors
    /// `not_found`, where neither has it; `not_a_file`; `corrupt_layer`.
    pub async fn text(&self, path: &[u8]) -> Result<TextDifference, Error> {
        let ((a, b), path) = (self.files.clone(), path.to_vec());
        crate::engine::blocking(move || text::difference(&a, &b, &path)).await
    }
}

fn layers(a: &OpenedImage, b: &OpenedImage) -> LayerComparison {
    let diff_ids = |image: &OpenedImage| -> Vec<Digest> {
        image
            .layers
            .iter()
            .map(|layer| layer.diff_id.clone())
            .collect()
    };
    let (a, b) = (diff_ids(a), diff_ids(b));
    let (shared, only_a) = a.iter().cloned().partition(|layer| b.contains(layer));
    LayerComparison {
        shared,
        only_a,
        only_b: b.into_iter().filter(|layer| !a.contains(layer)).collect(),
    }
}

fn config(a: &OpenedImage, b: &OpenedImage) -> Vec<ConfigDifference> {
    let (a, b) = (settings(a), settings(b));
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differing = keys.into_iter().filter(|key| a.get(*key) != b.get(*key));
    differing
        .map(|key| ConfigDifference {
            key: key.clone(),
            a: a.get(key).cloned(),
            b: b.get(key).cloned(),
        })
        .collect()
}

/// Returns the settings by the names that they have in a config; what is not set is left out.
fn settings(image: &OpenedImage) -> BTreeMap<String, String> {
    let ImageConfigSummary {
        entrypoint,
        cmd,
        env,
        ports,
        user,
        workdir,
        labels,
        volumes,
        stop_signal,
        healthcheck,
        shell,
        onbuild,
        author,
        comment: _,
        created: _,
    } = &image.config;
    let words = |words: &[String]| {
        let quoted = words.iter().map(|word| format!("{word:?}"));
        (!words.is_empty()).then(|| format!("[{}]", quoted.collect::<Vec<_>>().join(", ")))
    };
    let single = [
        ("Platform", image.platform.as_ref().map(ToString::to_string)),
        ("Entrypoint", words(entrypoint)),
        ("Cmd", words(cmd)),
        ("ExposedPorts", words(ports)),
        ("User", user.clone()),
        ("WorkingDir", workdir.clone()),
        ("Volumes", words(volumes)),
        ("StopSignal", stop_signal.clone()),
        (
            "Healthcheck",
            healthcheck.as_ref().map(|check| format!("{check:?}")),
        ),
        ("Shell", words(shell)),
        ("OnBuild", words(onbuild)),
        ("Author", author.clone()),
    ];
    let single = single
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let env = env
        .iter()
        .map(|(key, value)| (format!("Env.{key}"), value.clone()));
    let labels = labels
        .iter()
        .map(|(key, value)| (format!("Labels.{key}"), value.clone()));
    single.chain(env).chain(labels).collect()
}

/// Walks both trees at once; what stands below something that only one has is listed, too.
fn files(a: &Tree, b: &Tree) -> Vec<FileDifference> {
    let mut found = Vec::new();
    let mut waiting = vec![(Some(NodeId::ROOT), Some(NodeId::ROOT))];
    while let Some((at_a, at_b)) = waiting.pop() {
        let file = |tree, node: Option<NodeId>| file_at(tree, node);
        let (file_a, file_b) = (file(a, at_a), file(b, at_b));
        let change = match (file_a, file_b) {
            (None, None) => None,
            (None, Some(_)) => Some(FileChange::Added),
            (Some(_), None) => Some(FileChange::Removed),
            (Some(one), Some(other)) => (!one.is_like(other)).then_some(FileChange::Changed),
        };
        let path = || match (at_a, at_b) {
            (Some(node), _) => a.path(node),
            (None, Some(node)) => b.path(node),
            (None, None) => Vec::new(),
        };
        if let Some(change) = change.filter(|_| at_a != Some(NodeId::ROOT)) {
            found.push(FileDifference {
                path: path(),
                change,
                size_a: file_a.map(|file| file.size),
                size_b: file_b.map(|file| file.size),
            });
        }
        let mut names: BTreeMap<&[u8], (Option<NodeId>, Option<NodeId>)> = BTreeMap::new();
        for (name, node) in at_a.iter().flat_map(|&node| a.children(node)) {
            names.entry(name).or_default().0 = Some(node);
        }
        for (name, node) in at_b.iter().flat_map(|&node| b.children(node)) {
            names.entry(name).or_default().1 = Some(node);
        }
        waiting.extend(names.into_values().rev());
    }
    found
}

fn file_at(tree: &Tree, node: Option<NodeId>) -> Option<&layer::File> {
    node.and_then(|node| tree.current(node))
        .map(|id| tree.file(id))
}

fn packages(a: Vec<Package>, b: Vec<Package>) -> Vec<PackageDifference> {
    // Of one name there can be several: for two architectures, or kernels.
    let by_name = |list: Vec<Package>| {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for package in list {
            names
                .entry(package.name)
                .or_default()
                .insert(package.version);
        }
        names
    };
    let (a, b) = (by_name(a), by_name(b));
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let versions = |list: &BTreeMap<String, BTreeSet<String>>, name: &String| {
        let versions = list.get(name)?;
        Some(versions.iter().cloned().collect::<Vec<_>>().join(", "))
    };
    names
        .into_iter()
        .filter_map(|name| {
            let (version_a, version_b) = (versions(&a, name), versions(&b, name));
            let change = match (&version_a, &version_b) {
                (None, _) => FileChange::Added,
                (_, None) => FileChange::Removed,
                (one, other) if one != other => FileChange::Changed,
                _ => return None,
            };
            Some(PackageDifference {
                name: name.clone(),
                change,
                version_a,
                version_b,
            })
        })
        .collect()
}
