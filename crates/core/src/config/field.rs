//! Conversion of one value of a configuration to its type: every error names the source, the key and the value's type.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Environment;
use super::keys::nearest;
use super::settings::ApiKey;
use super::value::{Value, shown};
use crate::error::{Error, Result};
use crate::host::address::{described, refuse_url, scheme_of, without_credentials};
use crate::path::{MAX_NAME_BYTES, VirtualPath, parse_id};

/// Where a value was written, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The JSON that the host passed.
    ExplicitConfig,
    /// An environment variable.
    Variable(&'static str),
    /// A file; its name without the directories, which are the host's own affair.
    File(String),
}

impl Origin {
    /// Returns the origin for the file at `path`.
    pub(crate) fn file(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Origin::File(name.to_string_lossy().into_owned())
    }

    /// Returns an InvalidConfig that names this origin and says `what`, without credentials of URLs.
    pub(crate) fn invalid(&self, what: impl fmt::Display) -> Error {
        let message = format!("{self}: {what}");
        Error::invalid_config(without_credentials(&message).into_owned())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::ExplicitConfig => f.write_str("explicit config"),
            Origin::Variable(name) => write!(f, "environment variable {name}"),
            Origin::File(name) => write!(f, "config file {}", shown(name)),
        }
    }
}

/// A value, with what is needed to read it and to say what is wrong with it.
pub(crate) struct Field<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) environment: &'a Environment,
    /// `tenant_id`, or `mounts[0].root`.
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: Value,
}

impl<'a> Field<'a> {
    /// Returns an InvalidConfig: `'name' what`.
    pub(crate) fn invalid(&self, what: impl fmt::Display) -> Error {
        self.origin.invalid(format_args!("'{}' {what}", self.name))
    }

    /// Returns the error for a value that is not `wanted`.
    fn mismatch(&self, wanted: impl fmt::Display) -> Error {
        self.invalid(format_args!(
            "must be {wanted}, not {}",
            self.value.described()
        ))
    }

    /// Returns the error for a value of another type than `wanted`; its content is not shown.
    fn wrong_type(&self, wanted: &str) -> Error {
        self.invalid(format_args!(
            "must be {wanted}, not {}",
            self.value.type_name()
        ))
    }

    pub(crate) fn flag(self) -> Result<bool> {
        match &self.value {
            Value::Bool(flag) => Ok(*flag),
            Value::Supplied(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(true),
                "false" | "no" | "off" | "0" => Ok(false),
                _ => Err(self.mismatch("a boolean (true/false, yes/no, on/off or 1/0)")),
            },
            _ => Err(self.mismatch("a boolean")),
        }
    }

