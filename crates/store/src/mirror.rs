//! `index.json`: the names, for every tool that reads OCI image layouts.
//!
//! The file has one descriptor a line, sorted, so that a change of a name rewrites text instead of asking the database for every
//! image. Its first line holds the generation of the database that it mirrors; where that is another than expected, the file is
//! made anew. Source: <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use oci::{Digest, ImageName, MediaType};
use rusqlite::Connection;
use serde::Deserialize;

use crate::database::{Text, size};
use crate::{Result, durable};

const NAME: &str = "org.opencontainers.image.ref.name";
/// Stood in the lines once, with the name a second time. Nothing that reads folders asks for it, and the file is written whole.
const CONTAINERD: &str = "io.containerd.image.name";
const GENERATION: &str = "dev.strata.generation";
/// What the lines hold, as a number: a file with another one is made anew.
const LINES: &str = "dev.strata.lines";
/// Under which digests registries have an image, separated by spaces; it would else be lost with the database.
const REPO_DIGESTS: &str = "dev.strata.repo-digests";
const DIGEST_START: &str = "\"digest\":\"";
const END: &str = "\n]}\n";
const LINE_START: &str = "{\"annotations\":{\"org.opencontainers.image.ref.name\":\"";

/// Selects the digests under which registries have an image, sorted and joined as they stand in the file.
pub(crate) const JOINED: &str = "coalesce((SELECT group_concat(name, ' ') FROM (SELECT name FROM repo_digests WHERE image = images.id ORDER BY name)), '')";

/// What one line says: a name (or, for a dangling image, its digest) and what it points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) target: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) size: u64,
    /// Under which digests registries have it, separated by spaces.
    pub(crate) repo_digests: String,
}

/// What a rebuild reads from the file of one image.
#[derive(Default)]
pub(crate) struct Mirrored {
    pub(crate) names: Vec<ImageName>,
    pub(crate) repo_digests: BTreeSet<ImageName>,
}

pub(crate) fn path(root: &Path) -> PathBuf {
    root.join("index.json")
}

fn temporary(root: &Path) -> PathBuf {
    root.join("locks").join("index.json.new")
}

fn head(generation: u64) -> String {
    let media_type = MediaType::OciIndex;
    format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{media_type}\",\"annotations\":{{\"{GENERATION}\":\"{generation}\",\"{LINES}\":\"3\"}},\"manifests\":["
    )
}

fn text_of(key: &str, line: &Line) -> String {
    let Line {
        target,
        media_type,
        size,
        repo_digests,
    } = line;
    let descriptor =
        format!("\"mediaType\":\"{media_type}\",\"digest\":\"{target}\",\"size\":{size}}}");
    // Names and digests were parsed: nothing in them needs to be escaped.
    let known = match repo_digests.as_str() {
        "" => String::new(),
        digests => format!("\"{REPO_DIGESTS}\":\"{digests}\""),
    };
    if key == target.as_str() {
        return match known.as_str() {
            "" => format!("{{{descriptor}"),
            known => format!("{{\"annotations\":{{{known}}},{descriptor}"),
        };
    }
    let comma = if known.is_empty() { "" } else { "," };
    format!("{LINE_START}{key}\"{comma}{known}}},{descriptor}")
}

fn key_of(line: &[u8]) -> Option<&[u8]> {
    let rest = match line.strip_prefix(LINE_START.as_bytes()) {
        Some(rest) => rest,
        None => {
            let at = memmem(line, DIGEST_START.as_bytes())?;
            &line[at + DIGEST_START.len()..]
        }
    };
    let end = rest.iter().position(|b| *b == b'"')?;
    Some(&rest[..end])
}

