//! `du`.

use std::collections::BTreeMap;

use clap::{ArgAction, Args};
use nexusfs_core::filesystem::{Filesystem, ListOptions};
use nexusfs_core::path::VirtualPath;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::report::{number, text_of};
use crate::failure::{Failure, Result, each_operand};
use crate::session::Session;
use crate::table::{Rows, cell};
use crate::text::{counted, human_bytes};

/// Entries that are read together.
const PAGE: usize = 2000;

/// Show the disk usage of directories and of the store.
///
/// Sizes are those of the files: a content of two files counts twice. For the whole store, it also shows the sizes of
/// each tenant, and what identical contents save.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Du {
    /// Directories, or files; without any, the whole store
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Show sizes with units
    #[arg(short, long = "human-readable")]
    human: bool,
    /// Show directories down to this depth below PATH
    #[arg(short = 'd', long, value_name = "N", default_value_t = 1)]
    max_depth: usize,
    /// Show only the sum of each PATH: --max-depth 0
    #[arg(short, long, conflicts_with = "max_depth")]
    summarize: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

#[derive(Default, Clone, Copy)]
struct Sum {
    files: u64,
    bytes: u64,
}

impl Du {
    pub fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let depth = if self.summarize { 0 } else { self.max_depth };
        let whole = self.paths.is_empty();
        let paths = match whole {
            true => vec!["/".to_owned()],
            false => self.paths.clone(),
        };
        let mut sums = Vec::new();
        let done = each_operand(&paths, |path| {
            sums.extend(sums_of(&fs, path, depth)?);
            Ok(())
        });
        let stats = match whole {
            true => Some(RawValue::from_string(fs.storage_stats()?)?),
            false => None,
        };
        self.print(session, &sums, stats)?;
        done
    }

    fn print(
        &self,
        session: &mut Session,
        sums: &[(String, Sum)],
        stats: Option<Box<RawValue>>,
    ) -> Result<()> {
        let out = &mut session.out;
        if out.json {
            let rows: Vec<Value> = sums
                .iter()
                .map(|(path, sum)| json!({"path": path, "files": sum.files, "bytes": sum.bytes}))
                .collect();
            return match stats {
                None => out.json(&rows),
                Some(stats) => {
                    let stats: Value = serde_json::from_str(stats.get())?;
                    out.json(&json!({"directories": rows, "store": stats}))
                }
            };
        }
        let size = |bytes: u64| match self.human {
            true => human_bytes(bytes),
            false => bytes.to_string(),
        };
        let mut rows = Rows::new(out, &[">BYTES", ">FILES", "PATH"]);
        for (path, sum) in sums {
            rows.add(vec![
                cell(size(sum.bytes)),
                cell(sum.files.to_string()),
                cell(path),
            ]);
        }
        if !sums.is_empty() {
            rows.print(out)?;
        }
        let Some(stats) = stats else { return Ok(()) };
        let stats: Value = serde_json::from_str(stats.get())?;
        let tenants = stats["tenants"].as_array().map_or(&[][..], Vec::as_slice);
        if tenants.iter().any(|tenant| !tenant["tenant_id"].is_null()) {
            let mut rows = Rows::new(out, &[">BYTES", ">STORED", ">FILES", "TENANT"]);
            for tenant in tenants {
                rows.add(vec![
                    cell(size(number(tenant, "logical_bytes"))),
                    cell(size(number(tenant, "physical_bytes"))),
                    cell(number(tenant, "files").to_string()),
                    cell(text_of(&tenant["tenant_id"])),
                ]);
            }
            out.line("")?;
            rows.print(out)?;
        }
        let number = |key: &str| number(&stats, key);
        out.summary(format_args!(
            "\n{} in {}: {} stored, {} saved",
            counted(number("files"), "file"),
            counted(number("distinct_contents"), "distinct content"),
            size(number("physical_bytes")),
            size(number("saved_bytes")),
        ))
    }
}

/// Returns the sums of `path` and of the directories at most `depth` below it, in order.
fn sums_of(fs: &Filesystem, path: &str, depth: usize) -> Result<Vec<(String, Sum)>, Failure> {
    let entry = fs.stat(path)?;
    if let Some(file) = &entry.file {
        let sum = Sum {
            files: 1,
            bytes: file.size,
        };
        return Ok(vec![(entry.path.as_str().to_owned(), sum)]);
    }
    let top = VirtualPath::parse(path)?;
    let skip = top.child_prefix().len();
    let mut sums = BTreeMap::from([(top.as_str().to_owned(), Sum::default())]);
    let mut options = ListOptions {
        path: Some(path.to_owned()),
        include_directories: depth > 0,
        limit: PAGE,
        ..ListOptions::default()
    };
    loop {
        let page = fs.list(&options)?;
        for entry in &page.entries {
            let whole = entry.path.as_str();
            let below = &whole[skip..];
            let mut ends = vec![0];
            ends.extend(below.match_indices('/').map(|(at, _)| skip + at));
            let (files, bytes) = match &entry.file {
                Some(file) => (1, file.size),
                None => {
                    ends.push(whole.len());
                    (0, 0)
                }
            };
            for (level, end) in ends.into_iter().enumerate().take(depth + 1) {
                let name = if level == 0 {
                    top.as_str()
                } else {
                    &whole[..end]
                };
                let sum = match sums.get_mut(name) {
                    Some(sum) => sum,
                    None => sums.entry(name.to_owned()).or_default(),
                };
                sum.files += files;
                sum.bytes += bytes;
            }
        }
        options.cursor = page.cursor;
        if options.cursor.is_none() {
            return Ok(sums.into_iter().collect());
        }
    }
}
