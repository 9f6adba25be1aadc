//! Two images beside each other.

use std::sync::Arc;

use engine::{OpenedImage, Place, Reference, Selector};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{State, ipc::Channel};

use super::images::LayerStripe;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// Lines around those that differ.
const AROUND: usize = 3;

/// Lines of a text that are shown; nobody reads more of a difference.
const LINES: usize = 2000;

/// Characters of a line that are shown.
const LINE: usize = 2000;

/// Rows of a page at most, whatever is asked for.
const ROWS: u32 = 500;

/// An image in some place.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageAddress {
    /// Which kind of place.
    pub kind: PlaceKind,
    /// What it is called there: a name, a target or an ID; a name in a registry; the token of a file.
    pub value: String,
    /// Which image of a file is meant, where it has several.
    pub label: Option<String>,
}

/// A kind of place.
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum PlaceKind {
    /// This computer.
    Here,
    /// A registry. Nothing is pulled.
    Registry,
    /// An archive that the user gave. Nothing is loaded.
    File,
}

/// How two images differ. `a` is the first, `b` the second: what only `b` has was added.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Names it to `comparedFiles` and `compareText`.
    pub id: String,
    /// The first image.
    pub a: ComparedImage,
    /// The second image.
    pub b: ComparedImage,
    /// Settings that differ, by name.
    pub config: Vec<ConfigDifference>,
    /// Packages that differ, by name.
    pub packages: Vec<PackageDifference>,
    /// Databases of packages that cannot be read, in words.
    pub unreadable: Vec<String>,
    /// How many files differ.
    pub files: u32,
}

/// An image that is compared.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ComparedImage {
    /// The image ID.
    pub id: String,
    /// Its platform; empty for an artifact.
    pub platform: String,
    /// Its layers, base first.
    pub layers: Vec<ComparedLayer>,
}

/// A layer of an image that is compared.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ComparedLayer {
    /// What the strip shows of it.
    pub stripe: LayerStripe,
    /// Whether the other image has it, too.
    pub shared: bool,
    /// The instruction that made it.
    pub created_by: Option<String>,
}

/// A setting that differs.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ConfigDifference {
    /// Its name, such as `Cmd`, `Env.PATH` or `Labels.version`.
    pub key: String,
    /// What `a` has.
    pub a: Option<String>,
    /// What `b` has.
    pub b: Option<String>,
}

/// A package that differs.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PackageDifference {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: DifferenceKind,
    /// Its version in `a`.
    pub version_a: Option<String>,
    /// Its version in `b`.
    pub version_b: Option<String>,
}

/// What became of something from the first image to the second.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum DifferenceKind {
    /// Only the second has it.
    Added,
    /// Both have it, and not the same.
    Changed,
    /// Only the first has it.
    Removed,
}

/// Which files that differ are wanted.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DifferenceQuery {
    /// Only paths that have all these words in them.
    pub words: String,
    /// Only those that this became of.
    pub change: Option<DifferenceKind>,
    /// Whether those that make most bytes of difference come first, and not by path.
    pub largest_first: bool,
    /// The first row, counted from 0.
    pub offset: u32,
    /// Rows at most.
    pub limit: u32,
}

/// A part of the files that differ.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DifferencesPage {
    /// The rows.
    pub rows: Vec<FileDifference>,
    /// How many rows there are in all.
    pub total: u32,
    /// Of the files that have the words, how many were added.
    pub added: u32,
    /// How many were changed.
    pub changed: u32,
    /// How many were removed.
    pub removed: u32,
}

/// A file that differs.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FileDifference {
    /// Names it to `compareText`.
    pub file: u32,
    /// Its path; bytes that are not UTF-8 as `\xNN`.
    pub path: String,
    /// What became of it.
    pub change: DifferenceKind,
    /// Its bytes in `a`.
    pub size_a: Option<u64>,
    /// Its bytes in `b`.
    pub size_b: Option<u64>,
}

