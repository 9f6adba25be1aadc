//! One file of an image: what is known of it, and what is in it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::ImageFiles;
use serde::Serialize;
use specta::Type;
use tauri::State;

use super::listing::{FileChange, ListedFile};
use super::{FileView, FilesOf, look, number, paths};
use crate::{Failure, Session};

/// Bytes of a text that are shown. A longer one is for an editor, which "Save as" gets it into.
const LONGEST_TEXT: u64 = 256 * 1024;

/// Bytes of an image that are shown.
const LARGEST_IMAGE: u64 = 8 * 1024 * 1024;

/// Points of an image that are shown: decoded, they take four bytes each.
const MOST_POINTS: usize = 50_000_000;

/// Bytes of everything else that are shown.
const LONGEST_BINARY: usize = 16 * 1024;

/// Attributes that are shown, and characters of each.
const MOST_XATTRS: usize = 100;
const LONGEST_XATTR: usize = 4096;

/// Everything that is known of a file.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FileFacts {
    /// What a list shows of it.
    pub file: ListedFile,
    /// What every layer that touched the path did to it, base first.
    pub touches: Vec<FileTouch>,
    /// Its extended attributes.
    pub xattrs: Vec<FileXattr>,
}

/// What a layer did to a path.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FileTouch {
    /// The layer, counted from 1, the base.
    pub layer: u32,
    /// What it did; `null` where it has the path just as it was below.
    pub change: Option<FileChange>,
    /// Bytes of the file that is there since; `null` for everything without content, and where it was removed.
    pub size: Option<u64>,
}

/// An extended attribute.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FileXattr {
    /// Its name.
    pub name: String,
    /// Its value for reading.
    pub value: String,
}

/// What is in a file.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FileContent {
    /// How it is shown.
    pub kind: ContentKind,
    /// The text; empty for everything else.
    pub text: String,
    /// The bytes in base 64; empty for text.
    pub base64: String,
    /// The media type of an image.
    pub media_type: Option<String>,
    /// Bytes of the whole file.
    pub size: u64,
    /// Bytes of it that are here.
    pub shown: u64,
}

/// How the content of a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ContentKind {
    /// There is none.
    Empty,
    /// As text.
    Text,
    /// As an image.
    Image,
    /// As bytes.
    Binary,
}

/// Tells what is known of a file in a view.
#[tauri::command]
#[specta::specta]
pub(crate) async fn file_facts(
    session: State<'_, Session>,
    target: FilesOf,
    view: FileView,
    path: String,
) -> Result<FileFacts, Failure> {
    let path = paths::bytes(&path)?;
    look(&session, target, move |files| {
        let row = files.look_in(&path, view.into())?;
        // The root itself is in no layer's list, but in the tree of them all.
        let touches = files.touches(&path)?;
        Ok(FileFacts {
            xattrs: row
                .xattrs
                .iter()
                .take(MOST_XATTRS)
                .map(FileXattr::of)
                .collect(),
            file: row.into(),
            touches: touches.into_iter().map(FileTouch::from).collect(),
        })
    })
    .await
}

/// Reads the start of a file as a view has it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn file_content(
    session: State<'_, Session>,
    target: FilesOf,
    view: FileView,
    path: String,
) -> Result<FileContent, Failure> {
    let path = paths::bytes(&path)?;
    look(&session, target, move |files| {
        content_of(files, &path, view.into())
    })
    .await
}

fn content_of(
    files: &ImageFiles,
    path: &[u8],
    view: engine::FileView,
) -> Result<FileContent, engine::Error> {
    let start = files.read_start_in(path, view, LONGEST_TEXT)?;
    let media_type = image_type(&start.bytes);
    if let Some(media_type) = media_type {
        let whole = files.read_start_in(path, view, LARGEST_IMAGE)?;
        if !whole.truncated && is_drawable(&whole.bytes) {
            return Ok(FileContent {
                kind: ContentKind::Image,
                text: String::new(),
                base64: STANDARD.encode(&whole.bytes),
                media_type: Some(media_type.to_owned()),
                size: whole.size,
                shown: whole.bytes.len() as u64,
            });
        }
    }
    let mut bytes = start.bytes;
    let (kind, text, base64) = match text_of(&bytes, start.truncated) {
        _ if bytes.is_empty() => (ContentKind::Empty, String::new(), String::new()),
        Some(text) => (ContentKind::Text, text, String::new()),
        None => {
            bytes.truncate(LONGEST_BINARY);
            (ContentKind::Binary, String::new(), STANDARD.encode(&bytes))
        }
    };
    Ok(FileContent {
        kind,
        text,
        base64,
        media_type: None,
        size: start.size,
        shown: bytes.len() as u64,
    })
}

