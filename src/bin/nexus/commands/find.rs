//! `glob`.

use clap::Args;
use nexus::filesystem::FindOptions;

use crate::failure::Result;
use crate::json::{EntryRow, JsonArray};
use crate::session::Session;

/// Entries that are read together.
const PAGE: usize = 1000;

/// Find files by name.
///
/// '*' and '?' stay within a name, '**' crosses directories, '[a-z]', '[!a-z]' and '{a,b}' are classes and alternatives, '\'
/// takes the meaning from what follows. Quote the pattern, else the shell expands it.
#[derive(Debug, Args)]
pub struct Glob {
    /// For example '/src/**/*.rs'
    pattern: String,
    /// The directory that a pattern without leading '/' starts at
    #[arg(value_name = "DIR", default_value = "/")]
    base: String,
    /// Most files to print
    #[arg(short, long, value_name = "N")]
    limit: Option<usize>,
}

impl Glob {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let out = &mut session.out;
        let mut array = JsonArray::default();
        let mut left = self.limit.unwrap_or(usize::MAX);
        let mut options = FindOptions {
            base: Some(self.base),
            ..FindOptions::default()
        };
        while left > 0 {
            options.limit = left.min(PAGE);
            let page = fs.glob(&self.pattern, &options)?;
            left -= page.entries.len();
            for entry in &page.entries {
                match out.json {
                    true => array.add(out, &EntryRow::new(entry.borrow()))?,
                    false => out.line(&entry.path)?,
                }
            }
            options.cursor = page.cursor;
            if options.cursor.is_none() {
                break;
            }
        }
        match out.json {
            true => array.finish(out),
            false => Ok(()),
        }
    }
}
