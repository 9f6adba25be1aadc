//! Columns, laid out as docker lays them out.

use std::io::{self, Write};

/// Rows of cells that are written with their columns aligned.
///
/// As Go's `tabwriter` with docker's settings: a column is as wide as its widest cell and three spaces, ten at least; the
/// last one is not padded.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

const PADDING: usize = 3;
const LEAST_WIDTH: usize = 10;

impl Table {
    /// A table with these words on top.
    pub(crate) fn with_header<const N: usize>(header: [&str; N]) -> Table {
        Table {
            rows: vec![header.map(String::from).to_vec()],
        }
    }

    /// Adds a row. Its cells must be safe to print.
    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Writes all rows.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![LEAST_WIDTH; columns];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count() + PADDING);
            }
        }
        let mut line = String::new();
        for row in &self.rows {
            line.clear();
            for (index, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if index + 1 < row.len() {
                    let gap = widths[index] - cell.chars().count();
                    line.extend(std::iter::repeat_n(' ', gap));
                }
            }
            line.push('\n');
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_in_docker() {
        let mut table = Table::with_header(["REPOSITORY", "TAG", "SIZE"]);
        table.push(["a".into(), "1.2".into(), "7B".into()]);
        table.push([
            "registry.example/apps/ü".into(),
            "latest-and-longer".into(),
            "1.36GB".into(),
        ]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "REPOSITORY                TAG                 SIZE\n\
             a                         1.2                 7B\n\
             registry.example/apps/ü   latest-and-longer   1.36GB\n"
        );
    }

    #[test]
    fn a_narrow_column_takes_ten() {
        let mut table = Table::with_header(["A", "B"]);
        table.push(["1".into(), "2".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "A         B\n1         2\n"
        );
    }
}
