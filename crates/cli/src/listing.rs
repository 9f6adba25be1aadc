//! Lists of things with docker's `--format`: a table, a template for each thing, or a JSON object for each.

use std::{borrow::Cow, io::Write};

use serde_json::{Map, Value};

use crate::{failure::Failure, json, table::Table, template::Template};

/// What a list can show of each of its things.
pub(crate) struct Field<R> {
    /// Its name in a template, without the dot.
    pub(crate) name: &'static str,
    /// What stands above it in a table.
    pub(crate) header: &'static str,
    /// Its text. It is made safe for a terminal when it is shown.
    pub(crate) value: fn(&R) -> Cow<'_, str>,
}

/// How a list is written.
pub(crate) enum Format {
    /// Aligned columns with a header.
    Table(Template),
    /// The template for each thing, on a line of its own.
    Lines(Template),
    /// A JSON object with all fields for each thing, on a line of its own.
    Json,
}

impl Format {
    /// Reads a format: `json`, `table TEMPLATE`, `table` alone or nothing for the usual columns, or a template.
    ///
    /// A field that the list does not have is refused here, before anything is listed.
    pub(crate) fn parse<R>(
        text: &str,
        usual: &str,
        fields: &[Field<R>],
    ) -> Result<Format, Failure> {
        let text = text.trim();
        let read = |template: &str| {
            let template = Template::parse(template).map_err(Failure::Usage)?;
            known(&template, fields)?;
            Ok::<_, Failure>(template)
        };
        match text {
            "json" => return Ok(Format::Json),
            "" => return Ok(Format::Table(read(usual)?)),
            _ => {}
        }
        match text.strip_prefix("table") {
            Some("") => Ok(Format::Table(read(usual)?)),
            Some(template) if template.starts_with(char::is_whitespace) => {
                Ok(Format::Table(read(template.trim_start())?))
            }
            _ => Ok(Format::Lines(read(text)?)),
        }
    }
}

/// Writes the list.
pub(crate) fn write<R>(
    out: &mut dyn Write,
    format: &Format,
    fields: &[Field<R>],
    rows: impl IntoIterator<Item = R>,
) -> Result<(), Failure> {
    let find = |name: &str| fields.iter().find(|field| field.name == name);
    let mut text = String::new();
    match format {
        Format::Json => {
            for row in rows {
                writeln!(out, "{}", json::to_line(&object(fields, &row)))?;
            }
        }
        Format::Lines(template) => {
            for row in rows {
                text.clear();
                render(template, fields, &row, &mut text)?;
                writeln!(out, "{text}")?;
            }
        }
        Format::Table(template) => {
            let header = template
                .header(&|name| find(name).map_or_else(String::new, |field| field.header.into()));
            let mut table = Table::default();
            table.push_line(&header);
            for row in rows {
                text.clear();
                render(template, fields, &row, &mut text)?;
                table.push_line(&text);
            }
            table.write(out)?;
        }
    }
    Ok(())
}

/// Fills in a template for one thing.
fn render<R>(
    template: &Template,
    fields: &[Field<R>],
    row: &R,
    text: &mut String,
) -> Result<(), Failure> {
    let of = |name: &str| {
        let field = fields.iter().find(|field| field.name == name)?;
        Some((field.value)(row))
    };
    let resolve = |keys: &[String]| match keys {
        [] => Some(Value::Object(object(fields, row))),
        [name] => of(name).map(|value| Value::String(value.into_owned())),
        _ => None,
    };
    template
        .render_to(text, &of, &resolve)
        .map_err(Failure::Usage)
}

fn object<R>(fields: &[Field<R>], row: &R) -> Map<String, Value> {
    fields
        .iter()
        .map(|field| {
            (
                field.name.to_owned(),
                Value::String((field.value)(row).into_owned()),
            )
        })
        .collect()
}

/// Refuses a field that the list does not have, also where the list is empty.
fn known<R>(template: &Template, fields: &[Field<R>]) -> Result<(), Failure> {
    for name in template.fields() {
        if !fields.iter().any(|field| field.name == name) {
            let all: Vec<&str> = fields.iter().map(|field| field.name).collect();
            return Err(Failure::Usage(format!(
                "there is no field .{name} here, but .{}",
                all.join(", .")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field<(&str, u32)>] = &[
        Field {
            name: "Name",
            header: "NAME",
            value: |row| row.0.into(),
        },
        Field {
            name: "Count",
            header: "HOW MANY",
            value: |row| row.1.to_string().into(),
        },
    ];

    fn written(format: &str) -> Result<String, Failure> {
        let mut out = Vec::new();
        let format = Format::parse(format, "{{.Name}}\t{{.Count}}", FIELDS)?;
        write(&mut out, &format, FIELDS, [("a", 1), ("b\t", 22)])?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn each_format_is_dockers() {
        assert_eq!(
            written("table").unwrap(),
            "NAME      HOW MANY\na         1\nb\\t       22\n"
        );
        assert_eq!(written("").unwrap(), written("table").unwrap());
        assert_eq!(
            written("table {{.Count}}\\t{{.Name}}").unwrap(),
            "HOW MANY   NAME\n1          a\n22         b\\t\n"
        );
        assert_eq!(written("{{.Name}}={{.Count}}").unwrap(), "a=1\nb\\t=22\n");
        assert_eq!(
            written("json").unwrap(),
            "{\"Name\":\"a\",\"Count\":\"1\"}\n{\"Name\":\"b\\t\",\"Count\":\"22\"}\n"
        );
        assert!(
            written("{{.Other}}")
                .unwrap_err()
                .to_string()
                .contains(".Name, .Count")
        );
    }
}
