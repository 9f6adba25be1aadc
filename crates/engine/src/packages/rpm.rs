//! rpm's databases, in the three formats that it has had: Berkeley DB, its own "ndb", and SQLite.
//!
//! All of them keep a header for each package, the same bytes as in the package file. Everything here takes bytes that were read
//! already and holds to their length: whatever they are, the answer is a list or a word about what is wrong.
//! Sources: <https://github.com/rpm-software-management/rpm/tree/master/lib/backend>, <https://github.com/knqyf263/go-rpmdb>.

mod bdb;
mod header;
mod ndb;
mod sqlite;

use super::{Package, PackageManager};

/// Why a database cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RpmError {
    /// It does not begin as a database of its name does.
    #[error("it is no database of rpm")]
    NotOne,
    /// It contradicts itself.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// Its kind of encryption, version or page is unknown.
    #[error("it is of a kind that is unknown: {0}")]
    Unknown(&'static str),
    /// SQLite refused it.
    #[error("it is damaged: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Reads the packages of a database, whatever its file is called.
pub(super) fn read(bytes: Vec<u8>) -> Result<Vec<Package>, RpmError> {
    if sqlite::is_one(&bytes) {
        return packages(&sqlite::headers(bytes)?);
    }
    if ndb::is_one(&bytes) {
        return packages(&ndb::headers(&bytes)?);
    }
    if bdb::is_one(&bytes) {
        return packages(&bdb::headers(&bytes)?);
    }
    Err(RpmError::NotOne)
}

fn packages(headers: &[impl AsRef<[u8]>]) -> Result<Vec<Package>, RpmError> {
    let headers = headers.iter();
    headers.map(|header| package(header.as_ref())).collect()
}

/// Reads a package as `rpm -q` shows it: the version with the epoch, where there is one, and the release.
fn package(header: &[u8]) -> Result<Package, RpmError> {
    let header = header::Header::parse(header)?;
    let required = |tag| {
        let text = header.text(tag);
        text.ok_or(RpmError::Damaged("a package without name and version"))
    };
    let (name, version) = (required(header::NAME)?, required(header::VERSION)?);
    let release = header.text(header::RELEASE);
    let release = release.map_or_else(String::new, |release| format!("-{release}"));
    let epoch = header.number(header::EPOCH);
    let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
    Ok(Package {
        name,
        version: format!("{epoch}{version}{release}"),
        architecture: header.text(header::ARCH),
        manager: PackageManager::Rpm,
    })
}

/// Reads a number of four bytes; `None` beyond the end.
fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header of a package, as rpm writes it.
    pub(super) fn header_of(name: &str, version: &str, epoch: Option<u32>) -> Vec<u8> {
        let mut data = Vec::new();
        let mut index: Vec<[u32; 4]> = Vec::new();
        let text = [
            (header::NAME, name),
            (header::VERSION, version),
            (header::RELEASE, "1"),
            (header::ARCH, "noarch"),
        ];
        for (tag, text) in text {
            index.push([tag, 6, u32::try_from(data.len()).expect("short"), 1]);
            data.extend(text.as_bytes());
            data.push(0);
        }
        if let Some(epoch) = epoch {
            data.resize(data.len().next_multiple_of(4), 0);
            index.push([
                header::EPOCH,
                4,
                u32::try_from(data.len()).expect("short"),
                1,
            ]);
            data.extend(epoch.to_be_bytes());
        }
        let lengths = [index.len(), data.len()].map(|it| u32::try_from(it).expect("short"));
        let words = lengths.into_iter().chain(index.into_iter().flatten());
        let mut bytes: Vec<u8> = words.flat_map(u32::to_be_bytes).collect();
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_header_tells_what_rpm_shows() {
        let found = package(&header_of("bash", "5.2", Some(2))).expect("a package");
        assert_eq!(
            found,
            Package {
                name: "bash".into(),
                version: "2:5.2-1".into(),
                architecture: Some("noarch".into()),
                manager: PackageManager::Rpm,
            }
        );
        let found = package(&header_of("zlib", "1.3", None)).expect("a package");
        assert_eq!(found.version, "1.3-1");
        for cut in 0..header_of("zlib", "1.3", None).len() {
            assert!(package(&header_of("zlib", "1.3", None)[..cut]).is_err());
        }
    }

    proptest! {
        /// Whatever stands behind the magic, there is an answer.
        #[test]
        fn no_bytes_are_too_bad(kind in 0..4_usize, tail in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let mut bytes = match kind {
                0 => b"SQLite format 3\0".to_vec(),
                1 => b"RpmP".to_vec(),
                2 => [&[0; 12][..], &0x0006_1561_u32.to_le_bytes()].concat(),
                _ => Vec::new(),
            };
            bytes.extend(tail);
            drop(read(bytes));
        }
    }
}
