//! Completing a reference while it is typed.

use oci::{ImageName, Reference};
use registry::Repository;

use crate::{Engine, Error};

/// Something that the text may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The reference, in its familiar form.
    pub reference: String,
    /// Where it comes from.
    pub kind: CompletionKind,
}

/// Where a completion comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// An image of the store has this name.
    Local,
    /// The registry lists this tag.
    Tag,
}

impl Engine {
    /// Completes a reference from the names in the store and, after `repository:`, from the registry's tag list.
    ///
    /// At most 50, local ones first. A registry that does not answer gives no tags, and no error.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn complete(&self, text: &str) -> Result<Vec<Completion>, Error> {
        const MOST: usize = 50;
        let wanted = text.to_lowercase();
        let names = self
            .with_store(|store| {
                Ok(store
                    .images()?
                    .into_iter()
                    .flat_map(|image| image.names)
                    .collect::<Vec<_>>())
            })
            .await?;
        let mut found: Vec<Completion> = names
            .iter()
            .map(ImageName::familiar)
            .filter(|name| name.to_lowercase().contains(&wanted))
            .map(|reference| Completion {
                reference,
                kind: CompletionKind::Local,
            })
            .collect();
        found.sort_by(|a, b| a.reference.cmp(&b.reference));
        found.truncate(MOST);
        // The tag is what follows the last colon behind the last slash; before that there is nothing to ask a registry for.
        let name_end = text.rfind('/').map_or(0, |slash| slash + 1);
        let Some((repository, start)) = text[name_end..]
            .rfind(':')
            .map(|colon| text.split_at(name_end + colon))
        else {
            return Ok(found);
        };
        let Ok(reference) = Reference::parse_normalized(repository) else {
            return Ok(found);
        };
        let start = start[1..].to_lowercase();
        let tags = match self
            .shared
            .registry
            .tags(&Repository::of(&reference), &())
            .await
        {
            Ok(tags) => tags,
            Err(error) => {
                tracing::debug!(%error, "no tags to complete from");
                return Ok(found);
            }
        };
        let fitting = tags
            .into_iter()
            .filter(|tag| tag.as_str().to_lowercase().starts_with(&start));
        for tag in fitting {
            let reference = reference.with_tag(tag).familiar();
            if found.len() < MOST && !found.iter().any(|other| other.reference == reference) {
                found.push(Completion {
                    reference,
                    kind: CompletionKind::Tag,
                });
            }
        }
        Ok(found)
    }
}