    /// Reads an integer from 0 to `max`.
    pub(crate) fn integer(self, max: u32) -> Result<u32> {
        let number = match &self.value {
            Value::Integer(number) => Some(*number),
            Value::Supplied(text) => text.parse().ok(),
            _ => None,
        };
        number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number <= max)
            .ok_or_else(|| self.mismatch(format_args!("an integer from 0 to {max}")))
    }

    /// Reads one of the names in `choices`.
    pub(crate) fn choice<T: Copy>(self, choices: &[(&str, T)]) -> Result<T> {
        if let Value::Text(text) | Value::Supplied(text) = &self.value
            && let Some((_, choice)) = choices.iter().find(|(name, _)| name == text)
        {
            return Ok(*choice);
        }
        let names: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("'{name}'"))
            .collect();
        Err(self.mismatch(format_args!("{}", names.join(" or "))))
    }

    /// Reads text that is not empty and has no control characters.
    fn text(&self, wanted: &str) -> Result<&str> {
        match &self.value {
            Value::Text(text) | Value::Supplied(text) => {
                if text.is_empty() {
                    return Err(self.invalid(format_args!("must be {wanted}, not an empty string")));
                }
                if text.chars().any(char::is_control) {
                    return Err(self.invalid("is a string with control characters"));
                }
                Ok(text)
            }
            _ => Err(self.wrong_type(wanted)),
        }
    }

    /// Reads the path of a file or directory of the host, and makes it absolute. A URL is refused with the key that is
    /// for it.
    pub(crate) fn host_path(self) -> Result<PathBuf> {
        let text = self.text("a path")?;
        if let Err(reason) = refuse_url(Path::new(text)) {
            let scheme = scheme_of(text).unwrap_or_default();
            return Err(self.invalid(format_args!("{reason}; {}", self.key_for(&scheme))));
        }
        self.environment
            .absolute(Path::new(text))
            .map_err(|error| self.invalid(error))
    }

    /// Returns which key is for a URL with this scheme.
    fn key_for(&self, scheme: &str) -> &'static str {
        let database = ["postgres", "postgresql"];
        let objects = ["s3", "gs", "az"];
        let is_one_of = |names: &[&str]| {
            // Drivers and clients add to them: `postgresql+psycopg`, `jdbc:postgresql`, `s3a`.
            let mut parts = scheme.split(['+', ':']);
            parts.any(|part| names.iter().any(|name| part.trim_end_matches('a') == *name))
        };
        match scheme {
            "file" => {
                "write the path itself, without 'file://'; 'content_url' will take such a URL"
            }
            "http" | "https" => "'url' is the key for the address of a server",
            _ if is_one_of(&database) => "'database_url' will take it",
            _ if is_one_of(&objects) && self.name.ends_with(".root") => {
                "a mount whose 'backend' is an object store will take it"
            }
            _ if is_one_of(&objects) => "'content_url' will take it",
            _ => "'database_url', 'content_url' and 'url' are the keys for URLs",
        }
    }

    /// Reads the name of a file, or `auto` (`None`).
    pub(crate) fn file_or_auto(self) -> Result<Option<PathBuf>> {
        match self.text("a path or 'auto'")? {
            "auto" => Ok(None),
            _ => self.host_path().map(Some),
        }
    }

    /// Reads a name that may be one segment of a path.
    pub(crate) fn segment(self) -> Result<String> {
        let (Value::Text(text) | Value::Supplied(text)) = &self.value else {
            return Err(self.wrong_type("a string"));
        };
        if text.len() > MAX_NAME_BYTES {
            // Too long to be shown.
            return Err(self.invalid(format_args!("has more than {MAX_NAME_BYTES} bytes")));
        }
        if let Some(scheme) = scheme_of(text) {
            return Err(self.invalid(format_args!("is {}, not a name", described(&scheme))));
        }
        match parse_id(&format!("'{}'", self.name), text) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(self.origin.invalid(error)),
        }
    }

    /// Reads the id of a tenant or an agent. Only null means none.
    pub(crate) fn id(self) -> Result<Option<String>> {
        match self.value {
            Value::Null => Ok(None),
            Value::Text(_) | Value::Supplied(_) => self.segment().map(Some),
            _ => Err(self.wrong_type("a string or null")),
        }
    }

    /// Reads a path of the store.
    pub(crate) fn virtual_path(self) -> Result<VirtualPath> {
        match &self.value {
            Value::Text(text) | Value::Supplied(text) if scheme_of(text).is_some() => {
                let scheme = scheme_of(text).unwrap_or_default();
                Err(self.invalid(format_args!(
                    "is {}, not a path of the store",
                    described(&scheme)
                )))
            }
            Value::Text(text) | Value::Supplied(text) => VirtualPath::parse(text)
                .map_err(|error| self.invalid(format_args!("is not a valid path: {error}"))),
            _ => Err(self.wrong_type("a path of the store")),
        }
    }

    /// Reads the address of a server, or null. Credentials in it are refused, as they would be
    /// shown wherever the address is.
    pub(crate) fn url(self) -> Result<Option<String>> {
        const WANTED: &str = "an address such as https://host/path, or null";
        if self.value == Value::Null {
            return Ok(None);
        }
        let text = self.text(WANTED)?;
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        match authority {
            Some(host) if host.contains('@') => {
                Err(self.invalid("must not hold credentials; 'api_key' is for those"))
            }
            Some(host)
                if !host.is_empty()
                    && !host.starts_with(':')
                    && !text.contains(char::is_whitespace) =>
            {
                Ok(Some(text.to_owned()))
            }
            _ => Err(self.invalid(format_args!(
                "must be {WANTED}, not {} of another form",
                self.value.type_name()
            ))),
        }
    }

    /// Reads a key for a server, or null.
    pub(crate) fn api_key(self) -> Result<Option<ApiKey>> {
        if self.value == Value::Null {
            return Ok(None);
        }
        let text = self.text("a string or null")?;
        Ok(Some(ApiKey(text.to_owned())))
    }

    /// Reads a number of seconds, or null.
    pub(crate) fn seconds(self) -> Result<Option<Duration>> {
        const MAX_SECONDS: f64 = 86_400.0;
        let seconds = match &self.value {
            Value::Null => return Ok(None),
            // No loss within the range that is accepted.
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Supplied(text) => text.parse().ok(),
            _ => None,
        };
        seconds
            .filter(|seconds| *seconds > 0.0 && *seconds <= MAX_SECONDS)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(Some)
            .ok_or_else(|| self.mismatch("a number of seconds above 0 and up to 86400, or null"))
    }

    /// Reads a list, each item as a field of its own.
    pub(crate) fn items(self) -> Result<Vec<Field<'a>>> {
        let Value::List(items) = self.value else {
            return Err(self.wrong_type("a list"));
        };
        Ok((0..)
            .zip(items)
            .map(|(index, value): (usize, _)| Field {
                origin: self.origin,
                environment: self.environment,
                name: format!("{}[{index}]", self.name).into(),
                value,
            })
            .collect())
    }

    /// Reads an object whose keys are among `known`.
    pub(crate) fn members(self, known: &'static [&'static str]) -> Result<Members<'a>> {
        let Value::Object(entries) = self.value else {
            return Err(self.wrong_type("an object"));
        };
        if let Some((name, value)) = entries
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            return Err(self.origin.invalid(format_args!(
                "'{}' has the unknown key {} ({}); the nearest known key is '{}'",
                self.name,
                shown(name),
                value.type_name(),
                nearest(name, known.iter().copied())
            )));
        }
        Ok(Members {
            origin: self.origin,
            environment: self.environment,
            name: self.name,
            entries,
        })
    }
}

