//! Plans of removals, kept in Rust between being shown and being executed.

use engine::places::PlacePlan;
use engine::{Engine, EnginePlace, RemovalPlan};

use crate::Failure;
use crate::named::Named;

/// More plans than anyone has sheets open.
const MOST: usize = 16;

/// A plan and the engine whose store it is about.
pub(crate) struct Kept {
    pub(crate) engine: Engine,
    pub(crate) plan: RemovalPlan,
}

/// A plan and the engine elsewhere that it is about.
pub(crate) struct KeptPlace {
    pub(crate) place: EnginePlace,
    pub(crate) plan: PlacePlan,
}

/// The plans that were shown and not yet executed: what was not shown cannot be removed.
pub(crate) struct Plans<Kept>(Named<Kept>);

impl<Kept> Default for Plans<Kept> {
    fn default() -> Self {
        Self(Named::at_most(MOST))
    }
}

impl<Kept> Plans<Kept> {
    /// Keeps a plan and returns its name.
    pub(crate) fn keep(&self, plan: Kept) -> String {
        self.0.keep(plan)
    }

    /// Takes a plan out, so that it can be executed once.
    ///
    /// # Errors
    /// `plan_stale` when there is no plan of that name any more.
    pub(crate) fn take(&self, id: &str) -> Result<Kept, Failure> {
        self.0.take(id).ok_or_else(|| {
            Failure::new(
                "plan_stale",
                "This plan was executed already or is too old.",
            )
            .with_hint("Look at what would be removed now, and confirm that.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_plan_is_stale() {
        let refused = Plans::<()>::default().take("made up").map(|_| ());
        assert_eq!(refused.expect_err("no such plan").code, "plan_stale");
    }
}