fn memmem(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

/// Reads the first line. The file itself can be megabytes, and every start of a program asks for this.
fn first_line(root: &Path) -> Option<String> {
    let file = fs::File::open(path(root)).ok()?;
    let mut line = Vec::new();
    BufReader::with_capacity(512, file)
        .take(1024)
        .read_until(b'\n', &mut line)
        .ok()?;
    String::from_utf8(line)
        .ok()?
        .strip_suffix('\n')
        .map(str::to_owned)
}

/// Returns the generation that the file says it mirrors; `None` where it is none of ours.
pub(crate) fn generation_of(root: &Path) -> Option<u64> {
    let line = first_line(root)?;
    let rest = line.split_once(GENERATION)?.1;
    rest.trim_start_matches(['"', ':'])
        .split('"')
        .next()?
        .parse()
        .ok()
}

/// Tells whether the file mirrors this generation in the form that is written now.
pub(crate) fn is_of(root: &Path, generation: u64) -> bool {
    first_line(root).is_some_and(|line| line == head(generation))
}

/// Writes the file for a new generation aside: changed keys, `None` for those that go. Synced, [`publish`] makes it visible.
pub(crate) fn prepare(
    root: &Path,
    connection: &Connection,
    before: u64,
    after: u64,
    changes: &BTreeMap<String, Option<Line>>,
) -> rusqlite::Result<Result<fs::File>> {
    let old = fs::read(path(root)).unwrap_or_default();
    if let Some(pieces) = splice(&old, before, after, changes) {
        let pieces = pieces.iter().map(AsRef::as_ref);
        return Ok(durable::write_pieces(&temporary(root), pieces));
    }
    let text = whole(connection, after)?;
    Ok(durable::write_pieces(&temporary(root), [text.as_bytes()]))
}

/// Makes what [`prepare`] wrote visible.
pub(crate) fn publish(root: &Path) -> Result<()> {
    durable::rename(&temporary(root), &path(root))
}

/// Returns the file as the database has it.
pub(crate) fn whole(connection: &Connection, generation: u64) -> rusqlite::Result<String> {
    let lines = lines(connection)?;
    let body: Vec<String> = lines.iter().map(|(key, line)| text_of(key, line)).collect();
    Ok(format!("{}\n{}{END}", head(generation), body.join(",\n")))
}

/// Returns what every line of the file should say, by key.
pub(crate) fn lines(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Line>> {
    let mut statement = connection.prepare(&format!(
        "SELECT tags.name, images.target, images.media_type, blobs.size, {JOINED} FROM images
         JOIN blobs ON blobs.digest = images.target LEFT JOIN tags ON tags.image = images.id WHERE images.removed IS NULL",
    ))?;
    let rows = statement.query_map([], |row| {
        let target = row.get::<_, Text<Digest>>(1)?.0;
        let key = row
            .get::<_, Option<String>>(0)?
            .unwrap_or_else(|| target.to_string());
        let media_type = MediaType::parse(&row.get::<_, String>(2)?);
        Ok((
            key,
            Line {
                target,
                media_type,
                size: size(row.get(3)?),
                repo_digests: row.get(4)?,
            },
        ))
    })?;
    rows.collect()
}

/// Returns the pieces of the file with the changes in it; `None` where the old file is not what it should be.
///
/// The lines are sorted: the places of the changes are found by halving, and what lies between them is taken as it stands. A
/// change of one name among ten thousand thus costs reading and writing the file, and nothing for each of its lines.
fn splice<'a>(
    old: &'a [u8],
    before: u64,
    after: u64,
    changes: &BTreeMap<String, Option<Line>>,
) -> Option<Vec<Cow<'a, [u8]>>> {
    let mut rest = old
        .strip_prefix(head(before).as_bytes())?
        .strip_prefix(b"\n")?
        .strip_suffix(END.as_bytes())?;
    let mut pieces = vec![Cow::Owned(head(after).into_bytes())];
    let mut separator: &[u8] = b"\n";
    let mut push = |piece: Cow<'a, [u8]>| {
        if !piece.is_empty() {
            pieces.push(Cow::Borrowed(separator));
            pieces.push(piece);
            separator = b",\n";
        }
    };
    for (key, to) in changes {
        let at = first_not_before(rest, key.as_bytes())?;
        let (kept, following) = rest.split_at(at);
        push(Cow::Borrowed(kept.strip_suffix(b",\n").unwrap_or(kept)));
        let line = line_at(following, 0);
        rest = if !line.is_empty() && key_of(line)? == key.as_bytes() {
            let gone = &following[line.len()..];
            gone.strip_prefix(b",\n").unwrap_or(gone)
        } else {
            following
        };
        if let Some(to) = to {
            push(Cow::Owned(text_of(key, to).into_bytes()));
        }
    }
    push(Cow::Borrowed(rest));
    pieces.push(Cow::Borrowed(match pieces.len() {
        1 => b"\n\n]}\n",
        _ => END.as_bytes(),
    }));
    Some(pieces)
}

/// Returns where the first line begins whose key is not less than this one; the end where there is none.
fn first_not_before(lines: &[u8], key: &[u8]) -> Option<usize> {
    let (mut low, mut high) = (0, lines.len());
    while low < high {
        let middle = low + (high - low) / 2;
        // From the middle back to where its line begins.
        let start = lines[low..middle]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(low, |at| low + at + 1);
        let line = line_at(lines, start);
        if key_of(line)? < key {
            low = (start + line.len() + 2).min(lines.len());
        } else {
            high = start;
        }
    }
    Some(low)
}

/// Returns the line that begins here, without its comma and line break.
fn line_at(lines: &[u8], start: usize) -> &[u8] {
    let rest = &lines[start..];
    let end = rest.iter().position(|b| *b == b'\n');
    let line = &rest[..end.unwrap_or(rest.len())];
    line.strip_suffix(b",").unwrap_or(line)
}

