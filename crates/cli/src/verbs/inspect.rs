//! `strata inspect`.

use std::io::Write;

use engine::InspectedImage;

use crate::{
    arguments::Inspect,
    failure::Failure,
    json,
    session::Session,
    template::{self, Template},
};

/// Prints docker's array, or the template for each image. As docker, an image that is not there does not keep the others
/// from being printed.
pub(super) fn run(
    session: &Session,
    arguments: &Inspect,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let template = arguments
        .format
        .as_deref()
        .filter(|format| !format.is_empty())
        .map(Template::parse)
        .transpose()
        .map_err(Failure::Usage)?;
    let mut images: Vec<InspectedImage> = Vec::new();
    let mut failures: Vec<engine::Error> = Vec::new();
    session.with_engine(async |engine| {
        for reference in &arguments.references {
            match engine.inspect(reference).await {
                Ok(image) => images.push(image),
                Err(error) => failures.push(error),
            }
        }
        Ok(())
    })?;
    match &template {
        None => json::write(out, &images)?,
        Some(template) => {
            for image in &images {
                let value = serde_json::to_value(image).map_err(std::io::Error::other)?;
                let text = template
                    .render(&|keys| template::descend(&value, keys))
                    .map_err(Failure::Usage)?;
                writeln!(out, "{text}")?;
            }
        }
    }
    Failure::of_several(failures)
}
