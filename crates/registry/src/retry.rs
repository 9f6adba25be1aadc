use std::sync::Arc;
use std::time::Duration;

use crate::mirror::Mirrors;
use crate::options::{Clock, RetryPolicy};
use crate::{Error, Observer, Retrying, What};

/// Counts the tries of one request and says whether and when the next one is made.
///
/// ```text
/// let mut attempts = client.attempts(What::Blob(digest));
/// loop {
///     match transfer(&mut attempts, offset).await {   // calls attempts.progressed_to(offset) for every piece
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
    /// Wrong bytes, which no progress makes good.
    faults: u32,
    furthest: u64,
    mirrors: Arc<Mirrors>,
}

impl Attempts {
    pub(crate) fn new(what: What, policy: RetryPolicy, clock: Clock) -> Self {
        Self {
            what,
            policy,
            clock,
            failures: 0,
            faults: 0,
            furthest: 0,
            mirrors: Arc::default(),
        }
    }

    pub(crate) fn with_mirrors(self, mirrors: Arc<Mirrors>) -> Self {
        Self { mirrors, ..self }
    }

    /// Notes how far the bytes reach now. Further than ever before is progress, and the count starts again.
    ///
    /// A server that always starts from the beginning and always breaks off at the same place makes none.
    pub fn progressed_to(&mut self, offset: u64) {
        if offset > self.furthest {
            self.furthest = offset;
            self.failures = 0;
        }
    }

    /// Waits before the next try, or gives the error back if there is none.
    ///
    /// There is none if the error will not pass, if the tries are used up, or if the server asks to wait for longer than the
    /// policy allows. Wrong bytes of a mirror are no try of the registry's: it is asked at once. Dropping the future while it
    /// waits is safe.
    pub async fn again(&mut self, error: Error, observer: &dyn Observer) -> Result<(), Error> {
        let is_wrong = matches!(
            error,
            Error::DigestMismatch { .. } | Error::SizeMismatch { .. }
        );
        if is_wrong && self.mirrors.distrust(&self.what) {
            return Ok(());
        }
        self.failures = self.failures.saturating_add(1);
        if is_wrong {
            self.faults += 1;
        }
        let failures = self.failures.max(self.faults);
        if failures >= self.policy.attempts.min(error.most_tries()) {
            return Err(error);
        }
        let asked = error.retry_after().unwrap_or_default();
        if asked > self.policy.longest_retry_after {
            return Err(error);
        }
        let delay = self.delay(asked, fastrand::f64());
        observer.retrying(Retrying {
            what: &self.what,
            reason: &error,
            delay,
            attempt: self.failures + 1,
            attempts: self.policy.attempts,
        });
        self.clock.pause(delay).await;
        Ok(())
    }

    /// Returns how long to wait; `random` is from 0 to 1.
    ///
    /// Doubles from try to try, a quarter more or less, so that many clients that failed together do not come back
    /// together. What the server asks for is never undercut, for the same reason a little exceeded.
    fn delay(&self, asked: Duration, random: f64) -> Duration {
        let doublings = (self.failures - 1).min(16);
        let own = self
            .policy
            .first_delay
            .saturating_mul(1 << doublings)
            .min(self.policy.longest_delay);
        let own = own.mul_f64(0.75 + random / 2.0);
        let asked = asked + asked.min(Duration::from_secs(10)).mul_f64(random / 10.0);
        own.max(asked)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use jiff::Timestamp;

    use super::*;

    #[derive(Default)]
    struct Delays(Mutex<Vec<(u32, Duration)>>);

    impl Observer for Delays {
        fn retrying(&self, retrying: Retrying<'_>) {
            self.0
                .lock()
                .expect("not poisoned")
                .push((retrying.attempt, retrying.delay));
        }
    }

    fn attempts() -> Attempts {
        let clock =
            Clock::new(Arc::new(|| Timestamp::UNIX_EPOCH)).with_pause(|_| std::future::ready(()));
        Attempts::new(What::Tags("a/b".into()), RetryPolicy::default(), clock)
    }

    fn unavailable(retry_after: Option<u64>) -> Error {
        let retry_after = retry_after.map(Duration::from_secs);
        Error::Unavailable {
            host: "h".into(),
            status: 503,
            retry_after,
            message: None,
        }
    }

    #[tokio::test]
    async fn pauses_double_and_the_fifth_failure_is_final() {
        let (mut attempts, seen) = (attempts(), Delays::default());
        for _ in 0..4 {
            attempts
                .again(unavailable(None), &seen)
                .await
                .expect("one more");
        }
        attempts
            .again(unavailable(None), &seen)
            .await
            .expect_err("used up");
        let seen = seen.0.into_inner().expect("not poisoned");
        assert_eq!(
            seen.iter().map(|(attempt, _)| *attempt).collect::<Vec<_>>(),
            [2, 3, 4, 5]
        );
        for ((_, delay), middle) in seen.iter().zip([250.0, 500.0, 1000.0, 2000.0]) {
            let share = delay.as_secs_f64() * 1000.0 / middle;
            assert!((0.75..=1.25).contains(&share), "{delay:?} for {middle} ms");
        }
    }

    #[tokio::test]
    async fn progress_starts_the_count_again() {
        let mut attempts = attempts();
        for offset in 1..20 {
            attempts
                .again(unavailable(None), &())
                .await
                .expect("one more");
            attempts.progressed_to(offset);
        }
        for _ in 0..4 {
            attempts.progressed_to(19);
            attempts
                .again(unavailable(None), &())
                .await
                .expect("one more");
        }
        attempts
            .again(unavailable(None), &())
            .await
            .expect_err("the same bytes again are no progress");
    }

    #[tokio::test]
    async fn wrong_bytes_are_fetched_once_more_whatever_the_progress() {
        let mut attempts = attempts();
        let wrong = || Error::SizeMismatch {
            host: "h".into(),
            what: What::Tags("t".into()),
            expected: 1,
            found: None,
        };
        attempts.again(wrong(), &()).await.expect("one more");
        attempts.progressed_to(100);
        attempts.again(wrong(), &()).await.expect_err("final");
    }

    #[tokio::test]
    async fn what_the_server_asks_for_is_waited_up_to_two_minutes() {
        let (mut attempts, seen) = (attempts(), Delays::default());
        attempts
            .again(unavailable(Some(120)), &seen)
            .await
            .expect("waits");
        let (_, delay) = seen.0.lock().expect("not poisoned")[0];
        assert!((120.0..=121.0).contains(&delay.as_secs_f64()), "{delay:?}");
        let error = attempts
            .again(unavailable(Some(121)), &seen)
            .await
            .expect_err("too long");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(121)));
    }

    #[tokio::test]
    async fn what_will_not_pass_is_not_tried_again() {
        let denied = Error::Denied {
            host: "h".into(),
            repository: "r".into(),
            message: None,
        };
        assert!(!denied.is_temporary());
        attempts().again(denied, &()).await.expect_err("final");
    }
}
