use jiff::Timestamp;
use oci::{Digest, ImageName, Selector};
use rusqlite::OptionalExtension;

use crate::database::Text;
use crate::{Error, Result, Store};

/// A name that changed, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// The name.
    pub name: ImageName,
    /// Where it pointed; `None` where it was free.
    pub from: Option<Digest>,
    /// Where it points now; `None` where it was taken away.
    pub to: Option<Digest>,
}

impl Store {
    /// Says what naming an image so would do. `from` equals `to` where it has that name already.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn plan_tag(&self, source: &Selector, name: &ImageName) -> Result<TagMove> {
        let to = self.resolve(source)?.target;
        let from = self.read(|sql| {
            sql.prepare_cached("SELECT images.target FROM tags JOIN images ON images.id = tags.image WHERE tags.name = ?")?
                .query_row([Text(name)], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))
                .optional()
        })?;
        Ok(TagMove {
            name: name.clone(),
            from,
            to: Some(to),
        })
    }

    /// Does what [`Self::plan_tag`] said. On return it is on disk.
    ///
    /// # Errors
    /// [`PlanStale`](crate::Error::PlanStale) where the name moved or the image went since; nothing changed.
    pub fn tag(&self, planned: &TagMove, now: Timestamp) -> Result<()> {
        self.change(|change| {
            let before: Option<i64> = change.one(
                "SELECT image FROM tags WHERE name = ?",
                [Text(&planned.name)],
            )?;
            if change.target_of(before)? != planned.from {
                return Err(Error::PlanStale);
            }
            let image = match &planned.to {
                None => None,
                Some(target) => {
                    let row = change.one::<i64>(
                        "SELECT id FROM images WHERE target = ? AND removed IS NULL",
                        [Text(target)],
                    )?;
                    Some(row.ok_or(Error::PlanStale)?)
                }
            };
            if before != image {
                let batch = change.batch("tag", now)?;
                change.set_name(&planned.name, image, batch)?;
            }
            Ok(())
        })
    }
}
