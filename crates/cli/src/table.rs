//! Columns, laid out as docker lays them out.

use std::io::{self, Write};

/// Rows of cells that are written with their columns aligned.
///
/// As Go's `tabwriter` with docker's settings: a column is as wide as its widest cell and three spaces, ten at least; the
/// last one is not padded. All cells lie in one text, so that a list of ten thousand is not fifty thousand small ones.
#[derive(Debug, Default)]
pub(crate) struct Table {
    text: String,
    /// Where each cell ends in the text.
    cells: Vec<usize>,
    /// Where each row ends in the cells.
    rows: Vec<usize>,
}

const PADDING: usize = 3;
const LEAST_WIDTH: usize = 10;

impl Table {
    /// A table with these words on top.
    pub(crate) fn with_header<const N: usize>(header: [&str; N]) -> Table {
        let mut table = Table::default();
        table.push(header);
        table
    }

    /// Adds a row. Its cells must be safe to print.
    pub(crate) fn push<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        for cell in cells {
            self.text.push_str(cell.as_ref());
            self.cells.push(self.text.len());
        }
        self.rows.push(self.cells.len());
    }

    /// Adds a row whose cells stand with tabs between them.
    pub(crate) fn push_line(&mut self, line: &str) {
        let mut start = 0;
        for (at, byte) in line.bytes().enumerate() {
            if byte == b'\t' {
                self.text.push_str(&line[start..at]);
                self.cells.push(self.text.len());
                start = at + 1;
            }
        }
        self.text.push_str(&line[start..]);
        self.cells.push(self.text.len());
        self.rows.push(self.cells.len());
    }

    /// Writes all rows.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut widths = Vec::new();
        self.each(|column, cell, _| {
            if column == widths.len() {
                widths.push(LEAST_WIDTH);
            }
            widths[column] = widths[column].max(width(cell) + PADDING);
        });
        let mut lines = String::with_capacity(self.text.len() * 2);
        self.each(|column, cell, is_last| {
            lines.push_str(cell);
            if is_last {
                lines.push('\n');
            } else {
                lines.extend(std::iter::repeat_n(' ', widths[column] - width(cell)));
            }
        });
        out.write_all(lines.as_bytes())
    }

    /// Shows every cell, with its column and whether it ends its row.
    fn each(&self, mut see: impl FnMut(usize, &str, bool)) {
        let (mut start, mut first) = (0, 0);
        for &end in &self.rows {
            for (column, &stop) in self.cells[first..end].iter().enumerate() {
                see(column, &self.text[start..stop], first + column + 1 == end);
                start = stop;
            }
            first = end;
        }
    }
}

fn width(cell: &str) -> usize {
    if cell.is_ascii() {
        cell.len()
    } else {
        cell.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_in_docker() {
        let mut table = Table::with_header(["REPOSITORY", "TAG", "SIZE"]);
        table.push(["a", "1.2", "7B"]);
        table.push(["registry.example/apps/ü", "latest-and-longer", "1.36GB"]);
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
        table.push(["1", "2"]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "A         B\n1         2\n"
        );
    }
}
