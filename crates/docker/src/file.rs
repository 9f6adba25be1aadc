//! Reading small files that somebody else wrote.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::{Error, Result};

/// Reads a file of at most `limit` bytes; `None` where there is none.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let bad = |reason: String| Error::File {
        path: path.to_owned(),
        reason,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(bad(error.to_string())),
    };
    // A pipe in its place would never end.
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(bad("it is no plain file".into()));
    }
    let mut bytes = Vec::new();
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| bad(error.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(bad(format!("it has more than {limit} bytes")));
    }
    Ok(Some(bytes))
}
