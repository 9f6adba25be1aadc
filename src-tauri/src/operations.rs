//! Long work that is under way, by the name that the window gave it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::Failure;

/// The operations that are under way, so that they can be cancelled.
#[derive(Debug, Clone, Default)]
pub struct Operations {
    running: Arc<Mutex<HashMap<String, CancellationToken>>>,
}

/// Takes the operation off the list, however it ends: by its outcome, by cancelling, or by a panic.
struct Registered<'a> {
    operations: &'a Operations,
    name: &'a str,
}

impl Operations {
    /// Runs a verb under a name until it ends or is cancelled.
    ///
    /// Cancelling drops the verb's future; what that leaves behind is the verb's promise.
    ///
    /// # Errors
    /// The verb's own; `cancelled`; `busy` when an operation of that name is under way.
    pub(crate) async fn run<T, E>(
        &self,
        name: &str,
        verb: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        self.run_to(name, verb, || false).await
    }

    /// As [`Operations::run`], but a verb whose effect can no longer be held back is waited for: cancelling comes too late then,
    /// and what it did is its outcome.
    pub(crate) async fn run_to<T, E>(
        &self,
        name: &str,
        verb: impl Future<Output = Result<T, E>>,
        is_too_late: impl Fn() -> bool,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        let token = self.register(name)?;
        let _registered = Registered {
            operations: self,
            name,
        };
        let mut verb = std::pin::pin!(verb);
        match token.run_until_cancelled(&mut verb).await {
            Some(outcome) => Ok(outcome?),
            None if is_too_late() => Ok(verb.await?),
            None => Err(Failure::cancelled()),
        }
    }

    fn register(&self, name: &str) -> Result<CancellationToken, Failure> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains_key(name) {
            return Err(Failure::new(
                "busy",
                format!("The operation {name} is already running."),
            ));
        }
        let token = CancellationToken::new();
        running.insert(name.to_owned(), token.clone());
        Ok(token)
    }

    /// Cancels an operation. One that has ended, or never was, is left alone.
    pub(crate) fn cancel(&self, name: &str) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = running.get(name) {
            token.cancel();
        }
    }

    /// Counts the operations that are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let mut running = self
            .operations
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        running.remove(self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn cancelling_drops_the_verb_and_takes_it_off_the_list() {
        let operations = Operations::default();
        let other = operations.clone();
        let run = operations.run::<(), Failure>("pull-1", pending());
        let cancel = async {
            assert_eq!(
                other.count(),
                1,
                "the operation is on the list while it runs"
            );
            other.cancel("pull-1");
        };
        let (outcome, ()) = tokio::join!(run, cancel);
        assert_eq!(outcome.expect_err("cancelled").code, "cancelled");
        assert_eq!(operations.count(), 0);
    }

    #[tokio::test]
    async fn cancelling_too_late_waits_for_the_outcome() {
        let operations = Operations::default();
        let other = operations.clone();
        let too_late = std::cell::Cell::new(false);
        let (go_on, goes_on) = tokio::sync::oneshot::channel::<()>();
        let verb = async {
            too_late.set(true);
            goes_on.await.expect("let go on");
            Ok::<_, Failure>("recorded")
        };
        let run = operations.run_to("load-1", verb, || too_late.get());
        let cancel = async {
            other.cancel("load-1");
            tokio::task::yield_now().await;
            assert_eq!(other.count(), 1, "it is waited for");
            go_on.send(()).expect("somebody waits");
        };
        let (outcome, ()) = tokio::join!(run, cancel);
        assert_eq!(outcome, Ok("recorded"));
        assert_eq!(operations.count(), 0);
    }

    #[tokio::test]
    async fn a_name_is_free_again_after_the_end_and_not_before() {
        let operations = Operations::default();
        let first = operations.run("a", async {
            let twice = operations.run("a", ready(Ok::<_, Failure>(()))).await;
            assert_eq!(twice.expect_err("taken").code, "busy");
            Ok::<_, Failure>(1)
        });
        assert_eq!(first.await, Ok(1));
        assert_eq!(operations.run("a", ready(Ok::<_, Failure>(2))).await, Ok(2));
        operations.cancel("a");
        operations.cancel("never was");
    }

    #[tokio::test]
    async fn a_panic_takes_the_operation_off_the_list_too() {
        let operations = Operations::default();
        let outcome =
            crate::error::caught(operations.run::<(), Failure>("a", async { panic!("fell over") }));
        assert_eq!(outcome.await.expect_err("a panic").code, "internal");
        assert_eq!(operations.count(), 0);
    }
}
