//! Values that stay in Rust while the page has a name for each.

use std::collections::{VecDeque, hash_map::RandomState};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The last values that the page was given names for.
///
/// The page can only give a name back: no bug in it can act on what it was not given.
pub(crate) struct Named<Value> {
    most: usize,
    kept: Mutex<VecDeque<(String, Value)>>,
}

impl<Value> Named<Value> {
    /// Begins without any; of more than `most` values the oldest goes first.
    pub(crate) fn at_most(most: usize) -> Named<Value> {
        Named {
            most,
            kept: Mutex::default(),
        }
    }

    /// Keeps a value and returns its name, which nobody can guess.
    pub(crate) fn keep(&self, value: Value) -> String {
        let name = nonce();
        let mut kept = self.kept();
        if kept.len() == self.most {
            kept.pop_front();
        }
        kept.push_back((name.clone(), value));
        name
    }

    /// Takes a value out, so that it can be used once. `None`: there is none of that name any more.
    pub(crate) fn take(&self, name: &str) -> Option<Value> {
        let mut kept = self.kept();
        let place = kept.iter().position(|(known, _)| known == name)?;
        kept.remove(place).map(|(_, value)| value)
    }

    /// Returns a value, as often as it is asked for. `None`: there is none of that name any more.
    pub(crate) fn get(&self, name: &str) -> Option<Value>
    where
        Value: Clone,
    {
        let kept = self.kept();
        let found = kept.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(String, Value)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn names_are_never_the_same() {
        let names: std::collections::HashSet<String> = (0..1000).map(|_| nonce()).collect();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn a_value_comes_back_for_its_name_and_for_nothing_else() {
        let numbers = Named::at_most(2);
        let one = numbers.keep(1);
        assert_eq!(numbers.get(&one), Some(1));
        for guess in ["", "0", "1"] {
            assert_eq!(numbers.get(guess), None);
        }
        assert_eq!(numbers.take(&one), Some(1));
        assert_eq!(numbers.take(&one), None, "it is used up");
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let numbers = Named::at_most(2);
        let names = [1, 2, 3].map(|number| numbers.keep(number));
        let left = names.map(|name| numbers.get(&name));
        assert_eq!(left, [None, Some(2), Some(3)]);
    }
}
