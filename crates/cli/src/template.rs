//! The part of Go's templates that people use with docker's `--format`.
//!
//! `{{.Field}}`, `{{.Config.User}}`, `{{.}}`, string and number literals, pipes, trim marks (`{{-`, `-}}`), comments, and the
//! functions `json`, `upper`, `lower`, `join`, `index` and `len`. `range`, `if` and variables are not among them: the
//! message says so, and `--json` gives everything to a program that can loop.

use std::borrow::Cow;

use serde_json::Value;

use crate::text::escaped;

/// A template that was read.
#[derive(Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// Stages of a pipe; each one's result is the last argument of the next.
    Pipe(Vec<Stage>),
}

#[derive(Debug)]
struct Stage {
    function: Option<Function>,
    operands: Vec<Operand>,
}

#[derive(Debug, Clone, Copy)]
enum Function {
    Json,
    Upper,
    Lower,
    Join,
    Index,
    Len,
}

#[derive(Debug)]
enum Operand {
    /// The keys of a field; none is the whole thing.
    Path(Vec<String>),
    Literal(Value),
}

impl Template {
    /// Reads a template. `\t` and `\n` in its text are a tab and a line break, as with docker.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut trim = false;
        while let Some(start) = rest.find("{{") {
            let end = rest[start..]
                .find("}}")
                .ok_or_else(|| format!("the format has {{{{ without }}}}: {rest}"))?
                + start;
            let mut before = if trim {
                rest[..start].trim_start()
            } else {
                &rest[..start]
            };
            let mut action = &rest[start + 2..end];
            if let Some(inner) = action
                .strip_prefix('-')
                .filter(|inner| inner.starts_with(' '))
            {
                before = before.trim_end();
                action = inner;
            }
            trim = false;
            if let Some(inner) = action
                .strip_suffix('-')
                .filter(|inner| inner.ends_with(' '))
            {
                trim = true;
                action = inner;
            }
            push_text(&mut parts, before);
            let action = action.trim();
            if !(action.starts_with("/*") && action.ends_with("*/")) {
                parts.push(Part::Pipe(pipe(action)?));
            }
            rest = &rest[end + 2..];
        }
        push_text(&mut parts, if trim { rest.trim_start() } else { rest });
        Ok(Template { parts })
    }

    /// The first keys of all fields that it uses.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.operands().filter_map(|operand| match operand {
            Operand::Path(keys) => keys.first().map(String::as_str),
            Operand::Literal(_) => None,
        })
    }

    fn operands(&self) -> impl Iterator<Item = &Operand> {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Pipe(stages) => Some(stages),
                Part::Text(_) => None,
            })
            .flatten()
            .flat_map(|stage| &stage.operands)
    }

    /// Fills it in: `resolve` gives the value of a field, or `None` where there is no such field.
    ///
    /// What comes from a value is made safe for a terminal; what the template itself says is not touched.
    pub(crate) fn render(
        &self,
        resolve: &dyn Fn(&[String]) -> Option<Value>,
    ) -> Result<String, String> {
        let mut text = String::new();
        self.render_to(&mut text, &|_| None, resolve)?;
        Ok(text)
    }

    /// As [`render`](Self::render), onto the end of a text. A field that stands alone in its action is asked of `plain`
    /// first, which may have its text without a detour over a value.
    pub(crate) fn render_to<'a>(
        &self,
        text: &mut String,
        plain: &dyn Fn(&str) -> Option<Cow<'a, str>>,
        resolve: &dyn Fn(&[String]) -> Option<Value>,
    ) -> Result<(), String> {
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Pipe(stages) => match lone_field(stages).and_then(plain) {
                    Some(value) => text.push_str(&escaped(&value)),
                    None => text.push_str(&escaped(&shown(&evaluate(stages, resolve)?))),
                },
            }
        }
        Ok(())
    }

    /// Fills in the header: every action becomes the header of the field that it shows.
    pub(crate) fn header(&self, of: &dyn Fn(&str) -> String) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Pipe(stages) => {
                    let field =
                        stages
                            .iter()
                            .flat_map(|stage| &stage.operands)
                            .find_map(|operand| match operand {
                                Operand::Path(keys) => keys.first(),
                                Operand::Literal(_) => None,
                            });
                    text.push_str(&field.map_or_else(String::new, |field| of(field)));
                }
            }
        }
        text
    }
}