/// Tells the type of an image that every webview draws, from its first bytes alone. SVG is text: it is code as much as a picture.
fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match imagesize::image_type(bytes).ok()? {
        imagesize::ImageType::Png => Some("image/png"),
        imagesize::ImageType::Jpeg => Some("image/jpeg"),
        imagesize::ImageType::Gif => Some("image/gif"),
        imagesize::ImageType::Webp => Some("image/webp"),
        imagesize::ImageType::Bmp => Some("image/bmp"),
        imagesize::ImageType::Ico => Some("image/x-icon"),
        _ => None,
    }
}

/// Whether an image is of a size that can be decoded: a small file can claim a picture of many gigabytes.
fn is_drawable(bytes: &[u8]) -> bool {
    imagesize::blob_size(bytes)
        .ok()
        .and_then(|size| size.width.checked_mul(size.height))
        .is_some_and(|points| points <= MOST_POINTS)
}

/// Returns the text that bytes are, if they are one: no zero byte, and hardly anything that is no UTF-8 or a control character.
fn text_of(bytes: &[u8], cut: bool) -> Option<String> {
    if bytes.contains(&0) {
        return None;
    }
    let mut text = String::with_capacity(bytes.len());
    let mut odd = 0;
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        // Where the file was cut, so may be its last character.
        if !(cut && chunks.peek().is_none()) {
            odd += chunk.invalid().len();
            text.push_str(&paths::spelled(chunk.invalid()));
        }
    }
    let is_control = |character: &char| {
        character.is_control()
            && !matches!(character, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{1b}')
    };
    odd += text.chars().filter(is_control).count();
    // A few odd bytes are a comment in Latin-1, or a terminal's codes; more are no text.
    (odd * 20 <= bytes.len()).then(|| text.replace("\r\n", "\n"))
}

impl From<engine::FileTouch> for FileTouch {
    fn from(touch: engine::FileTouch) -> FileTouch {
        let engine::FileTouch {
            layer,
            change,
            size,
        } = touch;
        FileTouch {
            layer: number(layer),
            change: change.map(FileChange::from),
            size,
        }
    }
}

impl FileXattr {
    fn of((name, value): &(Vec<u8>, Vec<u8>)) -> FileXattr {
        let shown = &value[..value.len().min(LONGEST_XATTR)];
        FileXattr {
            name: paths::spelled(name),
            value: paths::spelled(shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        assert_eq!(text_of(b"a\r\nb", false).as_deref(), Some("a\nb"));
        assert_eq!(text_of(b"\x7fELF\0", false), None);
        assert_eq!(text_of(&[0xff; 64], false), None);
        let latin = [b"caf\xe9 ".as_slice(), &[b'x'; 40]].concat();
        assert!(text_of(&latin, false).is_some_and(|text| text.starts_with("caf\\xe9 ")));
        // A file that is cut in the middle of a character.
        assert_eq!(
            text_of("aä".as_bytes().split_at(2).0, true).as_deref(),
            Some("a")
        );
        assert_eq!(
            text_of(b"\x1b[31mred", false).as_deref(),
            Some("\u{1b}[31mred")
        );
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_not_drawn() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        png.extend([0, 0, 0, 9, 0, 0, 0, 9, 8, 6, 0, 0, 0]);
        assert_eq!(image_type(&png), Some("image/png"));
        assert!(is_drawable(&png));
        png[16] = 0x7f;
        assert!(!is_drawable(&png));
        assert_eq!(
            image_type(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            None
        );
    }
}
