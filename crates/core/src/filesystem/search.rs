//! Finding files by name pattern and by content.

use super::cursor::{self, PageLimit};
use super::expression::{Searcher, Work};
use super::files::not_found;
use super::line_search::{LineScan, LineSearch, as_text};
use super::metadata::base_directory;
use super::pattern::{Bare, GlobPattern};
use super::{Filesystem, FindOptions, GrepOptions, Match, Matches, Page};
use crate::access::Action;
use crate::call::Call;
use crate::content::ContentReader;
use crate::error::{ErrorKind, Result};
use crate::metadata::{Entry, EntryCollector, EntryQuery, Scope};
use crate::path::VirtualPath;
use crate::range::PathRange;

/// How many names are read in one transaction, so that a long search does not keep the WAL from starting over.
const STEP: usize = 1000;
/// How much of a content is searched at a time.
const PIECE: usize = 256 * 1024;
/// `max_matches` where the caller gives none.
const DEFAULT_MATCHES: usize = 1000;

impl Filesystem {
    /// Returns a page of the files whose path below the base matches a glob `pattern`: `*` and `?` stay
    /// inside a segment, `**` crosses segments, `[…]`, `[!…]` and `{a,b}` are classes and alternatives.
    ///
    /// # Errors
    /// `InvalidArgument` for a bad pattern or cursor; `NotFound`, `NotADirectory`, `AccessDenied` for the
    /// base directory.
    pub fn glob(&self, pattern: &str, options: &FindOptions) -> Result<Page> {
        let call = self.begin();
        let base = base_directory(options.base.as_deref())?;
        let pattern = GlobPattern::compile(&base, pattern, Bare::ChildOfBase)?;
        self.check_base(&base, &call)?;
        let mut matcher = pattern.matcher();
        let mut work = Work::new(&call);
        let page = PageLimit::new(options.limit);
        let probe = page.probe();
        let mut names = Names::new(&base, &pattern, cursor::decode(options.cursor.as_deref())?);
        let mut found = Vec::new();
        while found.len() < probe
            && let Some(entries) = names.next(self, &call)?
        {
            for entry in entries {
                if matcher.matches(entry.path.as_str(), &mut work)? {
                    found.push(entry);
                }
                if found.len() == probe {
                    break;
                }
            }
        }
        Ok(page.page(found))
    }

    /// Searches the contents of files for a regular expression or a text, line by line, in time linear in their
    /// size. Binary files, which have a NUL in their first 8 KiB, are passed over and counted. A base that is a file
    /// is searched itself, whatever the file pattern.
    ///
    /// # Errors
    /// `InvalidArgument` for a bad expression or pattern; `NotFound`, `AccessDenied` for the base; `Corrupt` or
    /// `NotMounted` for a content that cannot be read; `Cancelled`.
    pub fn grep(&self, expression: &str, options: &GrepOptions) -> Result<Matches> {
        let call = self.begin();
        let base = base_directory(options.base.as_deref())?;
        let search = LineSearch::compile(expression, options.ignore_case, options.literal)?;
        let files = options.file_pattern.as_deref().unwrap_or("**");
        let pattern = GlobPattern::compile(&base, files, Bare::NameAtAnyDepth)?;
        self.ask(&call, |policy| policy.check(&base, Action::Read).map(drop))?;
        let mut grep = Grep {
            searcher: search.searcher(),
            max_matches: match options.max_matches {
                0 => DEFAULT_MATCHES,
                limit => limit,
            },
            bytes_left: match options.max_bytes {
                0 => u64::MAX,
                limit => limit,
            },
            texts_left: MAX_TEXT_BYTES,
            found: Matches::default(),
        };
        let entry = self.granted(&call, |policy, grant| self.look_up(&base, policy, grant))?;
        match entry {
            None => return Err(not_found(&base)),
            Some(entry) if entry.is_directory() => {
                self.grep_below(&base, &pattern, &mut grep, &call)?;
            }
            Some(_) => grep.file(&base, self.open_content(&base, &call)?, &call)?,
        }
        Ok(grep.found)
    }

