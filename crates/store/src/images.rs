use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use oci::{Digest, ImageName, Platform};
use rusqlite::{Connection, Row};

use crate::database::{Text, size, time};
use crate::{Result, Store};

/// One row of the list of images.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSummary {
    /// What its names point at: the digest of a manifest or index.
    pub target: Digest,
    /// Its ID: the digest of the config.
    pub id: Digest,
    /// Its names, sorted; none for a dangling image.
    pub names: Vec<ImageName>,
    /// Under which digests registries have it.
    pub repo_digests: Vec<ImageName>,
    /// Unpacked, as Docker counts: bytes of the regular files of each layer.
    pub size: u64,
    /// The compressed blobs, each once: config and layers.
    pub download_size: u64,
    /// Bytes of blobs that only this image holds: they come back when it goes.
    pub unique_size: u64,
    /// Bytes of its blobs that other live images hold too.
    pub shared_size: u64,
    /// When it was made, as its config says.
    pub created: Option<Timestamp>,
    /// When it was last recorded here.
    pub recorded: Timestamp,
    /// For which platform it is, most often the one that its neighbours share; `None` where its config does not say.
    pub platform: Option<Arc<Platform>>,
    /// Whether the target is an index.
    pub is_index: bool,
    /// Whether a blob of it is known to be missing or damaged. A pull repairs it.
    pub damaged: bool,
    /// Names of the containers that use it.
    pub in_use: Vec<String>,
    /// Its layers, base first.
    pub layers: LayerStrip,
}

/// What an image is sorted by in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageKey {
    /// What its names point at.
    pub target: Digest,
    /// The first of its names; `None` for a dangling image.
    pub first_name: Option<ImageName>,
    /// Bytes of all its blobs on disk, whoever else has them.
    pub disk_size: u64,
    /// As in [`ImageSummary::unique_size`].
    pub unique_size: u64,
    /// When it was made, as its config says.
    pub created: Option<Timestamp>,
}

/// The layers of an image in a packed form, as drawn on its card; unpacked only where they are shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LayerStrip {
    packed: Box<[u8]>,
}

/// One layer of a [`LayerStrip`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripLayer {
    /// Digest of its uncompressed tar (of the blob, where the config names no such thing).
    pub diff_id: Digest,
    /// Bytes of its blob.
    pub size: u64,
}

impl ImageSummary {
    /// Tells whether it has no name.
    pub fn is_dangling(&self) -> bool {
        self.names.is_empty()
    }
}

impl LayerStrip {
    /// Unpacks it, base first.
    pub fn layers(&self) -> Vec<StripLayer> {
        crate::record::unpack(&self.packed)
    }
}

impl Store {
    /// Returns all live images, in no particular order.
    pub fn images(&self) -> Result<Vec<ImageSummary>> {
        self.read(|sql| rows(sql, "", Strips::Read))
    }

    /// Returns all live images as [`Store::images`] does, each with an empty [`ImageSummary::layers`].
    ///
    /// For a list of words, in which no layers are drawn: they are a good part of its memory, and so of its time.
    pub fn images_without_layers(&self) -> Result<Vec<ImageSummary>> {
        self.read(|sql| rows(sql, "", Strips::LeftOut))
    }

    /// Returns what live images are sorted by, in no particular order.
    ///
    /// For a list of which only a part is shown: a fraction of the rows' bytes, and of the time.
    pub fn image_keys(&self) -> Result<Vec<ImageKey>> {
        self.read(|sql| {
            let mut names = ByImage::read(sql, "tags", "name", "?1 = ''", "", name)?;
            let mut statement = sql.prepare_cached(
                "SELECT id, target, total_size, unique_size, created FROM images WHERE removed IS NULL ORDER BY id",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(ImageKey {
                    first_name: names.of(row.get(0)?).into_iter().next(),
                    target: row.get::<_, Text<Digest>>(1)?.0,
                    disk_size: size(row.get(2)?),
                    unique_size: size(row.get(3)?),
                    created: row.get::<_, Option<i64>>(4)?.map(time),
                })
            })?;
            rows.collect()
        })
    }

    /// Returns the values that live images give these labels, by target; an image without any of them is not there.
    ///
    /// The labels are those of the image that is shown, as its config has them. They are read from the database alone.
    pub fn labels(&self, keys: &[&str]) -> Result<HashMap<Digest, Vec<(String, String)>>> {
        self.read(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT images.target, labels.value FROM labels JOIN images ON images.id = labels.image
                 WHERE labels.key = ? AND images.removed IS NULL",
            )?;
            let mut found = HashMap::<_, Vec<_>>::new();
            for &key in keys {
                let mut rows = statement.query([key])?;
                while let Some(row) = rows.next()? {
                    let labels = found.entry(row.get::<_, Text<Digest>>(0)?.0).or_default();
                    labels.push((key.to_owned(), row.get(1)?));
                }
            }
            Ok(found)
        })
    }

    /// Returns the live images among these targets, in their order.
    pub fn images_of(&self, targets: &[Digest]) -> Result<Vec<ImageSummary>> {
        self.read(|sql| {
            let mut found = Vec::new();
            for target in targets {
                found.extend(rows(sql, target.as_str(), Strips::Read)?);
            }
            Ok(found)
        })
    }
}

