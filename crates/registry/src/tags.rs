use oci::Tag;

use crate::{Error, Observer, RegistryClient, Repository};

impl RegistryClient {
    /// Lists the tags of a repository in the registry's order, every one once.
    ///
    /// Follows pages on the same origin only, at most 1000 of them. What is not a valid tag is left out.
    pub async fn tags(&self, repository: &Repository, observer: &dyn Observer) -> Result<Vec<Tag>, Error> {
        unimplemented!("{repository} {:p}", observer)
    }
}
