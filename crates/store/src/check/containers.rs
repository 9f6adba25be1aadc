//! Looking at what was changed in containers.

use super::{Problem, ProblemKind, Report};
use crate::{Error, Result, Store};

impl Store {
    /// Finds containers whose log or description cannot be read. What it says, and whether the packs are all there, is the caller's.
    pub(super) fn check_containers(&self, report: &mut Report) -> Result<()> {
        for container in self.containers()? {
            let path = match self.container_batches(&container.id) {
                Ok(_) => {
                    let document = self.container_folder(&container.id).join("container.json");
                    match document.is_file() {
                        true => continue,
                        false => document,
                    }
                }
                Err(Error::ContainerDamaged { path, .. } | Error::Io { path, .. }) => path,
                Err(other) => return Err(other),
            };
            report.problems.push(Problem {
                kind: ProblemKind::Container,
                digest: None,
                path: Some(path),
                images: vec![container.target],
                repairable: false,
            });
        }
        Ok(())
    }
}
