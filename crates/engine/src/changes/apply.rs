//! What an instruction does to an image's settings.

use serde_json::{Map, Value, json};

use super::words::{self, Pair};
use super::{Change, ChangeError};

type Config = Map<String, Value>;

pub(super) fn apply(change: &Change, config: &mut Config) -> Result<(), ChangeError> {
    match change {
        // An empty list leaves what the base has.
        Change::Cmd(words) if words.is_empty() => {}
        Change::Entrypoint(words) if words.is_empty() => {}
        Change::Cmd(words) => set(config, "Cmd", json!(words)),
        Change::Entrypoint(words) => set(config, "Entrypoint", json!(words)),
        Change::Env(pairs) => {
            // All of them see the environment from before the instruction.
            let pairs = expanded("ENV", pairs, config)?;
            let list = list(config, "Env");
            for (name, value) in pairs {
                let line = Value::from(format!("{name}={value}"));
                let known = list.iter_mut().find(|known| {
                    known
                        .as_str()
                        .and_then(|known| known.split_once('='))
                        .is_some_and(|(known, _)| known == name)
                });
                match known {
                    Some(known) => *known = line,
                    None => list.push(line),
                }
            }
        }
        Change::Label(pairs) => {
            let pairs = expanded("LABEL", pairs, config)?;
            let labels = object(config, "Labels");
            for (name, value) in pairs {
                labels.insert(name, value.into());
            }
        }
        Change::Expose(words) => {
            let mut ports = Vec::new();
            for word in words {
                let word = expand("EXPOSE", word, config)?;
                for word in word.split_whitespace() {
                    ports.extend(self::ports(word)?);
                }
            }
            let exposed = object(config, "ExposedPorts");
            for port in ports {
                exposed.insert(port, json!({}));
            }
        }
        Change::Volume(words) => {
            let mut paths = Vec::new();
            for word in words {
                let path = expand("VOLUME", word, config)?.trim().to_owned();
                if path.is_empty() {
                    return Err(ChangeError::Word {
                        instruction: "VOLUME",
                        word: word.clone(),
                        problem: "is no path",
                    });
                }
                paths.push(path);
            }
            let volumes = object(config, "Volumes");
            for path in paths {
                volumes.insert(path, json!({}));
            }
        }
        Change::OnBuild(trigger) => list(config, "OnBuild").push(trigger.as_str().into()),
        Change::User(user) => set(config, "User", json!(user)),
        Change::WorkDir(path) => {
            let path = expand("WORKDIR", path, config)?;
            let old = config
                .get("WorkingDir")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let joined = match path.starts_with('/') {
                true => path,
                false => format!("{old}/{path}"),
            };
            set(config, "WorkingDir", json!(cleaned(&joined)));
        }
        Change::Healthcheck(check) => set(config, "Healthcheck", check.clone()),
        Change::StopSignal(signal) => {
            let signal = expand("STOPSIGNAL", signal, config)?;
            let known = match signal.parse::<u32>() {
                Ok(number) => (1..=64).contains(&number),
                Err(_) => {
                    let name = signal.to_ascii_uppercase();
                    let name = name.strip_prefix("SIG").unwrap_or(&name).to_owned();
                    name.starts_with("RTM") || SIGNALS.contains(&name.as_str())
                }
            };
            if !known {
                return Err(ChangeError::Word {
                    instruction: "STOPSIGNAL",
                    word: signal.chars().take(200).collect(),
                    problem: "is no signal",
                });
            }
            set(config, "StopSignal", json!(signal));
        }
    }
    Ok(())
}

/// The names of Linux's signals.
const SIGNALS: &[&str] = &[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

fn set(config: &mut Config, key: &str, value: Value) {
    config.insert(key.to_owned(), value);
}

/// Returns the list of that key; what is there and is none is replaced, as a null is.
fn list<'a>(config: &'a mut Config, key: &str) -> &'a mut Vec<Value> {
    let value = config.entry(key).or_insert_with(|| json!([]));
    if !value.is_array() {
        *value = json!([]);
    }
    match value {
        Value::Array(list) => list,
        _ => unreachable!("it was just made a list"),
    }
}

fn object<'a>(config: &'a mut Config, key: &str) -> &'a mut Config {
    let value = config.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("it was just made an object"),
    }
}

fn expand(instruction: &'static str, word: &str, config: &Config) -> Result<String, ChangeError> {
    let environment: Vec<(&str, &str)> = config
        .get("Env")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|line| line.as_str()?.split_once('='))
        .collect();
    let lookup = |name: &str| {
        environment
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    };
    words::expand(word, &lookup).map_err(|problem| ChangeError::Word {
        instruction,
        word: word.chars().take(200).collect(),
        problem,
    })
}

fn expanded(
    instruction: &'static str,
    pairs: &[Pair],
    config: &Config,
) -> Result<Vec<(String, String)>, ChangeError> {
    pairs
        .iter()
        .map(|Pair { name, value }| {
            Ok((
                expand(instruction, name, config)?,
                expand(instruction, value, config)?,
            ))
        })
        .collect()
}

/// Reads `PORT[-PORT][/PROTOCOL]`.
fn ports(word: &str) -> Result<Vec<String>, ChangeError> {
    let wrong = || ChangeError::Word {
        instruction: "EXPOSE",
        word: word.chars().take(200).collect(),
        problem: "is no port, such as 80, 80/udp or 8000-8010",
    };
    let (numbers, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(wrong());
    }
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let number = |text: &str| text.parse::<u16>().map_err(|_| wrong());
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(wrong());
    }
    Ok((first..=last)
        .map(|port| format!("{port}/{protocol}"))
        .collect())
}

/// Takes `.`, `..` and double slashes out of an absolute path.
fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
