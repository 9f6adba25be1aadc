//! Files outside of the store.

use std::fs;

#[test]
fn an_output_file_appears_whole_or_not_at_all() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("saved.tar");
    fs::write(&place, "before").unwrap();
    let mut given_up = store::OutputFile::begin(&place).expect("begins");
    given_up.write_all(b"half").unwrap();
    drop(given_up);
    assert_eq!(fs::read_to_string(&place).unwrap(), "before");
    let mut whole = store::OutputFile::begin(&place).expect("begins");
    whole.write_all(b"after").unwrap();
    whole.commit().expect("commits");
    assert_eq!(fs::read_to_string(&place).unwrap(), "after");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_output_file_that_cannot_be_is_named_by_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/saved.tar");
    for (place, why) in [
        (nowhere.as_path(), "its folder is not there"),
        (folder.path(), "it is a folder"),
    ] {
        let error = store::OutputFile::begin(place)
            .err()
            .expect(why)
            .to_string();
        assert!(error.contains(why), "{error}");
        assert!(!error.contains(".part"), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn a_link_that_somebody_planted_where_an_output_is_written_is_not_followed() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let place = folder.path().join("saved.tar");
    let planted = folder
        .path()
        .join(format!(".saved.tar.{}.part", std::process::id()));
    std::os::unix::fs::symlink(&victim, planted).unwrap();
    let mut output = store::OutputFile::begin(&place).expect("begins");
    output.write_all(b"saved").unwrap();
    output.commit().expect("commits");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::symlink_metadata(&place).unwrap().is_file());
    assert_eq!(fs::read_to_string(&place).unwrap(), "saved");
    let long = folder.path().join("n".repeat(255));
    store::OutputFile::begin(&long).expect("a name as long as one may be");
}
