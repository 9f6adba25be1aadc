//! Starting: the first window, and a second one.

use crate::support::desktop::Desktop;

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