/// Returns the field of an action that is nothing but that.
fn lone_field(stages: &[Stage]) -> Option<&str> {
    match stages {
        [
            Stage {
                function: None,
                operands,
            },
        ] => match operands.as_slice() {
            [Operand::Path(keys)] => match keys.as_slice() {
                [key] => Some(key),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.replace("\\t", "\t").replace("\\n", "\n")));
    }
}

fn pipe(action: &str) -> Result<Vec<Stage>, String> {
    let stages = split_outside_quotes(action, '|')
        .into_iter()
        .map(stage)
        .collect::<Result<Vec<_>, _>>()?;
    for (index, stage) in stages.iter().enumerate() {
        let complete = match stage.function {
            None => index == 0 && stage.operands.len() == 1,
            Some(_) => index > 0 || !stage.operands.is_empty(),
        };
        if !complete {
            return Err(format!(
                "the format has an action that gives nothing: {{{{{action}}}}}"
            ));
        }
    }
    Ok(stages)
}

fn stage(text: &str) -> Result<Stage, String> {
    let mut words = split_outside_quotes(text.trim(), ' ')
        .into_iter()
        .filter(|word| !word.is_empty())
        .peekable();
    let function = match words.peek().copied() {
        Some("json") => Some(Function::Json),
        Some("upper") => Some(Function::Upper),
        Some("lower") => Some(Function::Lower),
        Some("join") => Some(Function::Join),
        Some("index") => Some(Function::Index),
        Some("len") => Some(Function::Len),
        _ => None,
    };
    if function.is_some() {
        words.next();
    }
    let operands = words.map(operand).collect::<Result<_, _>>()?;
    Ok(Stage { function, operands })
}

fn operand(word: &str) -> Result<Operand, String> {
    if let Some(path) = word.strip_prefix('.') {
        let keys: Vec<String> = path.split('.').map(String::from).collect();
        if path.is_empty() {
            return Ok(Operand::Path(Vec::new()));
        }
        if keys.iter().all(|key| !key.is_empty()) {
            return Ok(Operand::Path(keys));
        }
    } else if word.starts_with('"') {
        // Go's string literals with the escapes that JSON has too.
        if let Ok(value @ Value::String(_)) = serde_json::from_str(word) {
            return Ok(Operand::Literal(value));
        }
    } else if let Some(raw) = word
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'))
    {
        return Ok(Operand::Literal(Value::String(raw.into())));
    } else if let Ok(number) = word.parse::<u64>() {
        return Ok(Operand::Literal(Value::from(number)));
    }
    Err(format!(
        "\"{word}\" is not understood in a format: there are fields such as .ID, strings, numbers, and json, upper, lower, join, index, len"
    ))
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quote, mut skip) = (0, None, false);
    for (index, character) in text.char_indices() {
        match quote {
            _ if skip => skip = false,
            Some('"') if character == '\\' => skip = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if character == '"' || character == '`' => quote = Some(character),
            None if character == separator => {
                pieces.push(&text[start..index]);
                start = index + character.len_utf8();
            }
            None => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn evaluate(
    stages: &[Stage],
    resolve: &dyn Fn(&[String]) -> Option<Value>,
) -> Result<Value, String> {
    let mut result: Option<Value> = None;
    for stage in stages {
        let mut values = Vec::new();
        for operand in &stage.operands {
            values.push(match operand {
                Operand::Literal(value) => value.clone(),
                Operand::Path(keys) => resolve(keys)
                    .ok_or_else(|| format!("there is no field .{} here", keys.join(".")))?,
            });
        }
        values.extend(result.take());
        result = Some(match stage.function {
            None => values.pop().unwrap_or(Value::Null),
            Some(function) => apply(function, &values)?,
        });
    }
    Ok(result.unwrap_or(Value::Null))
}

fn apply(function: Function, values: &[Value]) -> Result<Value, String> {
    Ok(match (function, values) {
        (Function::Json, [value]) => Value::String(crate::json::to_line(value)),
        (Function::Upper, [value]) => Value::String(shown(value).to_uppercase()),
        (Function::Lower, [value]) => Value::String(shown(value).to_lowercase()),
        (Function::Join, [Value::Array(items), Value::String(separator)]) => {
            Value::String(items.iter().map(shown).collect::<Vec<_>>().join(separator))
        }
        (Function::Join, [Value::Null, _]) => Value::String(String::new()),
        (Function::Len, [Value::Array(items)]) => Value::from(items.len()),
        (Function::Len, [Value::Object(items)]) => Value::from(items.len()),
        (Function::Len, [Value::String(text)]) => Value::from(text.len()),
        (Function::Len, [Value::Null]) => Value::from(0),
        (Function::Index, [first, keys @ ..]) => {
            let mut value = first;
            for key in keys {
                value = match key {
                    Value::Number(index) => index
                        .as_u64()
                        .and_then(|index| usize::try_from(index).ok())
                        .and_then(|index| value.get(index)),
                    Value::String(key) => value.get(key),
                    _ => None,
                }
                .ok_or_else(|| format!("there is nothing at {}", shown(key)))?;
            }
            value.clone()
        }
        _ => return Err("a function in the format has arguments that it cannot take".into()),
    })
}

/// As Go prints it: `[a b]`, `map[a:1 b:2]`.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => value.clone(),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(shown).collect::<Vec<_>>().join(" ")
        ),
        Value::Object(items) => {
            let mut items: Vec<String> = items
                .iter()
                .map(|(key, value)| format!("{key}:{}", shown(value)))
                .collect();
            items.sort();
            format!("map[{}]", items.join(" "))
        }
    }
}

