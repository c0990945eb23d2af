//! Tables without lines, as people and `awk` read them.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use nexusfs_core::work::Status;

use crate::failure::Result;
use crate::output::Output;
use crate::text::printable;

/// A table that grows row by row.
pub struct Rows {
    table: Table,
    coloured: bool,
}

impl Rows {
    /// Begins a table. A heading that begins with `>` is that of numbers, which are aligned right.
    pub fn new(out: &Output, headings: &[&str]) -> Rows {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if out.coloured {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let names = headings.iter().map(|heading| {
            let name = heading.strip_prefix('>').unwrap_or(heading);
            Cell::new(name).add_attribute(Attribute::Bold)
        });
        table.set_header(names);
        for (column, heading) in table.column_iter_mut().zip(headings) {
            column.set_padding((0, 2));
            if heading.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Rows {
            table,
            coloured: out.coloured,
        }
    }

    pub fn add(&mut self, cells: Vec<Cell>) {
        self.table.add_row(cells);
    }

    pub fn print(self, out: &mut Output) -> Result<()> {
        let text = match self.coloured {
            // What is behind the last column are codes, which trimming would not see through.
            true => self.table.to_string(),
            false => self.table.trim_fmt(),
        };
        out.line(text)
    }
}

/// Returns a cell with `text`.
pub fn cell(text: impl AsRef<str>) -> Cell {
    Cell::new(printable(text.as_ref()))
}

/// Returns a cell with the status in its colour.
pub fn status_cell(status: Status) -> Cell {
    Cell::new(status.name()).fg(match status {
        Status::Ready => Color::Green,
        Status::Pending => Color::Blue,
        Status::Blocked => Color::Yellow,
        Status::InProgress => Color::Cyan,
        Status::Completed => Color::DarkGrey,
        Status::Failed => Color::Red,
        Status::Cancelled => Color::DarkGrey,
    })
}