/// How the text of a file differs.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TextDifference {
    /// Whether one of the two is no text, or too long to be compared line by line.
    pub not_text: bool,
    /// Lines that differ with those around them, in groups; none where only attributes differ.
    pub hunks: Vec<Vec<TextLine>>,
    /// Whether there are more lines than are here.
    pub truncated: bool,
}

/// A line of a text.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TextLine {
    /// What became of it; `null` where both have it.
    pub change: Option<DifferenceKind>,
    /// Its number in `a`.
    pub number_a: Option<u32>,
    /// Its number in `b`.
    pub number_b: Option<u32>,
    /// The line.
    pub text: String,
}

/// Compares two images of any place; nothing is stored. `cancel` with the same operation stops it.
///
/// How far the layers are that have to be streamed or read for it goes to `on_event`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn compare(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    a: ImageAddress,
    b: ImageAddress,
    on_event: Channel<PullEvent>,
) -> Result<Comparison, Failure> {
    let (a, b) = (a.place(&session)?, b.place(&session)?);
    let keeping = session.inner().clone();
    session
        .with(|engine| async move {
            let sink = ChannelSink::new(on_event);
            let compare = async {
                let (a, b) = (
                    engine.open_image(&a, &sink).await?,
                    engine.open_image(&b, &sink).await?,
                );
                let compared = engine.compare(&a, &b, &sink).await?;
                Ok::<_, engine::Error>((a, b, compared))
            };
            let told = sink.tell(Box::pin(compare));
            let (a, b, compared) = operations.run(&operation, Box::pin(told)).await?;
            let compared = Arc::new(compared);
            let id = keeping.comparisons().keep(Arc::clone(&compared));
            Ok(Comparison::new(id, &a, &b, &compared.comparison))
        })
        .await
}

/// Lists a part of the files that differ.
#[tauri::command]
#[specta::specta]
pub(crate) async fn compared_files(
    session: State<'_, Session>,
    comparison: String,
    query: DifferenceQuery,
) -> Result<DifferencesPage, Failure> {
    let compared = session.comparisons().get(&comparison)?;
    session
        .with(|_| async move { Ok(compared.comparison.files_page(&query.into()).into()) })
        .await
}

/// Compares the text of a file that differs.
#[tauri::command]
#[specta::specta]
pub(crate) async fn compare_text(
    session: State<'_, Session>,
    comparison: String,
    file: u32,
) -> Result<TextDifference, Failure> {
    let compared = session.comparisons().get(&comparison)?;
    session
        .with(|_| async move {
            let file = compared.comparison.files.get(file as usize);
            let file = file.ok_or_else(|| {
                Failure::new("not_found", "There is no such file in this comparison.")
            })?;
            Ok(TextDifference::new(&compared.text(&file.path).await?))
        })
        .await
}

impl ImageAddress {
    pub(crate) fn place(&self, session: &Session) -> Result<Place, Failure> {
        Ok(match self.kind {
            PlaceKind::Here => Place::Store(Selector::from(&*self.value)),
            PlaceKind::Registry => Place::Registry(self.value.trim().parse::<Reference>()?),
            // What kind of archive it is, is found out from its bytes.
            PlaceKind::File => Place::OciArchive {
                path: session.file(&self.value)?,
                reference: self.label.clone(),
            },
        })
    }
}

impl Comparison {
    fn new(
        id: String,
        a: &OpenedImage,
        b: &OpenedImage,
        comparison: &engine::Comparison,
    ) -> Comparison {
        let engine::Comparison {
            config,
            layers,
            files,
            packages,
            unreadable,
        } = comparison;
        Comparison {
            id,
            a: ComparedImage::new(a, &layers.shared),
            b: ComparedImage::new(b, &layers.shared),
            config: config.iter().map(ConfigDifference::from).collect(),
            packages: packages.iter().map(PackageDifference::from).collect(),
            unreadable: unreadable.clone(),
            files: count(files.len()),
        }
    }
}