/// The value below these keys; `None` where there is none.
pub(crate) fn descend(value: &Value, keys: &[String]) -> Option<Value> {
    keys.iter()
        .try_fold(value, |value, key| value.get(key))
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(template: &str) -> Result<String, String> {
        let value = json!({
            "Id": "sha256:0123", "Size": 12, "RepoTags": ["a:1", "b:2"], "Evil": "\u{1b}[2J",
            "Config": {"Env": ["PATH=/bin"], "Labels": {"b.c": "2", "a": "1"}, "User": null}
        });
        Template::parse(template)?.render(&|keys| descend(&value, keys))
    }

    #[test]
    fn fields_functions_and_pipes_are_filled_in() {
        for (template, text) in [
            ("{{.Id}} {{ .Size }}\\n", "sha256:0123 12\n"),
            (
                "{{.RepoTags}} {{.Config.Labels}}",
                "[a:1 b:2] map[a:1 b.c:2]",
            ),
            (
                "{{json .Config.Env}} {{.RepoTags | json}}",
                r#"["PATH=/bin"] ["a:1","b:2"]"#,
            ),
            (
                r#"{{join .RepoTags ", "}} {{index .RepoTags 1 | upper}}"#,
                "a:1, b:2 B:2",
            ),
            (r#"{{index .Config.Labels "b.c"}} {{len .RepoTags}}"#, "2 2"),
            ("<{{.Config.User}}>", "<<no value>>"),
            (r#"{{"a|b {{"}}"#, "a|b {{"),
            ("a {{- .Size -}} b{{/* nothing */}}", "a12b"),
            ("{{.Evil}}", "\\x1b[2J"),
        ] {
            assert_eq!(filled(template).as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (template, part) in [
            ("{{.Id", "without }}"),
            ("{{range .RepoTags}}", "\"range\" is not understood"),
            ("{{.Nothing}}", "no field .Nothing"),
            ("{{json}}", "gives nothing"),
            ("{{}}", "gives nothing"),
            ("{{index .RepoTags 7}}", "nothing at 7"),
            ("{{upper .Id .Id}}", "cannot take"),
        ] {
            let error = filled(template).unwrap_err();
            assert!(error.contains(part), "{template}: {error}");
        }
    }

    #[test]
    fn a_header_names_the_fields() {
        let template = Template::parse("{{.ID}}\\t{{.Size | upper}}").unwrap();
        assert_eq!(template.header(&|field| field.to_uppercase()), "ID\tSIZE");
        assert_eq!(template.fields().collect::<Vec<_>>(), ["ID", "Size"]);
    }
}
