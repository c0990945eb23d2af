//! `grep`.

use clap::Args;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::{FilePattern, Filesystem, FindOptions, GrepOptions, Match, Matches};
use nexusfs_core::path::VirtualPath;
use regex::{Regex, RegexBuilder};
use serde_json::json;

use crate::failure::{Exit, Failure, Result, each_operand};
use crate::json::JsonArray;
use crate::output::{FAINT, MATCH, NUMBER, Output, PATH};
use crate::session::Session;
use crate::text::{counted, printable};

/// Most lines without `--max-count`.
const LINES: usize = 100_000;
/// Most lines of a file that are counted: they are in memory together.
const COUNTED: usize = 10_000_000;
/// Names that are read together.
const PAGE: usize = 1000;

/// Find lines in files.
///
/// On a terminal the lines are grouped by file and coloured; in a pipe each is 'path:line:text'. Binary files are passed over.
/// Like grep, it exits with 1 when nothing matched.
#[derive(Debug, Args)]
pub struct Grep {
    /// A regular expression, or with -F a text
    pattern: String,
    /// Directories and files to search
    #[arg(value_name = "PATH", default_value = "/")]
    paths: Vec<String>,
    /// Match letters in either case
    #[arg(short, long)]
    ignore_case: bool,
    /// PATTERN is literal text, not a regular expression
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Search directories with all below them, which is done anyway
    #[arg(short, long)]
    recursive: bool,
    /// Show line numbers, which is done anyway
    #[arg(short = 'n', long, overrides_with = "no_line_number")]
    line_number: bool,
    /// Show no line numbers
    #[arg(short = 'N', long, overrides_with = "line_number")]
    no_line_number: bool,
    /// Show only the paths of files with a match
    #[arg(short = 'l', long, conflicts_with = "count")]
    files_with_matches: bool,
    /// Show only how many lines of each file match
    #[arg(short, long)]
    count: bool,
    /// Search only files whose name, or path below PATH if it has a '/', matches this glob pattern; a file that is named as
    /// PATH is searched anyway
    #[arg(long, value_name = "GLOB")]
    include: Option<String>,
    /// Stop after this many lines; without it, after 100000 with exit code 1, but with -l and -c never
    #[arg(short, long, value_name = "N")]
    max_count: Option<usize>,
}

impl Grep {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let highlight = session.out.coloured.then(|| {
            let expression = match self.fixed_strings {
                true => regex::escape(&self.pattern),
                false => self.pattern.clone(),
            };
            RegexBuilder::new(&expression)
                .case_insensitive(self.ignore_case)
                .build()
        });
        let mut search = Search {
            args: &self,
            // The library says what is wrong with the expression.
            highlight: highlight.and_then(|regex| regex.ok()),
            left: self.max_count.unwrap_or(LINES),
            cut: false,
            array: JsonArray::default(),
            any: false,
            groups: 0,
        };
        let out = &mut session.out;
        let done = each_operand(&self.paths, |path| search.operand(&fs, path, out));
        let (any, cut) = (search.any, search.cut);
        if out.json {
            search.array.finish(out)?;
        }
        if cut {
            let text = match self.max_count {
                Some(lines) => format!("stopped after {lines} lines (see --max-count)"),
                None => format!("stopped after {LINES} lines, or 64 MiB of them (see --max-count)"),
            };
            Failure::new(Exit::Failure, text).report();
        }
        // Who said how many lines to print has got them.
        match any && (!cut || self.max_count.is_some()) {
            false => done.and(Err(Failure::Quiet(Exit::Failure))),
            true => done,
        }
    }
}

struct Search<'a> {
    args: &'a Grep,
    highlight: Option<Regex>,
    /// How many more lines may be found.
    left: usize,
    /// There may be more than that.
    cut: bool,
    array: JsonArray,
    any: bool,
    groups: usize,
}

