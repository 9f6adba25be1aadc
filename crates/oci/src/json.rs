//! Refuses JSON that two readers could understand differently.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Fails where one of the first two levels of objects has a key twice, also when the two differ only in case.
///
/// Go programs take the last of such keys and ignore case, others the first, so the same bytes would be two images.
/// Deeper levels (labels, annotations) are free: their keys are data and may differ in case alone.
pub(crate) fn refuse_repeated_keys(bytes: &[u8]) -> Result<(), serde_json::Error> {
    refuse_misread_keys(bytes, [&[], &[]])
}

/// As [`refuse_repeated_keys`], and fails where a key of the first or second level is one of those that are known there but for its
/// case: Go programs read it as that one, and others pass it over.
pub(crate) fn refuse_misread_keys(
    bytes: &[u8],
    known: [&'static [&'static str]; 2],
) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Unique { depth: 2, known }.deserialize(&mut deserializer)?;
    deserializer.end()
}

struct Unique {
    /// How many levels are looked at from here on.
    depth: u8,
    /// The keys that mean something, of the first level and of the second.
    known: [&'static [&'static str]; 2],
}

/// Makes the same text of keys that Go takes for the same. The long s is what it knows of besides capitals.
fn folded(key: &str) -> String {
    key.to_lowercase().replace('ſ', "s")
}

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen: Vec<String> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if self.depth > 0 {
                let folded = folded(&key);
                let known = self.known[usize::from(self.depth == 1)];
                if let Some(meant) = known
                    .iter()
                    .find(|known| **known != key && known.to_lowercase() == folded)
                {
                    return Err(A::Error::custom(format_args!(
                        "the key {key:?} is {meant:?} to some programs and nothing to others"
                    )));
                }
                if seen.contains(&folded) {
                    return Err(A::Error::custom(format_args!(
                        "the key {key:?} stands in it twice"
                    )));
                }
                seen.push(folded);
                // An object with hundreds of different keys on these levels is no document that we read; the bound
                // keeps the search above from growing with the square of a hostile document.
                if seen.len() > 256 {
                    return Err(A::Error::custom("an object has more than 256 keys"));
                }
            }
            let free_keys = key == "annotations" || key == "labels" || key == "Labels";
            map.next_value_seed(Self {
                depth: if free_keys {
                    0
                } else {
                    self.depth.saturating_sub(1)
                },
                known: self.known,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Self { depth, known } = self;
        while sequence.next_element_seed(Self { depth, known })?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::refuse_repeated_keys;

    #[test]
    fn a_repeated_key_is_refused_whatever_its_case() {
        for text in [
            r#"{"layers":[],"layers":[]}"#,
            r#"{"layers":[],"Layers":[]}"#,
            r#"{"manifests":[{"digest":"a","DIGEST":"b"}]}"#,
            r#"{"config":{"Env":[],"env":[]}}"#,
            r#"{"layers":[],"layerſ":[]}"#,
        ] {
            assert!(refuse_repeated_keys(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_are_data() {
        let text = r#"{"config":{"Labels":{"a":"1","A":"2"}},"annotations":{"x":"1","X":"2"}}"#;
        assert!(refuse_repeated_keys(text.as_bytes()).is_ok());
    }

    #[test]
    fn rubbish_after_the_end_is_refused() {
        assert!(refuse_repeated_keys(b"{} {}").is_err());
    }
}
