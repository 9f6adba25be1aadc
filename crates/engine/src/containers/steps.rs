//! The history that a commit goes on with.

use serde_json::{Value, json};

/// Adds a step to an image's history so that it speaks of what it is meant to: a step of a layer of the layer above `layers` others.
///
/// Readers pair steps with layers by counting, and histories in the wild are missing, too short or too long. A step is added
/// for each layer that none speaks of, with nothing but a time, and steps beyond the layers are marked as empty.
pub(super) fn add(
    history: Option<Value>,
    layers: usize,
    created: Option<&Value>,
    step: Value,
) -> Value {
    let mut steps = match history {
        Some(Value::Array(steps)) => steps,
        _ => Vec::new(),
    };
    let mut claimed = 0;
    for entry in &mut steps {
        if entry["empty_layer"] == true {
            continue;
        }
        if claimed == layers {
            // What is no object is no step of anybody's, and the config was read before.
            if let Some(entry) = entry.as_object_mut() {
                entry.insert("empty_layer".into(), json!(true));
            }
        } else {
            claimed += 1;
        }
    }
    let unnamed = match created {
        Some(created) => json!({"created": created}),
        None => json!({}),
    };
    steps.extend(std::iter::repeat_n(unnamed, layers - claimed));
    steps.push(step);
    Value::Array(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which step each layer is of, the new one last.
    fn steps_of_layers(history: Option<Value>, layers: usize) -> Vec<usize> {
        let steps = add(
            history,
            layers,
            Some(&json!("then")),
            json!({"created_by": "new"}),
        );
        let steps = steps.as_array().expect("a list");
        let taken = steps.iter().enumerate();
        taken
            .filter(|(_, step)| step["empty_layer"] != true)
            .map(|(position, _)| position)
            .collect()
    }

    #[test]
    fn the_new_step_is_of_the_new_layer_whatever_the_history_was() {
        assert_eq!(steps_of_layers(None, 2), [0, 1, 2]);
        assert_eq!(steps_of_layers(Some(Value::Null), 1), [0, 1]);
        let (full, empty) = (json!({"created_by": "a"}), json!({"empty_layer": true}));
        assert_eq!(steps_of_layers(Some(json!([full, empty])), 2), [0, 2, 3]);
        assert_eq!(
            steps_of_layers(Some(json!([full, empty, full])), 2),
            [0, 2, 3]
        );
        assert_eq!(steps_of_layers(Some(json!([full, full, full])), 1), [0, 3]);
    }
}