impl Search<'_> {
    fn operand(&mut self, fs: &Filesystem, path: &str, out: &mut Output) -> Result<()> {
        if self.left == 0 {
            self.cut = true;
            return Ok(());
        }
        let options = GrepOptions {
            base: Some(path.to_owned()),
            file_pattern: self.args.include.clone(),
            ignore_case: self.args.ignore_case,
            literal: self.args.fixed_strings,
            max_matches: self.left,
            max_bytes: 0,
        };
        let found = self.grep(fs, &options)?;
        let is_about_files = self.args.files_with_matches || self.args.count;
        let skipped = match is_about_files && self.args.max_count.is_none() {
            true if found.truncated => self.each_file(fs, &options, out)?,
            true => {
                self.print(&found, out)?;
                found.skipped
            }
            false => {
                self.left -= found.matches.len();
                self.cut |= found.truncated;
                self.print(&found, out)?;
                found.skipped
            }
        };
        let binary = counted(skipped, "binary file");
        if skipped > 0 && out.is_terminal && !out.quiet && !out.json {
            out.line(
                out.paint(FAINT, format!("({binary} passed over)"))
                    .to_string(),
            )?;
        }
        Ok(())
    }

    fn grep(&self, fs: &Filesystem, options: &GrepOptions) -> Result<Matches> {
        let pattern = &self.args.pattern;
        fs.grep(pattern, options)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidArgument => Failure::usage(format!("{error}: {pattern}")),
                _ => error.into(),
            })
    }

    /// Searches each file by itself, for `-l` and `-c`, where all lines that match are too many to be held. Returns how many
    /// binary files were passed over.
    fn each_file(
        &mut self,
        fs: &Filesystem,
        options: &GrepOptions,
        out: &mut Output,
    ) -> Result<u64> {
        let base = options.base.as_deref().unwrap_or("/");
        if !fs.is_directory(base)? {
            return self.one_file(fs, base, options, out);
        }
        let files = options.file_pattern.as_deref().unwrap_or("**");
        let mut files = FilePattern::compile(&VirtualPath::parse(base)?, files)?;
        let mut find = FindOptions {
            base: options.base.clone(),
            limit: PAGE,
            cursor: None,
        };
        let mut skipped = 0;
        loop {
            let page = fs.glob("**", &find)?;
            for entry in &page.entries {
                let path = entry.path.as_str();
                if files.matches(path) {
                    skipped += self.one_file(fs, path, options, out)?;
                }
            }
            find.cursor = page.cursor;
            if find.cursor.is_none() {
                return Ok(skipped);
            }
        }
    }

    fn one_file(
        &mut self,
        fs: &Filesystem,
        path: &str,
        options: &GrepOptions,
        out: &mut Output,
    ) -> Result<u64> {
        let options = GrepOptions {
            base: Some(path.to_owned()),
            max_matches: match self.args.count {
                true => COUNTED,
                false => 1,
            },
            ..options.clone()
        };
        let found = match self.grep(fs, &options) {
            // Removed since it was listed.
            Err(failure) if failure.exit() == Exit::NotFound => return Ok(0),
            found => found?,
        };
        if self.args.count && found.truncated {
            let text = format!("more than {COUNTED} lines match: {path}");
            return Err(Failure::new(Exit::Failure, text));
        }
        self.print(&found, out)?;
        Ok(found.skipped)
    }

    fn print(&mut self, found: &Matches, out: &mut Output) -> Result<()> {
        self.any |= !found.matches.is_empty();
        for group in found.matches.chunk_by(|a, b| a.path == b.path) {
            let path = &group[0].path;
            if self.args.files_with_matches {
                match out.json {
                    true => self.array.add(out, &json!({"path": path.as_str()}))?,
                    false => out.line(out.paint(PATH, path).to_string())?,
                }
            } else if self.args.count {
                let count = group.len();
                match out.json {
                    true => {
                        let row = json!({"path": path.as_str(), "count": count});
                        self.array.add(out, &row)?;
                    }
                    false => {
                        let path = out.paint(PATH, path).to_string();
                        out.line(format_args!("{path}:{count}"))?;
                    }
                }
            } else {
                self.print_group(group, out)?;
            }
        }
        Ok(())
    }

    fn print_group(&mut self, group: &[Match], out: &mut Output) -> Result<()> {
        if out.is_terminal && !out.json {
            if self.groups > 0 {
                out.line("")?;
            }
            out.line(out.paint(PATH, &group[0].path).to_string())?;
        }
        self.groups += 1;
        for found in group {
            if out.json {
                let row = json!({
                    "path": found.path.as_str(),
                    "line": found.line,
                    "text": found.text,
                    "match_start": found.match_start,
                    "match_end": found.match_end,
                });
                self.array.add(out, &row)?;
                continue;
            }
            let number = match self.args.no_line_number {
                true => String::new(),
                false => format!("{}:", out.paint(NUMBER, found.line)),
            };
            if out.is_terminal {
                let text = self.highlighted(&found.text, out);
                out.line(format_args!("{number}{text}"))?;
            } else {
                let path = out.paint(PATH, &found.path).to_string();
                let text = match out.coloured {
                    true => self.highlighted(&found.text, out),
                    false => found.text.clone(),
                };
                out.line(format_args!("{path}:{number}{text}"))?;
            }
        }
        Ok(())
    }

    /// Returns the line with every match in it marked, and nothing that would steer the terminal.
    fn highlighted(&self, text: &str, out: &Output) -> String {
        let Some(regex) = &self.highlight else {
            return untabbed(text);
        };
        let mut shown = String::new();
        let mut end = 0;
        for found in regex.find_iter(text).filter(|found| !found.is_empty()) {
            shown.push_str(&untabbed(&text[end..found.start()]));
            let marked = out.paint(MATCH, untabbed(found.as_str()));
            shown.push_str(&marked.to_string());
            end = found.end();
        }
        shown.push_str(&untabbed(&text[end..]));
        shown
    }
}

/// Returns `text` printable, but with its tabs.
fn untabbed(text: &str) -> String {
    let parts: Vec<_> = text.split('\t').map(printable).collect();
    parts.join("\t")
}
