use serde::Deserialize;

use crate::access::Access;
use crate::client::Place;
use crate::pages::List;
use crate::{Error, NextPage, Observer, RegistryClient, Repository, What};

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    repositories: Option<Vec<String>>,
}

/// A part of a registry's list of repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogPage {
    /// The repositories: paths below the host. What is no valid path is left out.
    pub repositories: Vec<String>,
    /// Where the list goes on, if it does.
    pub next: Option<NextPage>,
}

impl RegistryClient {
    /// Lists a page of the repositories of a registry. Retries by itself.
    ///
    /// # Errors
    /// [`Error::NotOffered`] where the registry lists nothing, as most public ones.
    pub async fn catalog_page(
        &self,
        host: &str,
        after: Option<&NextPage>,
        observer: &dyn Observer,
    ) -> Result<CatalogPage, Error> {
        let repository = Repository::whole_registry(host);
        let what = What::Catalog(host.to_owned());
        let list = List {
            repository: &repository,
            what: &what,
            access: &Access::Catalog,
            first: Place::Root("_catalog?n=1000"),
            accept: "application/json",
        };
        let page = match self.page(&list, after, observer).await {
            Err(Error::NotFound { host, message, .. }) => {
                return Err(Error::NotOffered {
                    host,
                    what,
                    message,
                });
            }
            page => page?,
        };
        let body: Body = serde_json::from_slice(&page.body)
            .map_err(|_| list.bad("the list of repositories is not JSON of the right shape"))?;
        let names = body.repositories.unwrap_or_default().into_iter();
        let valid = |name: &String| oci::Reference::parse_normalized(&format!("{host}/{name}"));
        Ok(CatalogPage {
            repositories: names.filter(|name| valid(name).is_ok()).collect(),
            next: page.next,
        })
    }
}
