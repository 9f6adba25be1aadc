//! Plans of removals, kept in Rust between being shown and being executed.

use std::collections::{VecDeque, hash_map::RandomState};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use engine::places::PlacePlan;
use engine::{Engine, EnginePlace, RemovalPlan};

use crate::Failure;

/// More plans than anyone has sheets open; the oldest goes first.
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

/// The plans that were shown and not yet executed.
///
/// The window gets a name for a plan and can only give that back: no bug in it can remove what was not shown.
pub(crate) struct Plans<Kept> {
    kept: Mutex<VecDeque<(String, Kept)>>,
}

impl<Kept> Default for Plans<Kept> {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
        }
    }
}

impl<Kept> Plans<Kept> {
    /// Keeps a plan and returns its name, which nobody can guess.
    pub(crate) fn keep(&self, plan: Kept) -> String {
        let id = nonce();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back((id.clone(), plan));
        id
    }

    /// Takes a plan out, so that it can be executed once.
    ///
    /// # Errors
    /// `plan_stale` when there is no plan of that name any more.
    pub(crate) fn take(&self, id: &str) -> Result<Kept, Failure> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(name, _)| name == id);
        let found = place.and_then(|place| kept.remove(place));
        found.map(|(_, kept)| kept).ok_or_else(|| {
            Failure::new(
                "plan_stale",
                "This plan was executed already or is too old.",
            )
            .with_hint("Look at what would be removed now, and confirm that.")
        })
    }
}

/// 128 random bits. The standard library seeds every `RandomState` from the system's random numbers.
pub(crate) fn nonce() -> String {
    let word = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", word(), word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_plans_are_never_the_same() {
        let names: std::collections::HashSet<String> = (0..1000).map(|_| nonce()).collect();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn an_unknown_plan_is_stale() {
        let refused = Plans::<()>::default().take("made up").map(|_| ());
        assert_eq!(refused.expect_err("no such plan").code, "plan_stale");
    }
}
