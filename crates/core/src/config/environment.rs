//! The environment of the process: variables, working directory, home directory.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::keys::{Key, probably_meant};
use super::value::shown;
use crate::error::{Error, Result};

/// The surroundings in which a configuration is resolved. They are a value, not a set of calls to
/// the operating system, so that one resolution sees one state, and so that tests can make up theirs.
#[derive(Clone, Default)]
pub struct Environment {
    variables: HashMap<OsString, OsString>,
    working_directory: Option<PathBuf>,
    home_directory: Option<PathBuf>,
}

impl Environment {
    /// Returns the surroundings of this process as they are now.
    pub fn of_process() -> Self {
        Environment {
            variables: std::env::vars_os().collect(),
            working_directory: std::env::current_dir().ok(),
            home_directory: std::env::home_dir().filter(|home| home.is_absolute()),
        }
    }

    /// Returns surroundings without variables and without a home, in `working_directory`.
    pub fn empty_in(working_directory: impl Into<PathBuf>) -> Self {
        Environment {
            working_directory: Some(working_directory.into()),
            ..Environment::default()
        }
    }

    /// Sets the variable `name`.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Sets the home directory.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home_directory = Some(home.into());
        self
    }

    /// Returns the home directory, if it is known.
    pub(crate) fn home_directory(&self) -> Option<&Path> {
        self.home_directory.as_deref()
    }

    /// Returns the text of the variable `name`, or `None` if it is not set.
    ///
    /// # Errors
    /// InvalidConfig if the value is no UTF-8.
    pub(crate) fn variable(&self, name: &str) -> Result<Option<&str>> {
        match self.variables.get(std::ffi::OsStr::new(name)) {
            None => Ok(None),
            Some(value) => value.to_str().map(Some).ok_or_else(|| {
                Error::invalid_config(format!(
                    "environment variable {}: the value is not valid UTF-8",
                    shown(name)
                ))
            }),
        }
    }

    /// Returns the variables that name no key but look like one that does, each with that one, by name: a misspelt
    /// `NEXUS_TENANT_ID` would leave out the tenant.
    pub fn misspelt_variables(&self) -> BTreeMap<&str, &'static str> {
        let names = self.variables.keys().filter_map(|name| name.to_str());
        names
            .filter(|name| Key::ALL.iter().all(|key| key.variable() != Some(name)))
            .filter_map(|name| Some((name, probably_meant(name)?.variable()?)))
            .collect()
    }

    /// Returns `path` as an absolute path without `.` segments and doubled slashes; a relative one
    /// starts at the working directory. `..` stays, as only the filesystem knows where it leads.
    ///
    /// # Errors
    /// InvalidConfig if the path is relative and the working directory is gone.
    pub(crate) fn absolute(&self, path: &Path) -> Result<PathBuf> {
        if path.is_absolute() {
            return Ok(path.components().collect());
        }
        let start = self.working_directory.as_ref().ok_or_else(|| {
            Error::invalid_config("a relative path needs a working directory, and there is none")
        })?;
        Ok(start.join(path).components().collect())
    }
}

impl std::fmt::Debug for Environment {
    /// Leaves out the variables: an environment is where secrets are kept.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("working_directory", &self.working_directory)
            .field("home_directory", &self.home_directory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn misspelt_variables_are_told_and_others_are_left_alone() {
        let misspelt = [
            ("NEXUS_TENNANT_ID", "NEXUS_TENANT_ID"),
            ("NEXUS_TENANT", "NEXUS_TENANT_ID"),
            ("NEXUS_TENANTID", "NEXUS_TENANT_ID"),
            ("NEXUS_agent_id", "NEXUS_AGENT_ID"),
            ("NEXUS_ADMIN", "NEXUS_IS_ADMIN"),
            ("NEXUS_DATADIR", "NEXUS_DATA_DIR"),
            ("NEXUS_DURABILTY", "NEXUS_DURABILITY"),
        ];
        let others = [
            "NEXUS_TENANT_ID",
            "NEXUS_URL",
            "NEXUS_HOME",
            "NEXUS_WORK_ID",
            "NEXUS_WORK_PATH",
            "NEXUS_LIBRARY",
            "NEXUS_",
            "NEXUSTENANT_ID",
            "TENANT_ID",
        ];
        let mut environment = Environment::empty_in("/");
        for name in misspelt.iter().map(|(name, _)| *name).chain(others) {
            environment = environment.with_variable(name, "x");
        }
        let told: Vec<_> = environment.misspelt_variables().into_iter().collect();
        let mut expected = misspelt;
        expected.sort_unstable();
        assert_eq!(told, expected);
    }

    #[test]
    fn relative_paths_start_at_the_working_directory() {
        let environment = Environment::empty_in("/srv/app");
        for (given, expected) in [
            ("./nexus-data", "/srv/app/nexus-data"),
            ("data//x/", "/srv/app/data/x"),
            ("/var/./lib//nexus/", "/var/lib/nexus"),
            ("../data", "/srv/app/../data"),
        ] {
            let absolute = environment.absolute(Path::new(given)).unwrap();
            assert_eq!(absolute.to_str(), Some(expected), "for {given:?}");
        }
    }

    #[test]
    fn a_relative_path_without_a_working_directory_is_refused() {
        let environment = Environment::default();
        assert!(environment.absolute(Path::new("data")).is_err());
        assert!(environment.absolute(Path::new("/data")).is_ok());
    }

    #[test]
    fn a_variable_that_is_no_utf_8_is_refused_by_name() {
        let environment =
            Environment::default().with_variable("NEXUS_URL", OsString::from_vec(vec![0xff]));
        let error = environment.variable("NEXUS_URL").unwrap_err();
        assert!(error.to_string().contains("NEXUS_URL"), "{error}");
    }

    #[test]
    fn debug_output_shows_no_variable() {
        let environment = Environment::empty_in("/").with_variable("NEXUS_API_KEY", "s3cret");
        assert!(!format!("{environment:?}").contains("s3cret"));
    }
}
