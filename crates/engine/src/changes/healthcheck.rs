//! `HEALTHCHECK`.

use serde_json::{Value, json};

use super::{ChangeError, command, json_words};

const HEALTHCHECK: &str = "HEALTHCHECK";

/// Reads `NONE`, or options, `CMD` and a command, into docker's object.
pub(super) fn parse(text: &str) -> Result<Value, ChangeError> {
    let mut rest = text;
    let mut check = json!({});
    while rest.starts_with("--") {
        let (flag, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = after.trim_start();
        let wrong = |problem| ChangeError::Word {
            instruction: HEALTHCHECK,
            word: flag.chars().take(200).collect(),
            problem,
        };
        let (name, value) = flag
            .split_once('=')
            .ok_or_else(|| wrong("is not --NAME=VALUE"))?;
        let time = || {
            duration(value)
                // docker: "must be at least 1ms", and 0 is the default.
                .filter(|time| *time == 0 || *time >= 1_000_000)
                .ok_or_else(|| wrong("is no duration of a millisecond or more, such as 30s"))
        };
        match name {
            "--interval" => check["Interval"] = json!(time()?),
            "--timeout" => check["Timeout"] = json!(time()?),
            "--start-period" => check["StartPeriod"] = json!(time()?),
            "--retries" => {
                let count = value.parse::<u32>().ok().filter(|count| *count > 0);
                check["Retries"] = json!(count.ok_or_else(|| wrong("is no count above 0"))?);
            }
            _ => return Err(wrong("is no option of it")),
        }
    }
    let (kind, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let arguments = arguments.trim();
    let test = match kind.to_ascii_uppercase().as_str() {
        "NONE" if arguments.is_empty() && check == json!({}) => vec!["NONE".to_owned()],
        "CMD" if !arguments.is_empty() => match json_words(arguments) {
            Some(words) if !words.is_empty() => {
                std::iter::once("CMD".to_owned()).chain(words).collect()
            }
            _ => {
                let line = command(arguments).pop().unwrap_or_default();
                vec!["CMD-SHELL".to_owned(), line]
            }
        },
        _ => {
            return Err(ChangeError::Wants {
                instruction: HEALTHCHECK,
                wants: "NONE alone, or CMD and a command",
            });
        }
    };
    check["Test"] = json!(test);
    Ok(check)
}

/// Reads Go's durations (`1m30s`, `1.5h`, `250ms`) as nanoseconds.
fn duration(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total: f64 = 0.0;
    while !rest.is_empty() {
        let digits =
            rest.find(|character: char| !(character.is_ascii_digit() || character == '.'))?;
        let (number, after) = rest.split_at(digits);
        let end = after
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = match unit {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    // 290 years; above that a nanosecond is no longer counted.
    (!text.is_empty() && total < 9.2e18).then(|| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it was compared with what fits"
        )]
        let total = total as i64;
        total
    })
}
