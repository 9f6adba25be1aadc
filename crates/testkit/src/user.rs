//! A user of this system besides root.

use std::fs::File;
use std::process::Command;

/// The user that stories are told as. Made by them where they run as root.
const USER: &str = "strata-test";

/// Returns the numbers of a user and their group who has ranges of other users' numbers. Where there is none yet, one is made,
/// which needs root.
pub fn user_with_ranges() -> (u32, u32) {
    // Many tests begin at the same moment. `useradd` refuses to run twice, and a user is known before they have their ranges.
    let turn = File::open("/etc").unwrap();
    turn.lock().unwrap();
    if let Some(known) = numbers() {
        return known;
    }
    let made = Command::new("useradd")
        .args(["--create-home", USER])
        .output()
        .unwrap();
    numbers().unwrap_or_else(|| panic!("useradd: {}", String::from_utf8_lossy(&made.stderr)))
}

fn numbers() -> Option<(u32, u32)> {
    let id = |option| {
        let output = Command::new("id").args([option, USER]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    id("-u").zip(id("-g"))
}
