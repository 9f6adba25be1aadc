//! Two images beside each other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use layer::{NodeId, Tree};
use oci::{Digest, Selector};

use crate::{Engine, Error, FileChange, ImageConfigSummary, ImageDetail, ImageFiles, Package};

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

/// A line of a text, as it is in both files or in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineChange {
    /// In both.
    Same,
    /// Only in the first.
    Removed,
    /// Only in the second.
    Added,
}

/// One file of two images, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextDifference {
    /// The lines of both, in order, without their line breaks.
    Lines(Vec<(LineChange, String)>),
    /// One of them is no text, or longer than is compared.
    NotText,
}

/// Bytes of a text that is compared line by line.
const LONGEST_TEXT: u64 = 1 << 20;

impl Engine {
    /// Compares two images: settings, layers, files and packages.
    ///
    /// # Errors
    /// As [`Engine::files`].
    pub async fn compare(&self, a: &Selector, b: &Selector) -> Result<Comparison, Error> {
        let (detail_a, detail_b) = (self.image(a).await?, self.image(b).await?);
        let (files_a, files_b) = (self.files(a).await?, self.files(b).await?);
        crate::engine::blocking(move || {
            let (list_a, list_b) = (files_a.packages()?, files_b.packages()?);
            let mut unreadable = list_a.unreadable;
            unreadable.extend(list_b.unreadable);
            unreadable.dedup();
            Ok(Comparison {
                config: config(&detail_a, &detail_b),
                layers: layers(&detail_a, &detail_b),
                files: files(&files_a.inner.tree, &files_b.inner.tree),
                packages: packages(list_a.packages, list_b.packages),
                unreadable,
            })
        })
        .await
    }

    /// Compares one file of two images line by line. A file that one of them lacks is taken as empty.
    ///
    /// # Errors
    /// As [`Engine::files`]; `not_found`, where neither has it; `not_a_file`.
    pub async fn compare_text(
        &self,
        a: &Selector,
        b: &Selector,
        path: &[u8],
    ) -> Result<TextDifference, Error> {
        let (a, b) = (self.files(a).await?, self.files(b).await?);
        let path = path.to_vec();
        crate::engine::blocking(move || {
            if let (Err(error), Err(_)) = (a.look(&path), b.look(&path)) {
                return Err(error);
            }
            let (Some(a), Some(b)) = (text(&a, &path)?, text(&b, &path)?) else {
                return Ok(TextDifference::NotText);
            };
            let difference = similar::TextDiff::from_lines(&a, &b);
            let lines = difference.iter_all_changes().map(|change| {
                let kind = match change.tag() {
                    similar::ChangeTag::Equal => LineChange::Same,
                    similar::ChangeTag::Delete => LineChange::Removed,
                    similar::ChangeTag::Insert => LineChange::Added,
                };
                (
                    kind,
                    change.value().trim_end_matches(['\r', '\n']).to_owned(),
                )
            });
            Ok(TextDifference::Lines(lines.collect()))
        })
        .await
    }
}

/// Reads a text; `None` where it is none or too long.
fn text(files: &ImageFiles, path: &[u8]) -> Result<Option<String>, Error> {
    let reader = match files.read(path) {
        Ok(reader) => reader,
        Err(Error::NoSuchFile { .. }) => return Ok(Some(String::new())),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    let mut limited = reader.take(LONGEST_TEXT + 1);
    let read = limited.read_to_end(&mut bytes);
    read.map_err(|source| files.unreadable(path, source))?;
    let short = bytes.len() as u64 <= LONGEST_TEXT && !bytes.contains(&0);
    Ok(short.then(|| String::from_utf8(bytes).ok()).flatten())
}

fn layers(a: &ImageDetail, b: &ImageDetail) -> LayerComparison {
    let diff_ids = |detail: &ImageDetail| -> Vec<Digest> {
        detail
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

fn config(a: &ImageDetail, b: &ImageDetail) -> Vec<ConfigDifference> {
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
fn settings(detail: &ImageDetail) -> BTreeMap<String, String> {
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
    } = &detail.config;
    let words = |words: &[String]| {
        let quoted = words.iter().map(|word| format!("{word:?}"));
        (!words.is_empty()).then(|| format!("[{}]", quoted.collect::<Vec<_>>().join(", ")))
    };
    let single = [
        (
            "Platform",
            detail.summary.platform.as_ref().map(ToString::to_string),
        ),
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
