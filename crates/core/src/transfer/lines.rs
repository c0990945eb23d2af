//! The lines of an import, read so far. Their texts are on the disk. Memory has the offset of each, and an index by
//! path and id: about 100 bytes per line.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::BufRead;

use super::bad_lines::BadLines;
use super::import::PROGRESS_STEP;
use super::limits::Budget;
use super::line::{DirectoryLine, Line};
use super::line_reader::{LineReader, MAX_LINE_BYTES, Next, ReadError};
use super::line_spool::LineSpool;
use crate::call::Call;
use crate::error::{Error, Result};
use crate::filesystem::{InvalidWorkKeys, Progress};
use crate::path::VirtualPath;
use crate::path_id::PathId;

/// What some programs write in front of the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of an import.
#[derive(Debug)]
pub(super) struct Lines {
    files: LineSpool,
    directories: LineSpool,
    keys: InvalidWorkKeys,
    paths: PathIndex,
    ids: HashMap<PathId, u32>,
    has_dependencies: bool,
    number: u64,
    pub budget: Budget,
}

impl Lines {
    /// Returns no lines, whose texts will be in files that `scratch` makes.
    pub fn new(
        scratch: impl Fn() -> Result<File>,
        keys: InvalidWorkKeys,
        budget: Budget,
    ) -> Result<Self> {
        Ok(Lines {
            files: LineSpool::new(scratch()?),
            directories: LineSpool::new(scratch()?),
            keys,
            paths: PathIndex::default(),
            ids: HashMap::new(),
            has_dependencies: false,
            number: 0,
            budget,
        })
    }

    /// Returns how many good lines of files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Returns the number of the line `index`.
    pub fn number_of(&self, index: usize) -> u64 {
        self.files.number(index)
    }

    /// Returns how many lines there were, the bad ones among them.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns whether any file depends on others.
    pub fn has_dependencies(&self) -> bool {
        self.has_dependencies
    }

    /// Returns the line `index`.
    pub fn line(&self, index: usize) -> Result<Line> {
        Line::parse(self.number_of(index), &self.files.text(index)?, self.keys)
    }

    /// Returns the line with the path.
    pub fn of_path(&self, path: &VirtualPath) -> Option<usize> {
        self.paths.get(path)
    }

    /// Returns the line with the id.
    pub fn of_id(&self, id: PathId) -> Option<usize> {
        self.ids.get(&id).map(|index| *index as usize)
    }

    /// Returns how many lines of directories there are.
    pub fn directory_count(&self) -> usize {
        self.directories.len()
    }

    /// Returns the directory `index`.
    pub fn directory(&self, index: usize) -> Result<DirectoryLine> {
        let text = self.directories.text(index)?;
        let text = str::from_utf8(&text).map_err(|_| Error::internal("a line has changed"))?;
        DirectoryLine::parse(text)
    }

    /// Adds a directory that the line `text` describes.
    pub fn add_directory(&mut self, text: &str) -> Result<()> {
        self.budget.take(text.len() as u64 + 1)?;
        self.directories.push(0, text.as_bytes())
    }

    /// No more lines come.
    pub fn end(&mut self) -> Result<()> {
        self.files.flush()?;
        self.directories.flush()
    }

    /// Reads all lines of `input`; those that say nothing valid, or repeat what an earlier one said, are bad.
    pub fn read(
        &mut self,
        input: impl BufRead,
        bad: &mut BadLines,
        call: &Call,
        progress: Progress<'_>,
    ) -> std::result::Result<(), ReadError> {
        let longest = self.budget.longest_line().min(MAX_LINE_BYTES);
        let mut reader = LineReader::new(input, longest);
        loop {
            if self.number.is_multiple_of(PROGRESS_STEP as u64) {
                call.check()?;
                if !progress(self.number, 0, "lines read") {
                    return Err(Error::cancelled().into());
                }
            }
            let number = self.number + 1;
            let added = match reader.next(call)? {
                Next::End => return Ok(()),
                Next::TooLong => {
                    self.budget.take(longest + 1)?;
                    Err(Error::invalid_argument("the line has more than 256 MiB"))
                }
                Next::Line(bytes) => {
                    self.budget.take(bytes.len() as u64 + 1)?;
                    let bytes = match number {
                        1 => bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes),
                        _ => bytes,
                    };
                    match bytes.trim_ascii().is_empty() {
                        true => Ok(()),
                        false => self.add(number, bytes),
                    }
                }
            };
            self.number = number;
            if let Err(error) = added {
                bad.add_if_of_line(number, error)?;
            }
        }
    }

    fn add(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        let line = Line::parse(number, bytes, self.keys)?;
        let index = self.files.len() as u32;
        let repeated = |earlier: usize, what: &str| {
            let what = format!("line {} has the same {what}", self.files.number(earlier));
            Err(Error::invalid_argument(what).at(&line.path))
        };
        if let Some(earlier) = self.paths.get(&line.path) {
            return repeated(earlier, "path");
        }
        if let Some(earlier) = line.path_id.and_then(|id| self.of_id(id)) {
            return repeated(earlier, "path_id");
        }
        self.paths.insert(&line.path, index);
        self.ids.extend(line.path_id.map(|id| (id, index)));
        self.has_dependencies |= line.depends_on.is_some();
        self.files.push(number, bytes)
    }
}

/// Finds numbers by paths, of which it keeps two hashes with secret keys: 16 bytes for a path of up to 4 KiB.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    hashers: [RandomState; 2],
    found: HashMap<[u64; 2], u32>,
}

impl PathIndex {
    pub fn insert(&mut self, path: &VirtualPath, number: u32) {
        self.found.insert(self.key(path), number);
    }

    pub fn get(&self, path: &VirtualPath) -> Option<usize> {
        self.found
            .get(&self.key(path))
            .map(|number| *number as usize)
    }

    fn key(&self, path: &VirtualPath) -> [u64; 2] {
        [0, 1].map(|index| self.hashers[index].hash_one(path.as_str()))
    }
}
