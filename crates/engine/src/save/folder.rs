//! Writing into the folder of an OCI layout.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write as _};
use std::path::Path;

use oci::{Digest, Hasher};
use store::OutputFile;

use super::Writing;
use crate::Error;

/// Bytes that are copied at a time.
const BUFFER: usize = 256 * 1024;

/// Writes blobs that the folder has not, then its `index.json`. A crash leaves blobs that nothing names.
pub(super) fn write(
    writing: &Writing<'_>,
    folder: &Path,
    images: &[archive::SavedImage],
    blobs: &BTreeMap<Digest, u64>,
) -> Result<u64, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let mut written = 0;
    for (digest, size) in blobs {
        let parent = folder.join("blobs").join(digest.algorithm().as_str());
        fs::create_dir_all(&parent).map_err(failed(&parent))?;
        let place = parent.join(digest.hex());
        if is_there(writing, &place, digest, *size)? {
            continue;
        }
        let mut source = writing.store.open_blob(digest)?;
        let mut target = OutputFile::begin(&place)?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = source.read(&mut buffer).map_err(failed(&place))?;
            if count == 0 {
                break;
            }
            if writing.stop.is_cancelled() {
                return Err(Error::Cancelled);
            }
            hasher.update(&buffer[..count]);
            target.write_all(&buffer[..count]).map_err(failed(&place))?;
            written += count as u64;
            writing.count.send_replace(written);
        }
        if hasher.finish() != *digest {
            return Err(store::Error::BlobDamaged {
                digest: digest.clone(),
                fault: store::BlobFault::Content,
            }
            .into());
        }
        target.commit()?;
    }
    let marker = folder.join("oci-layout");
    if !marker.exists() {
        put(&marker, &archive::layout_file())?;
    }
    let index = folder.join("index.json");
    for image in images {
        let existing = match fs::read(&index) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&index)(error)),
        };
        let joined = archive::joined_index(existing.as_deref(), image)
            .map_err(crate::probe::failed(writing.place.to_owned()))?;
        put(&index, &joined)?;
        written += joined.len() as u64;
    }
    Ok(written)
}

/// Tells whether a file of the folder is the blob. It is read for that: the folder is not ours, and what is wrong in it would else
/// stay, in the name of an image that was just saved.
fn is_there(
    writing: &Writing<'_>,
    place: &Path,
    digest: &Digest,
    size: u64,
) -> Result<bool, Error> {
    if !fs::metadata(place).is_ok_and(|there| there.is_file() && there.len() == size) {
        return Ok(false);
    }
    let failed = |source| Error::Io {
        path: place.to_owned(),
        source,
    };
    let mut file = fs::File::open(place).map_err(failed)?;
    let mut hasher = Hasher::new(digest.algorithm());
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok(hasher.finish() == *digest);
        }
        if writing.stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        hasher.update(&buffer[..count]);
    }
}

fn put(place: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = OutputFile::begin(place)?;
    file.write_all(bytes).map_err(|source| Error::Io {
        path: place.to_owned(),
        source,
    })?;
    Ok(file.commit()?)
}