impl LayerStrip {
    pub(crate) fn from_packed(packed: Vec<u8>) -> Self {
        Self {
            packed: packed.into(),
        }
    }
}

impl std::fmt::Debug for LayerStrip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.layers()).finish()
    }
}

/// Whether the layers of images are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strips {
    Read,
    LeftOut,
}

/// Reads the live images, all of them (`only` empty) or one, in the order of their rows.
///
/// Every table is read once and in that same order, so that they are merged as they come: a list of ten thousand is a scan.
pub(crate) fn rows(
    sql: &Connection,
    only: &str,
    strips: Strips,
) -> rusqlite::Result<Vec<ImageSummary>> {
    let (of, one) = if only.is_empty() {
        ("?1 = ''", "?1 = ''")
    } else {
        (
            "image = (SELECT id FROM images WHERE target = ?1)",
            "target = ?1",
        )
    };
    let mut names = ByImage::read(sql, "tags", "name", of, only, name)?;
    let mut repo_digests = ByImage::read(sql, "repo_digests", "name", of, only, name)?;
    let mut in_use = ByImage::read(sql, "in_use", "container", of, only, |row| row.get(1))?;
    // Few blobs are damaged at any time, most often none: one look serves all rows.
    let mut statement = sql.prepare_cached(
        "SELECT DISTINCT image FROM image_blobs WHERE blob IN (SELECT id FROM blobs WHERE damaged = 1)",
    )?;
    let damaged = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<HashSet<i64>>>()?;
    let strip = match strips {
        Strips::Read => "strip",
        Strips::LeftOut => "x''",
    };
    let mut statement = sql.prepare_cached(&format!(
        "SELECT id, target, config, size, download_size, total_size, unique_size, created, recorded, platform, is_index, {strip}
         FROM images WHERE removed IS NULL AND {one} ORDER BY id"
    ))?;
    let mut platforms = LastPlatform::default();
    let rows = statement.query_map([only], |row| {
        let id: i64 = row.get(0)?;
        let (total, unique) = (size(row.get(5)?), size(row.get(6)?));
        Ok(ImageSummary {
            target: row.get::<_, Text<Digest>>(1)?.0,
            id: row.get::<_, Text<Digest>>(2)?.0,
            names: names.of(id),
            repo_digests: repo_digests.of(id),
            size: size(row.get(3)?),
            download_size: size(row.get(4)?),
            unique_size: unique,
            shared_size: total.saturating_sub(unique),
            created: row.get::<_, Option<i64>>(7)?.map(time),
            recorded: time(row.get(8)?),
            platform: platforms.parse(row.get_ref(9)?.as_str_or_null()?),
            is_index: row.get(10)?,
            damaged: damaged.contains(&id),
            in_use: in_use.of(id),
            layers: LayerStrip::from_packed(row.get(11)?),
        })
    })?;
    rows.collect()
}

fn name(row: &Row<'_>) -> rusqlite::Result<ImageName> {
    Ok(row.get::<_, Text<ImageName>>(1)?.0)
}

/// What a table says of images, in the order of the images, to be taken in that order.
struct ByImage<T> {
    rows: std::iter::Peekable<std::vec::IntoIter<(i64, T)>>,
}

impl<T> ByImage<T> {
    fn read(
        sql: &Connection,
        table: &str,
        column: &str,
        of: &str,
        only: &str,
        value: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Self> {
        let mut statement = sql.prepare_cached(&format!(
            "SELECT image, {column} FROM {table} WHERE {of} ORDER BY image, {column}"
        ))?;
        let rows = statement.query_map([only], |row| Ok((row.get(0)?, value(row)?)))?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self {
            rows: rows.into_iter().peekable(),
        })
    }

    /// Takes what belongs to an image; images are asked for in ascending order.
    fn of(&mut self, image: i64) -> Vec<T> {
        let mut taken = Vec::new();
        while let Some((of, value)) = self.rows.next_if(|(of, _)| *of <= image) {
            if of == image {
                taken.push(value);
            }
        }
        taken
    }
}

/// Parses platforms of which most are the one before.
#[derive(Default)]
struct LastPlatform {
    text: String,
    platform: Option<Arc<Platform>>,
}

impl LastPlatform {
    /// It came out of an image: what it says can be odd, and is no sign of a damaged database.
    fn parse(&mut self, text: Option<&str>) -> Option<Arc<Platform>> {
        let text = text?;
        if self.text != text {
            self.platform = text.parse().ok().map(Arc::new);
            text.clone_into(&mut self.text);
        }
        self.platform.clone()
    }
}
