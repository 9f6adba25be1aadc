use crate::{Digest, HistoryRecord, ImageConfig};

/// A line of an image's history together with the layer that it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// What the config says.
    pub record: HistoryRecord,
    /// The layer's position in the stack, base = 0; `None` for a change of settings.
    pub layer: Option<usize>,
    /// The layer's diff ID, where the config names one for it.
    pub diff_id: Option<Digest>,
}

/// Pairs the history with the layers, oldest first: every entry that is not marked empty takes the next layer.
///
/// Histories in the wild are missing, too short, too long, or mark the wrong line as empty, so this never fails: entries
/// beyond the layers get none, and layers that no entry speaks of get entries with nothing but the layer, at the end. Every
/// layer is in the result exactly once.
pub fn pair_history(config: &ImageConfig, layer_count: usize) -> Vec<HistoryEntry> {
    let diff_id = |position: usize| config.rootfs.diff_ids.get(position).cloned();
    let mut next = 0;
    let mut entries: Vec<HistoryEntry> = Vec::with_capacity(config.history.len().max(layer_count));
    for record in &config.history {
        let layer = (!record.empty_layer && next < layer_count).then_some(next);
        next += usize::from(layer.is_some());
        entries.push(HistoryEntry {
            record: record.clone(),
            layer,
            diff_id: layer.and_then(diff_id),
        });
    }
    entries.extend((next..layer_count).map(|layer| HistoryEntry {
        record: HistoryRecord::default(),
        layer: Some(layer),
        diff_id: diff_id(layer),
    }));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(history: &[(&str, bool)]) -> ImageConfig {
        let record = |(text, empty): &(&str, bool)| HistoryRecord {
            created_by: Some((*text).to_owned()),
            empty_layer: *empty,
            ..HistoryRecord::default()
        };
        ImageConfig {
            history: history.iter().map(record).collect(),
            ..ImageConfig::default()
        }
    }

    fn layers(history: &[(&str, bool)], count: usize) -> Vec<Option<usize>> {
        pair_history(&config(history), count)
            .iter()
            .map(|entry| entry.layer)
            .collect()
    }

    #[test]
    fn entries_take_layers_in_order() {
        assert_eq!(
            layers(&[("ADD", false), ("ENV", true), ("RUN", false)], 2),
            [Some(0), None, Some(1)]
        );
    }

    #[test]
    fn a_history_of_any_length_names_every_layer_once() {
        assert_eq!(layers(&[], 2), [Some(0), Some(1)]);
        assert_eq!(
            layers(&[("a", false), ("b", false), ("c", false)], 1),
            [Some(0), None, None]
        );
        assert_eq!(layers(&[("a", true)], 1), [None, Some(0)]);
    }
}
