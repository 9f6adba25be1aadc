use crate::options::{Clock, RetryPolicy};
use crate::{Error, Observer, What};

/// Counts the tries of one request and says whether and when the next one is made.
///
/// ```ignore
/// let mut attempts = client.attempts(What::Blob(digest));
/// loop {
///     match transfer(&mut attempts, offset).await {   // calls attempts.progressed() for every piece
///         Ok(done) => return Ok(done),
///         Err(error) => attempts.again(error, observer).await?,
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Attempts {
    what: What,
    policy: RetryPolicy,
    clock: Clock,
    failures: u32,
}

impl Attempts {
    pub(crate) fn new(what: What, policy: RetryPolicy, clock: Clock) -> Self {
        Self { what, policy, clock, failures: 0 }
    }

    /// Notes that bytes arrived, so that the count starts again.
    pub fn progressed(&mut self) {
        self.failures = 0;
    }

    /// Waits before the next try, or gives the error back if there is none.
    ///
    /// There is none if the error will not pass ([`Error::is_temporary`]), if the tries are used up, or if the server
    /// asks to wait for longer than the policy allows. Dropping the future while it waits is safe.
    pub async fn again(&mut self, error: Error, observer: &dyn Observer) -> Result<(), Error> {
        unimplemented!("{error} {:?} {:?} {:?} {:p}", self.what, self.policy, self.clock, observer)
    }
}
