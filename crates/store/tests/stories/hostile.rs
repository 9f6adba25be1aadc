//! Images that were made to do harm.

use std::path::Path;

use crate::{check, names, open, put_for};

/// Tells whether the next open would set the database aside.
fn is_noted_as_damaged(root: &Path) -> bool {
    root.join("locks/damaged").exists()
}

#[test]
fn a_config_with_an_odd_platform_costs_nothing_but_its_platform() {
    for head in [
        r#""os":"linux""#,
        r#""os":"linux","architecture":"""#,
        r#""os":"linux","architecture":"a b""#,
        r#""os":"a/b","architecture":"c/d""#,
        r#""os":"linux","architecture":"amd64","variant":"\u0000/""#,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        put_for(&store, head, &["layer"], &["app:1"]);
        let images = store.images().expect("the list can still be read");
        assert_eq!(images[0].platform, None, "{head}");
        assert_eq!(check(&store).problems, [], "{head}");
        assert!(!is_noted_as_damaged(folder.path()), "{head}");
        drop(store);
        let store = open(folder.path());
        assert_eq!(store.recovery(), None, "{head}");
        assert_eq!(names(&store), ["app:1"]);
    }
}

#[test]
fn an_odd_platform_that_an_earlier_version_wrote_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put_for(
        &store,
        r#""os":"linux","architecture":"amd64""#,
        &[],
        &["app:1"],
    );
    let database = folder.path().join("strata.db");
    let sql = rusqlite::Connection::open(&database).unwrap();
    sql.execute("UPDATE images SET platform = 'linux/'", [])
        .unwrap();
    assert_eq!(store.images().unwrap()[0].platform, None);
    assert!(!is_noted_as_damaged(folder.path()));
}
