//! `meta get|set|list|rm|find`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::find::print_found;
use crate::failure::{Failure, Result, each_operand};
use crate::session::Session;
use crate::table::{Rows, cell};

// A type says what its command does: a comment on the variant would take the place of the whole text in help and manual.
#[derive(Debug, Subcommand)]
pub enum Meta {
    /// Print one key's value, as JSON
    Get(Get),
    Set(Set),
    /// List all keys with their values
    #[command(visible_alias = "ls")]
    List(List),
    /// Remove keys
    Rm(Rm),
    /// Find the files whose key has a value
    Find(Find),
}

#[derive(Debug, Args)]
pub struct Get {
    path: String,
    key: String,
    /// Print a string as it is, without quotes
    #[arg(short, long)]
    raw: bool,
}

/// Set keys, all or none.
///
/// A value is JSON: 5, true, '["a"]', '{"b": 1}', '"text"'. What does not read as JSON is a string: 'status ready' sets "ready".
#[derive(Debug, Args)]
pub struct Set {
    path: String,
    /// Keys and values in turn
    #[arg(value_name = "KEY VALUE", required = true, num_args = 2.., allow_negative_numbers = true)]
    pairs: Vec<String>,
    /// Take every value as a string
    #[arg(short, long)]
    string: bool,
}

#[derive(Debug, Args)]
pub struct List {
    path: String,
}

#[derive(Debug, Args)]
pub struct Rm {
    path: String,
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Find {
    key: String,
    /// As for 'meta set'
    #[arg(allow_negative_numbers = true)]
    value: String,
    /// The directory to search
    #[arg(value_name = "DIR", default_value = "/")]
    base: String,
    /// Take the value as a string
    #[arg(short, long)]
    string: bool,
}

impl Meta {
    pub fn run(self, session: &mut Session) -> Result<()> {
        match self {
            Meta::Get(args) => args.run(session),
            Meta::Set(args) => args.run(session),
            Meta::List(args) => args.run(session),
            Meta::Rm(args) => args.run(session),
            Meta::Find(args) => args.run(session),
        }
    }
}

impl Get {
    fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let text = fs.get_meta(&self.path, &self.key)?;
        let raw = self.raw && !session.out.json;
        match raw.then(|| serde_json::from_str::<String>(&text)) {
            Some(Ok(string)) => session.out.line(string),
            _ => session.out.line(text),
        }
    }
}

impl Set {
    fn run(self, session: &mut Session) -> Result<()> {
        if !self.pairs.len().is_multiple_of(2) {
            let key = self.pairs.last().map_or("", String::as_str);
            return Err(Failure::usage(format!("the key {key} has no value")));
        }
        let mut members = Vec::new();
        for pair in self.pairs.chunks_exact(2) {
            let value = value_of(&pair[1], self.string)?;
            members.push(format!("{}:{value}", Value::from(pair[0].as_str())));
        }
        let fs = session.open()?;
        fs.set_meta_many(&self.path, &format!("{{{}}}", members.join(",")))?;
        match session.out.json {
            true => session.out.line(fs.list_meta(&self.path)?),
            false => Ok(()),
        }
    }
}

impl List {
    fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let text = fs.list_meta(&self.path)?;
        let out = &mut session.out;
        if out.json {
            return out.line(text);
        }
        let values: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text)?;
        if values.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new(out, &["KEY", "VALUE"]);
        for (key, value) in &values {
            rows.add(vec![cell(key), cell(value.get())]);
        }
        rows.print(out)
    }
}

impl Rm {
    fn run(self, session: &mut Session) -> Result<()> {
        let fs = session.open()?;
        let mut removed = Vec::new();
        let done = each_operand(&self.keys, |key| {
            fs.delete_meta(&self.path, key)?;
            removed.push(key);
            Ok(())
        });
        if session.out.json {
            let row = json!({"path": self.path, "keys": removed});
            session.out.json(&row)?;
        }
        done
    }
}

impl Find {
    fn run(self, session: &mut Session) -> Result<()> {
        let value = value_of(&self.value, self.string)?;
        let fs = session.open()?;
        print_found(session, self.base, usize::MAX, |options| {
            fs.find_by_meta(&self.key, &value, options)
        })
    }
}

/// Returns the JSON text of the argument `typed`.
fn value_of(typed: &str, is_string: bool) -> Result<String> {
    if !is_string && serde_json::from_str::<&RawValue>(typed).is_ok() {
        return Ok(typed.to_owned());
    }
    // A slip in JSON must not become a string in silence.
    if !is_string && typed.trim_start().starts_with(['{', '[', '"']) {
        let text = format!("not valid JSON (--string takes it as a string): {typed}");
        return Err(Failure::usage(text));
    }
    Ok(Value::from(typed).to_string())
}