/// The members of an object, taken one by one.
pub(crate) struct Members<'a> {
    origin: &'a Origin,
    environment: &'a Environment,
    name: Cow<'static, str>,
    entries: Vec<(String, Value)>,
}

impl<'a> Members<'a> {
    /// Takes the member `name`, if it is there.
    pub(crate) fn take(&mut self, name: &str) -> Option<Field<'a>> {
        let at = self.entries.iter().position(|(key, _)| key == name)?;
        let (key, value) = self.entries.swap_remove(at);
        Some(Field {
            origin: self.origin,
            environment: self.environment,
            name: format!("{}.{key}", self.name).into(),
            value,
        })
    }

    /// Takes the member `name`, which must be there.
    pub(crate) fn require(&mut self, name: &str) -> Result<Field<'a>> {
        self.take(name)
            .ok_or_else(|| self.invalid(format_args!("lacks the key '{name}'")))
    }

    /// Takes the boolean `name`; `default` if it is not there.
    pub(crate) fn flag(&mut self, name: &str, default: bool) -> Result<bool> {
        self.take(name).map_or(Ok(default), Field::flag)
    }

    /// Returns an InvalidConfig: `'name' what`.
    pub(crate) fn invalid(&self, what: impl fmt::Display) -> Error {
        self.origin.invalid(format_args!("'{}' {what}", self.name))
    }
}
