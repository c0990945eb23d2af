//! `ls`.

use clap::{ArgAction, Args};
use nexusfs_core::filesystem::{Filesystem, ListOptions, Page};
use nexusfs_core::metadata::Entry;
use unicode_width::UnicodeWidthStr;

use crate::failure::{Result, each_operand};
use crate::json::{EntryRow, JsonArray};
use crate::output::{DIRECTORY, FAINT, HEADING, Output};
use crate::session::Session;
use crate::text::{clock, human_bytes};

/// Entries that are read together.
const PAGE: usize = 1000;
/// Width of a terminal that does not say.
const USUAL_WIDTH: usize = 80;

/// List directories.
///
/// In a pipe, one name a line; directories end with '/'. Times are UTC.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Ls {
    /// Directories, or files
    #[arg(value_name = "PATH", default_value = "/")]
    paths: Vec<String>,
    /// Show size, time of the last change, version, and MIME type
    #[arg(short, long)]
    long: bool,
    /// Show sizes with units
    #[arg(short, long = "human-readable")]
    human: bool,
    /// One name a line, also on a terminal
    #[arg(short = '1')]
    one_a_line: bool,
    /// Show names that begin with '.', which is done anyway
    #[arg(short, long)]
    all: bool,
    /// List all files below, with their whole paths
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Largest first
    #[arg(short = 'S', long = "sort-size", conflicts_with = "by_time")]
    by_size: bool,
    /// Newest first
    #[arg(short = 't', long = "sort-time")]
    by_time: bool,
    /// In the opposite order
    #[arg(short, long)]
    reverse: bool,
    /// List paths that begin with this text, which need not end at a '/'
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["paths", "recursive"])]
    prefix: Option<String>,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

impl Ls {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let out = &mut session.out;
        let mut list = Listing {
            args: &self,
            json: JsonArray::default(),
        };
        let done = match &self.prefix {
            Some(prefix) => list.print_all(
                &fs,
                ListOptions {
                    prefix: Some(prefix.clone()),
                    ..ListOptions::default()
                },
                Names::Whole,
                out,
            ),
            None => {
                let several = self.paths.len() > 1;
                let mut first = true;
                each_operand(&self.paths, |path| {
                    let heading = (several && !out.json).then_some(first);
                    first = false;
                    list.operand(&fs, path, heading, out)
                })
            }
        };
        if out.json {
            list.json.finish(out)?;
        }
        done
    }
}

/// How much of a path is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Whole,
    Last,
}

struct Listing<'a> {
    args: &'a Ls,
    json: JsonArray,
}

impl Listing<'_> {
    /// Lists one operand, under a heading where there are several of them.
    fn operand(
        &mut self,
        fs: &Filesystem,
        path: &str,
        heading: Option<bool>,
        out: &mut Output,
    ) -> Result<()> {
        let entry = fs.stat(path)?;
        if !entry.is_directory() {
            return self.print(&mut [entry], Names::Whole, out);
        }
        if let Some(is_first) = heading {
            if !is_first {
                out.line("")?;
            }
            let name = out.paint(HEADING, &path).to_string();
            out.line(format_args!("{name}:"))?;
        }
        let options = ListOptions {
            path: Some(path.to_owned()),
            recursive: self.args.recursive,
            ..ListOptions::default()
        };
        let names = match self.args.recursive {
            true => Names::Whole,
            false => Names::Last,
        };
        self.print_all(fs, options, names, out)
    }

    fn print_all(
        &mut self,
        fs: &Filesystem,
        mut options: ListOptions,
        names: Names,
        out: &mut Output,
    ) -> Result<()> {
        let args = self.args;
        let sorted = args.by_size || args.by_time || args.reverse;
        // Columns need all names at once, as sorting does.
        let columns =
            out.is_terminal && !args.long && !args.one_a_line && !out.json && names == Names::Last;
        let mut all = Vec::new();
        options.limit = PAGE;
        loop {
            let Page {
                mut entries,
                cursor,
                ..
            } = fs.list(&options)?;
            match sorted || columns {
                true => all.append(&mut entries),
                false => self.print(&mut entries, names, out)?,
            }
            if cursor.is_none() {
                break;
            }
            options.cursor = cursor;
        }
        match columns {
            true => {
                self.sort(&mut all);
                print_columns(&all, out)
            }
            false => self.print(&mut all, names, out),
        }
    }

    fn sort(&self, entries: &mut [Entry]) {
        let size = |entry: &Entry| entry.file.as_ref().map_or(0, |file| file.size);
        if self.args.by_size {
            entries.sort_by_key(|entry| std::cmp::Reverse(size(entry)));
        }
        if self.args.by_time {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.modified_at));
        }
        if self.args.reverse {
            entries.reverse();
        }
    }

    fn print(&mut self, entries: &mut [Entry], names: Names, out: &mut Output) -> Result<()> {
        self.sort(entries);
        for entry in entries {
            if out.json {
                self.json.add(out, &EntryRow::new(entry.borrow()))?;
                continue;
            }
            let name = shown_name(entry, names);
            let name = match entry.is_directory() {
                true => out.paint(DIRECTORY, name).to_string(),
                false => name,
            };
            match self.args.long {
                true => {
                    let details = self.details(entry, out);
                    out.line(format_args!("{details}  {name}"))?;
                }
                false => out.line(name)?,
            }
        }
        Ok(())
    }

    /// Returns the columns of a long line. Their widths are fixed, so that a listing of any length is printed
    /// while it is read.
    fn details(&self, entry: &Entry, out: &Output) -> String {
        let (size, version, mime_type) = match &entry.file {
            Some(file) => (
                match self.args.human {
                    true => human_bytes(file.size),
                    false => file.size.to_string(),
                },
                format!("v{}", file.version),
                &*file.mime_type,
            ),
            None => ("-".to_owned(), "-".to_owned(), "directory"),
        };
        let width = if self.args.human { 5 } else { 12 };
        let time = clock(entry.path_id.map(|_| entry.modified_at));
        let time = out.paint(FAINT, format!("{time:19}"));
        format!("{size:>width$}  {time}  {version:<5}  {mime_type:<24}")
    }
}

fn shown_name(entry: &Entry, names: Names) -> String {
    let name = match names {
        Names::Whole => entry.path.as_str(),
        Names::Last => entry.path.name(),
    };
    match entry.is_directory() {
        true => format!("{name}/"),
        false => name.to_owned(),
    }
}

/// Prints names in columns that fill the terminal from top to bottom, like `ls`.
fn print_columns(entries: &[Entry], out: &mut Output) -> Result<()> {
    const GAP: usize = 2;
    let names: Vec<String> = entries
        .iter()
        .map(|entry| shown_name(entry, Names::Last))
        .collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0) + GAP;
    let columns = ((terminal_width() + GAP) / widest).max(1);
    let rows = names.len().div_ceil(columns);
    for row in 0..rows {
        let mut line = String::new();
        let mut gap = 0;
        for index in (row..names.len()).step_by(rows) {
            line.push_str(&" ".repeat(gap));
            match entries[index].is_directory() {
                true => line.push_str(&out.paint(DIRECTORY, &names[index]).to_string()),
                false => line.push_str(&names[index]),
            }
            gap = widest - names[index].width();
        }
        out.line(line)?;
    }
    Ok(())
}

/// Returns the number of columns of the terminal.
pub fn terminal_width() -> usize {
    match ratatui::crossterm::terminal::size() {
        Ok((columns, _)) if columns > 0 => columns.into(),
        _ => USUAL_WIDTH,
    }
}
