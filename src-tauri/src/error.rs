//! What a refused command answers. The only place that turns the engine's errors into what the window sees.

use std::{any::Any, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;
use serde::Serialize;
use specta::Type;

/// Why a command was refused, in words for the person at the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type, thiserror::Error)]
#[serde(rename = "ErrorPayload", rename_all = "camelCase")]
#[error("{message}")]
pub struct Failure {
    /// A stable word to branch on, such as `plan_stale` or `cancelled`.
    pub code: String,
    /// What failed and why, as far as known.
    pub message: String,
    /// One thing to do about it.
    pub hint: Option<String>,
    /// The registry that refused, where it was one.
    pub registry: Option<RegistryRefusal>,
}

/// The registry that refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RegistryRefusal {
    /// Its host, as in references: where a login would go.
    pub host: String,
    /// Whether it refused because of who asks.
    pub login_may_help: bool,
}

impl Failure {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Failure {
        Failure {
            code: code.to_owned(),
            message: message.into(),
            hint: None,
            registry: None,
        }
    }

    pub(crate) fn with_hint(mut self, hint: &str) -> Failure {
        self.hint = Some(hint.to_owned());
        self
    }

    pub(crate) fn cancelled() -> Failure {
        Failure::new("cancelled", "The operation was cancelled.")
    }

    fn of_panic(panic: &(dyn Any + Send)) -> Failure {
        let words = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason is known");
        Failure::new("internal", format!("Strata made a mistake: {words}."))
            .with_hint("Nothing was left half done. Please report it.")
    }
}

// Everything that the engine can fail with, and everything that its own error can be made of: so a text that does not
// parse is refused with the engine's code and words for it.
impl<E> From<E> for Failure
where
    engine::Error: From<E>,
{
    fn from(error: E) -> Failure {
        let error = engine::Error::from(error);
        Failure {
            code: error.code().to_owned(),
            message: engine::human::sentence_case(&error.message()),
            hint: error.hint(),
            registry: error.registry_refusal().map(RegistryRefusal::from),
        }
    }
}

impl From<engine::RegistryRefusal<'_>> for RegistryRefusal {
    fn from(refusal: engine::RegistryRefusal<'_>) -> RegistryRefusal {
        let engine::RegistryRefusal {
            host,
            login_may_help,
        } = refusal;
        RegistryRefusal {
            host: host.to_owned(),
            login_may_help,
        }
    }
}

/// Runs a command's work; a panic in it becomes the failure `internal` instead of a promise that never settles.
pub(crate) async fn caught<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    // Whatever the work held is dropped with it, and the engine's state is transactional: nothing broken is seen later.
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(Failure::of_panic(panic.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_failure_with_its_words() {
        let failure = caught::<()>(async { panic!("the sky fell") }).await;
        let failure = failure.expect_err("a panic is no success");
        assert_eq!(failure.code, "internal");
        assert!(failure.message.contains("the sky fell"), "{failure}");
    }

    #[test]
    fn a_message_begins_as_a_sentence_does() {
        let failure = Failure::from(engine::Error::NoSearchTerm);
        assert!(failure.message.starts_with("There"), "{failure}");
    }

    #[test]
    fn a_text_that_does_not_parse_is_refused_with_the_engines_code() {
        let error = "UPPER"
            .parse::<engine::Reference>()
            .expect_err("upper case");
        let failure = Failure::from(error);
        assert_eq!(failure.code, "bad_reference");
        let json = serde_json::to_value(&failure).expect("plain data");
        let mut keys: Vec<_> = json.as_object().expect("an object").keys().collect();
        keys.sort();
        assert_eq!(keys, ["code", "hint", "message", "registry"]);
    }
}