/// What a rebuild reads from the file: targets, the names that point at them, and where they came from.
pub(crate) fn read(root: &Path) -> Vec<(Digest, Mirrored)> {
    #[derive(Deserialize)]
    struct File {
        manifests: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        digest: Digest,
        #[serde(default)]
        annotations: BTreeMap<String, String>,
    }
    let Ok(bytes) = fs::read(path(root)) else {
        return Vec::new();
    };
    let Ok(file) = serde_json::from_slice::<File>(&bytes) else {
        return Vec::new();
    };
    let mut images: BTreeMap<Digest, Mirrored> = BTreeMap::new();
    for entry in file.manifests {
        let image = images.entry(entry.digest).or_default();
        let named = entry
            .annotations
            .get(CONTAINERD)
            .or_else(|| entry.annotations.get(NAME));
        image.names.extend(named.and_then(|name| name.parse().ok()));
        let known = entry.annotations.get(REPO_DIGESTS);
        let known = known.into_iter().flat_map(|digests| digests.split(' '));
        image.repo_digests.extend(
            known
                .filter_map(|name| name.parse::<ImageName>().ok())
                .filter(|name| name.digest().is_some()),
        );
    }
    images.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            target: Digest::sha256(text.as_bytes()),
            media_type: MediaType::OciManifest,
            size: 7,
            repo_digests: String::new(),
        }
    }

    fn spliced(
        old: &str,
        before: u64,
        after: u64,
        changes: &BTreeMap<String, Option<Line>>,
    ) -> Option<String> {
        let pieces = splice(old.as_bytes(), before, after, changes)?;
        Some(String::from_utf8(pieces.concat()).expect("it is text"))
    }

    fn file(generation: u64, lines: &[(&str, Line)]) -> String {
        let body: Vec<String> = lines.iter().map(|(key, line)| text_of(key, line)).collect();
        format!("{}\n{}\n]}}\n", head(generation), body.join(",\n"))
    }

    #[test]
    fn a_splice_is_what_writing_it_anew_gives() {
        let old = file(1, &[("b:1", line("b")), ("d:1", line("d"))]);
        let changes: BTreeMap<String, Option<Line>> = [
            ("a:1".to_owned(), Some(line("a"))),
            ("b:1".to_owned(), None),
            ("c:1".to_owned(), Some(line("c"))),
            ("d:1".to_owned(), Some(line("x"))),
            ("e:1".to_owned(), Some(line("e"))),
        ]
        .into();
        let new = file(
            2,
            &[
                ("a:1", line("a")),
                ("c:1", line("c")),
                ("d:1", line("x")),
                ("e:1", line("e")),
            ],
        );
        assert_eq!(spliced(&old, 1, 2, &changes).as_deref(), Some(new.as_str()));
        serde_json::from_str::<serde_json::Value>(&new).expect("it is JSON");
    }

    proptest::proptest! {
        #[test]
        fn any_splice_is_what_writing_it_anew_gives(
            old in proptest::collection::btree_map("[a-c]{1,3}:[0-9]", "[a-d]", 0..12),
            changes in proptest::collection::btree_map("[a-c]{1,3}:[0-9]", proptest::option::of("[a-d]"), 0..8),
        ) {
            let text = |generation, names: &BTreeMap<String, String>| {
                let lines: Vec<_> = names.iter().map(|(key, of)| (key.as_str(), line(of))).collect();
                file(generation, &lines)
            };
            let mut new = old.clone();
            for (key, to) in &changes {
                match to {
                    Some(to) => new.insert(key.clone(), to.clone()),
                    None => new.remove(key),
                };
            }
            let changes = changes.iter().map(|(key, to)| (key.clone(), to.as_deref().map(line))).collect();
            assert_eq!(spliced(&text(1, &old), 1, 2, &changes), Some(text(2, &new)));
        }
    }

    #[test]
    fn a_line_with_repository_digests_is_found_by_its_key() {
        for key in ["b:1", line("b").target.as_str()] {
            let known = Line {
                repo_digests: "r/b@sha256:1 r/c@sha256:2".to_owned(),
                ..line("b")
            };
            let text = text_of(key, &known);
            assert_eq!(key_of(text.as_bytes()), Some(key.as_bytes()));
            serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON");
        }
    }

    #[test]
    fn the_last_line_can_go_and_the_first_can_come() {
        let full = file(1, &[("b:1", line("b"))]);
        let none: BTreeMap<String, Option<Line>> = [("b:1".to_owned(), None)].into();
        let empty = spliced(&full, 1, 2, &none).expect("it splices");
        serde_json::from_str::<serde_json::Value>(&empty).expect("it is JSON");
        let some: BTreeMap<String, Option<Line>> = [("b:1".to_owned(), Some(line("b")))].into();
        assert_eq!(
            spliced(&empty, 2, 3, &some).as_deref(),
            Some(file(3, &[("b:1", line("b"))]).as_str())
        );
    }

    #[test]
    fn a_file_of_another_generation_or_maker_is_not_spliced() {
        let old = file(1, &[("b:1", line("b"))]);
        assert_eq!(spliced(&old, 5, 6, &BTreeMap::new()), None);
        assert_eq!(
            spliced(
                "{\"schemaVersion\":2,\"manifests\":[]}",
                1,
                2,
                &BTreeMap::new()
            ),
            None
        );
    }
}
