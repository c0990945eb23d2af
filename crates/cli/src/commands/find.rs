//! `glob`.

use clap::Args;
use nexusfs_core::filesystem::{FindOptions, Page};

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
        let limit = self.limit.unwrap_or(usize::MAX);
        print_found(session, self.base, limit, |options| {
            fs.glob(&self.pattern, options)
        })
    }
}

/// Prints the paths of the first `limit` entries that `search` finds below `base`, page after page.
pub fn print_found(
    session: &mut Session,
    base: String,
    limit: usize,
    mut search: impl FnMut(&FindOptions) -> nexusfs_core::error::Result<Page>,
) -> Result<()> {
    let out = &mut session.out;
    let mut array = JsonArray::default();
    let mut left = limit;
    let mut options = FindOptions {
        base: Some(base),
        ..FindOptions::default()
    };
    while left > 0 {
        options.limit = left.min(PAGE);
        let page = search(&options)?;
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