impl ComparedImage {
    fn new(image: &OpenedImage, shared: &[engine::Digest]) -> ComparedImage {
        let layers = image.layers.iter().map(|layer| ComparedLayer {
            stripe: LayerStripe {
                diff_id: layer.diff_id.to_string(),
                size: layer.size,
            },
            shared: shared.contains(&layer.diff_id),
            created_by: layer.created_by.as_deref().map(cut),
        });
        ComparedImage {
            id: image.id.to_string(),
            platform: image
                .platform
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
            layers: layers.collect(),
        }
    }
}

impl From<&engine::ConfigDifference> for ConfigDifference {
    fn from(difference: &engine::ConfigDifference) -> ConfigDifference {
        let engine::ConfigDifference { key, a, b } = difference;
        ConfigDifference {
            key: cut(key),
            a: a.as_deref().map(cut),
            b: b.as_deref().map(cut),
        }
    }
}

impl From<&engine::PackageDifference> for PackageDifference {
    fn from(difference: &engine::PackageDifference) -> PackageDifference {
        let engine::PackageDifference {
            name,
            change,
            version_a,
            version_b,
        } = difference;
        PackageDifference {
            name: cut(name),
            change: (*change).into(),
            version_a: version_a.as_deref().map(cut),
            version_b: version_b.as_deref().map(cut),
        }
    }
}

impl From<engine::FileChange> for DifferenceKind {
    fn from(change: engine::FileChange) -> DifferenceKind {
        match change {
            engine::FileChange::Added => DifferenceKind::Added,
            engine::FileChange::Changed => DifferenceKind::Changed,
            engine::FileChange::Removed => DifferenceKind::Removed,
        }
    }
}

impl From<DifferenceQuery> for engine::DifferenceQuery {
    fn from(query: DifferenceQuery) -> engine::DifferenceQuery {
        let change = query.change.map(|change| match change {
            DifferenceKind::Added => engine::FileChange::Added,
            DifferenceKind::Changed => engine::FileChange::Changed,
            DifferenceKind::Removed => engine::FileChange::Removed,
        });
        let sort = match query.largest_first {
            true => engine::DifferenceSort::Bytes,
            false => engine::DifferenceSort::Path,
        };
        engine::DifferenceQuery {
            words: query.words,
            change,
            sort,
            offset: query.offset as usize,
            limit: query.limit.min(ROWS) as usize,
        }
    }
}

impl From<engine::DifferencesPage> for DifferencesPage {
    fn from(page: engine::DifferencesPage) -> DifferencesPage {
        let engine::DifferencesPage {
            rows,
            total,
            counts: [added, changed, removed],
        } = page;
        let rows = rows.into_iter().map(|(file, difference)| FileDifference {
            file: count(file),
            path: difference.shown(),
            change: difference.change.into(),
            size_a: difference.size_a,
            size_b: difference.size_b,
        });
        DifferencesPage {
            rows: rows.collect(),
            total: count(total),
            added: count(added),
            changed: count(changed),
            removed: count(removed),
        }
    }
}

impl TextDifference {
    fn new(difference: &engine::TextDifference) -> TextDifference {
        let mut left = LINES;
        let mut truncated = false;
        let mut hunks = Vec::new();
        for hunk in difference.hunks(AROUND) {
            truncated |= hunk.lines.len() > left;
            let lines: Vec<TextLine> = hunk.lines.iter().take(left).map(TextLine::from).collect();
            left -= lines.len();
            if lines.is_empty() {
                break;
            }
            hunks.push(lines);
        }
        TextDifference {
            not_text: *difference == engine::TextDifference::NotText,
            hunks,
            truncated,
        }
    }
}

impl From<&engine::HunkLine> for TextLine {
    fn from(line: &engine::HunkLine) -> TextLine {
        TextLine {
            change: match line.change {
                engine::LineChange::Same => None,
                engine::LineChange::Removed => Some(DifferenceKind::Removed),
                engine::LineChange::Added => Some(DifferenceKind::Added),
            },
            number_a: line.number_a.map(count),
            number_b: line.number_b.map(count),
            text: cut(&line.text),
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The beginning of a text that is too long for a row.
fn cut(text: &str) -> String {
    if text.len() <= LINE {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(LINE)];
    format!("{kept}\u{2026} ({} more)", text.len() - kept.len())
}
