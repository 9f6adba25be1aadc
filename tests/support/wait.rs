//! Waiting for conditions, never for time.

use std::time::{Duration, Instant};

/// How long anything may take. Far more than it takes, because the machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(25);

/// Looks again and again until there is an answer; panics with `what` and the last refusal after the deadline.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    until_for(DEADLINE, what, look)
}

/// The same with a deadline of its own.
pub(crate) fn until_for<T>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match look() {
            Ok(answer) => return answer,
            Err(refusal) => assert!(
                Instant::now() < deadline,
                "waited in vain for {what}: {refusal}"
            ),
        }
        std::thread::sleep(LOOK);
    }
}