    fn grep_below(
        &self,
        base: &VirtualPath,
        pattern: &GlobPattern,
        grep: &mut Grep,
        call: &Call,
    ) -> Result<()> {
        let mut names = Names::new(base, pattern, None);
        let mut matcher = pattern.matcher();
        let mut work = Work::new(call);
        while let Some(entries) = names.next(self, call)? {
            for entry in entries {
                if !matcher.matches(entry.path.as_str(), &mut work)? {
                    continue;
                }
                if grep.is_over() {
                    grep.found.truncated = true;
                    return Ok(());
                }
                match self.open_content(&entry.path, call) {
                    Ok(content) => grep.file(&entry.path, content, call)?,
                    // Removed, or replaced by a directory, since it was listed.
                    Err(error)
                        if matches!(
                            error.kind(),
                            ErrorKind::NotFound | ErrorKind::IsADirectory
                        ) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn check_base(&self, base: &VirtualPath, call: &Call) -> Result<()> {
        self.ask(call, |policy| policy.check(base, Action::Read).map(drop))?;
        self.require_directory(base, call)
    }
}

/// The files that a pattern can match, some at a time.
struct Names {
    range: Option<PathRange>,
    after: Option<String>,
}

impl Names {
    fn new(base: &VirtualPath, pattern: &GlobPattern, after: Option<String>) -> Self {
        let under = PathRange::under(base.as_str());
        let prefix = match pattern.literal_prefix() {
            "" | "/" => PathRange::all(),
            prefix => PathRange::with_prefix(prefix),
        };
        Names {
            range: under.intersection(&prefix),
            after,
        }
    }

    /// Returns the next files; `None` at the end.
    fn next(&mut self, filesystem: &Filesystem, call: &Call) -> Result<Option<Vec<Entry>>> {
        let Some(range) = &self.range else {
            return Ok(None);
        };
        let query = EntryQuery {
            scope: Scope::Range(range.clone()),
            directories: false,
            after: self.after.take(),
            limit: STEP,
        };
        let mut found = EntryCollector::default();
        filesystem.granted(call, |_, grant| {
            filesystem
                .store()
                .page(&query, grant, &mut |entry| found.push(entry))
        })?;
        let entries = found.entries;
        match entries.last() {
            Some(last) if entries.len() == STEP => {
                self.after = Some(last.path.as_str().to_owned());
            }
            _ => self.range = None,
        }
        Ok(Some(entries))
    }
}

/// Most bytes of the lines of one search together: a few files, copied often, could fill the memory else.
const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// A search through contents.
struct Grep {
    searcher: Searcher,
    max_matches: usize,
    bytes_left: u64,
    /// Bytes that the lines found may still have together.
    texts_left: usize,
    found: Matches,
}

impl Grep {
    fn is_over(&self) -> bool {
        self.found.matches.len() >= self.max_matches || self.bytes_left == 0
    }

    /// Searches one file.
    fn file(&mut self, path: &VirtualPath, mut content: ContentReader, call: &Call) -> Result<()> {
        let mut piece = vec![0; PIECE.min(content.size() as usize)];
        let mut scan = LineScan::new(&mut self.searcher, call);
        let matches = &mut self.found.matches;
        let max_matches = self.max_matches;
        let texts_left = &mut self.texts_left;
        let mut too_many = false;
        let mut cut = false;
        let mut add = |line, text: &[u8], start, end| {
            if matches.len() == max_matches || *texts_left < text.len() {
                too_many = true;
                return false;
            }
            *texts_left -= text.len();
            let (text, match_start, match_end) = as_text(text, start, end);
            matches.push(Match {
                path: path.clone(),
                line,
                text,
                match_start,
                match_end,
            });
            true
        };
        let mut offset = 0;
        loop {
            call.check()?;
            let read = content
                .read_at(offset, &mut piece, call)
                .map_err(|error| error.at(path))?;
            if offset == 0 && LineSearch::is_binary(&piece[..read]) {
                self.found.skipped += 1;
                return Ok(());
            }
            let count = read.min(usize::try_from(self.bytes_left).unwrap_or(usize::MAX));
            offset += count as u64;
            self.bytes_left -= count as u64;
            if count == 0 {
                cut = offset < content.size();
                // A line is searched whole or not at all.
                if !cut {
                    scan.finish(&mut add)?;
                }
                break;
            }
            if !scan.feed(&piece[..count], &mut add)? {
                break;
            }
        }
        self.found.truncated |= too_many || cut;
        Ok(())
    }
}
