//! Starting: the first window, a second one, and none.

use std::process::Command;

use crate::support::desktop::{Desktop, PROGRAM};

#[test]
fn a_second_start_on_the_same_store_ends_and_one_on_another_does_not_meet_it() {
    let desktop = Desktop::start();
    let window = desktop.open();
    let status = desktop.start_again(&desktop.store());
    assert!(status.success(), "{status}");
    let other = desktop.open_store(&desktop.home().join("other"));
    other.close();
    window.close();
}

#[test]
fn without_a_desktop_it_says_so() {
    let home = tempfile::tempdir().expect("a folder");
    let output = Command::new(PROGRAM)
        .env_clear()
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .output()
        .expect("it starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("there is no desktop"), "{words}");
    assert!(!words.contains("panicked"), "{words}");
}
