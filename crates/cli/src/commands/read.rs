//! `cat` and `stat`.

use std::collections::BTreeMap;
use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use nexusfs_core::error::ErrorKind;
use nexusfs_core::filesystem::Filesystem;
use nexusfs_core::metadata::Entry;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::failure::{Result, each_operand};
use crate::json::{EntryRow, JsonArray};
use crate::output::{HEADING, Output};
use crate::session::Session;
use crate::text::{clock, counted, human_bytes, printable};

/// How much of a file is in memory.
const PIECE: usize = 256 * 1024;

/// Print files, byte for byte.
///
/// With --json, each file is an object whose content is text ("encoding": "utf-8") or, for other bytes, base64.
#[derive(Debug, Args)]
pub struct Cat {
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

impl Cat {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let out = &mut session.out;
        if !out.json {
            return each_operand(&self.paths, |path| stream(&fs, path, out));
        }
        let mut array = JsonArray::default();
        let done = each_operand(&self.paths, |path| {
            let bytes = fs.read(path)?;
            let size = bytes.len();
            let (encoding, content) = match String::from_utf8(bytes) {
                Ok(text) => ("utf-8", text),
                Err(error) => ("base64", BASE64_STANDARD.encode(error.as_bytes())),
            };
            let row = json!({"path": path, "size": size, "encoding": encoding, "content": content});
            array.add(out, &row)
        });
        array.finish(out)?;
        done
    }
}

fn stream(fs: &Filesystem, path: &str, out: &mut Output) -> Result<()> {
    let mut reader = fs.open_reader(path)?;
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(()),
            count => out.write_all(&piece[..count])?,
        }
    }
}

/// Show all properties of files and directories.
///
/// With --json: an object for one path, an array for several.
#[derive(Debug, Args)]
pub struct Stat {
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

#[derive(Serialize)]
struct StatRow<'a> {
    #[serde(flatten)]
    entry: EntryRow<'a>,
    ref_count: Option<u64>,
    metadata: Option<Box<RawValue>>,
}

impl Stat {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let out = &mut session.out;
        if let ([path], true) = (&self.paths[..], out.json) {
            let found = Found::look(&fs, path)?;
            return out.json(&found.row()?);
        }
        let mut array = JsonArray::default();
        let mut first = true;
        let done = each_operand(&self.paths, |path| {
            let found = Found::look(&fs, path)?;
            if out.json {
                return array.add(out, &found.row()?);
            }
            if !std::mem::take(&mut first) {
                out.line("")?;
            }
            found.print(out)
        });
        if out.json {
            array.finish(out)?;
        }
        done
    }
}

/// The properties of a path.
struct Found {
    entry: Entry,
    references: Option<u64>,
    metadata: Option<String>,
}

impl Found {
    fn look(fs: &Filesystem, path: &str) -> Result<Found> {
        let entry = fs.stat(path)?;
        let Some(file) = &entry.file else {
            return Ok(Found {
                entry,
                references: None,
                metadata: None,
            });
        };
        let references = match fs.content_info(&file.etag.to_string()) {
            Ok(info) => serde_json::from_str::<Value>(&info)?["ref_count"].as_u64(),
            // Replaced since it was looked up.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let metadata = Some(fs.list_meta(path)?);
        Ok(Found {
            entry,
            references,
            metadata,
        })
    }

    fn row(&self) -> Result<StatRow<'_>> {
        let metadata = self.metadata.clone().map(RawValue::from_string);
        Ok(StatRow {
            entry: EntryRow::new(self.entry.borrow()),
            ref_count: self.references,
            metadata: metadata.transpose()?,
        })
    }

    fn print(&self, out: &mut Output) -> Result<()> {
        let entry = &self.entry;
        let mut lines = vec![("path", entry.path.as_str().to_owned())];
        match &entry.file {
            None => lines.push(("kind", "directory".to_owned())),
            Some(file) => {
                lines.push(("kind", "file".to_owned()));
                let human = match file.size {
                    0..1024 => String::new(),
                    size => format!(" ({})", human_bytes(size)),
                };
                lines.push(("size", format!("{}{human}", file.size)));
                lines.push(("type", file.mime_type.to_string()));
                lines.push(("version", file.version.to_string()));
                lines.push(("etag", file.etag.to_string()));
                lines.push(("backend", file.backend.to_string()));
            }
        }
        if let Some(count) = self.references {
            lines.push(("content in", counted(count, "file")));
        }
        match entry.path_id {
            None => lines.push(("id", "none: it exists by what is in it".to_owned())),
            Some(id) => {
                lines.push(("id", id.to_string()));
                lines.push(("created", clock(Some(entry.created_at))));
                lines.push(("modified", clock(Some(entry.modified_at))));
            }
        }
        let metadata = self.metadata.as_deref().unwrap_or("{}");
        let values: BTreeMap<String, Box<RawValue>> = serde_json::from_str(metadata)?;
        let lines = lines
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .chain(
                values
                    .into_iter()
                    .map(|(key, value)| (key, value.get().to_owned())),
            )
            .map(|(name, value)| (printable(&name).into_owned(), value));
        let lines: Vec<(String, String)> = lines.collect();
        let width = lines
            .iter()
            .map(|(name, _)| name.width())
            .max()
            .unwrap_or(0);
        for (name, value) in lines {
            let gap = " ".repeat(width - name.width());
            let name = out.paint(HEADING, name).to_string();
            out.line(format_args!("{gap}{name}  {}", printable(&value)))?;
        }
        Ok(())
    }
}
