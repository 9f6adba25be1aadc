//! The packages of an image, read out of the databases of its package manager.

mod rpm;

use std::collections::BTreeMap;
use std::io::Read;

use crate::{Error, FileKind, FileQuery, ImageFiles};

/// A package that an image has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, as the package manager writes it.
    pub version: String,
    /// For which processor, where it is told.
    pub architecture: Option<String>,
    /// Which package manager knows it.
    pub manager: PackageManager,
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageManager {
    /// Debian's.
    Dpkg,
    /// Alpine's.
    Apk,
    /// Fedora's, Red Hat's and SUSE's.
    Rpm,
}

impl PackageManager {
    /// Returns the stable word for programs, which is also its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
        }
    }
}

/// A database of packages that was found and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageDatabase {
    /// The path in the image; a folder, where each package has a file of its own.
    pub path: String,
    /// Whose it is.
    pub manager: PackageManager,
}

/// The packages of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageList {
    /// Sorted by name.
    pub packages: Vec<Package>,
    /// Where they were found.
    pub databases: Vec<PackageDatabase>,
    /// Databases that are there and cannot be read, in words.
    pub unreadable: Vec<String>,
}

impl PackageList {
    /// Where databases are looked for.
    pub fn looked_for() -> impl Iterator<Item = &'static str> {
        [DPKG, DPKG_PIECES].into_iter().chain(APK).chain(RPM)
    }
}

/// Bytes of rpm's databases that are read: their headers hold the names of all files too, and one of BDB is half empty.
const LARGEST_RPM: u64 = 256 * 1024 * 1024;

/// Bytes of a database that are read. Debian's with everything that it offers takes 100 MB; an image has a few thousand packages.
const LARGEST: u64 = 64 * 1024 * 1024;

const DPKG: &str = "var/lib/dpkg/status";

/// Where images without a shell keep a file for each package.
const DPKG_PIECES: &str = "var/lib/dpkg/status.d";

const APK: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

const RPM: [&str; 6] = [
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
];

impl ImageFiles {
    /// Lists the packages as [`ImageFiles::packages`] does, on a thread that may block.
    ///
    /// # Errors
    /// As [`ImageFiles::packages`].
    pub async fn software(&self) -> Result<PackageList, Error> {
        let files = self.clone();
        crate::engine::blocking(move || files.packages()).await
    }

    /// Lists the packages that dpkg, apk and rpm know in the merged tree.
    ///
    /// # Errors
    /// None for what a database says; `corrupt_layer` and `store_damaged` where the file cannot be read out of its layer.
    pub fn packages(&self) -> Result<PackageList, Error> {
        let mut list = PackageList::default();
        self.dpkg(&mut list)?;
        for path in APK {
            if let Some(text) = self.text(path, &mut list)? {
                list.found(path, PackageManager::Apk);
                list.packages.extend(text.split("\n\n").filter_map(alpine));
            }
        }
        for path in RPM {
            let Some(bytes) = self.database(path, LARGEST_RPM, &mut list)? else {
                continue;
            };
            match rpm::read(bytes) {
                Ok(packages) => {
                    list.found(path, PackageManager::Rpm);
                    list.packages.extend(packages);
                }
                Err(error) => list.unreadable.push(format!("/{path}: {error}")),
            }
        }
        list.packages.sort();
        list.packages.dedup();
        Ok(list)
    }

    fn dpkg(&self, list: &mut PackageList) -> Result<(), Error> {
        if let Some(text) = self.text(DPKG, list)? {
            list.found(DPKG, PackageManager::Dpkg);
            list.packages.extend(text.split("\n\n").filter_map(debian));
        }
        let pieces = self.children(DPKG_PIECES.as_bytes(), FileQuery::default());
        let pieces = pieces.map_or_else(|_| Vec::new(), |page| page.rows);
        let pieces = pieces.into_iter().filter(|row| row.kind == FileKind::File);
        let names = pieces.filter_map(|row| String::from_utf8(row.path).ok());
        let names: Vec<_> = names.filter(|name| !name.ends_with(".md5sums")).collect();
        if !names.is_empty() {
            list.found(DPKG_PIECES, PackageManager::Dpkg);
        }
        for name in names {
            let text = self.text(&name, list)?.unwrap_or_default();
            list.packages.extend(text.split("\n\n").filter_map(debian));
        }
        Ok(())
    }

    fn text(&self, path: &str, list: &mut PackageList) -> Result<Option<String>, Error> {
        let bytes = self.database(path, LARGEST, list)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Reads a database; `None` where there is none.
    fn database(
        &self,
        path: &str,
        largest: u64,
        list: &mut PackageList,
    ) -> Result<Option<Vec<u8>>, Error> {
        let kind = self.look(path.as_bytes()).map(|row| row.kind);
        if !matches!(kind, Ok(FileKind::File | FileKind::HardLink)) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.read(path.as_bytes())?
            .take(largest + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| self.unreadable(path.as_bytes(), source))?;
        if bytes.len() as u64 > largest {
            list.unreadable.push(format!(
                "/{path}: it is larger than any such database should be"
            ));
            return Ok(None);
        }
        Ok(Some(bytes))
    }
}

impl PackageList {
    fn found(&mut self, path: &str, manager: PackageManager) {
        let path = format!("/{path}");
        self.databases.push(PackageDatabase { path, manager });
    }
}

/// Splits a stanza into its fields; lines that go on with the one before are left out.
fn fields(stanza: &str) -> BTreeMap<&str, &str> {
    let lines = stanza.lines().filter(|line| !line.starts_with([' ', '\t']));
    let pairs = lines.filter_map(|line| line.split_once(':'));
    pairs.map(|(key, value)| (key, value.trim())).collect()
}

/// Reads a package of dpkg (deb-control(5)), if it is installed. A file of its own for each package has no `Status`.
fn debian(stanza: &str) -> Option<Package> {
    let fields = fields(stanza);
    let installed = fields
        .get("Status")
        .is_none_or(|status| status.split(' ').nth(2) == Some("installed"));
    installed.then_some(())?;
    Some(Package {
        name: (*fields.get("Package")?).to_owned(),
        version: (*fields.get("Version")?).to_owned(),
        architecture: fields.get("Architecture").map(|&name| name.to_owned()),
        manager: PackageManager::Dpkg,
    })
}

/// Reads a package of apk, whose keys are single letters (wiki.alpinelinux.org, "Apk spec").
fn alpine(stanza: &str) -> Option<Package> {
    let fields = fields(stanza);
    Some(Package {
        name: (*fields.get("P")?).to_owned(),
        version: (*fields.get("V")?).to_owned(),
        architecture: fields.get("A").map(|&name| name.to_owned()),
        manager: PackageManager::Apk,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count() {
        let text = "Package: bash\nStatus: install ok installed\nVersion: 5.2-2\nArchitecture: amd64\nDescription: shell\n Version: no\n\n\
                    Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: half\nVersion: 2\n";
        let found: Vec<_> = text.split("\n\n").filter_map(debian).collect();
        let names: Vec<_> = found
            .iter()
            .map(|package| (package.name.as_str(), package.version.as_str()))
            .collect();
        assert_eq!(names, [("bash", "5.2-2"), ("half", "2")]);
        let musl = alpine("C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\nF:lib\n").expect("a package");
        assert_eq!(
            (musl.name.as_str(), musl.version.as_str()),
            ("musl", "1.2.4-r2")
        );
    }
}
