//! A store for one test, and the program that works on it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory with a store in it; it is the working directory and the home of the program.
pub struct Store {
    directory: TempDir,
}

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Store {
    /// Makes a store.
    pub fn new() -> Store {
        let store = Store::missing();
        store.ok(&["init"]);
        store
    }

    /// Returns a place where no store is yet.
    pub fn missing() -> Store {
        Store {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Returns the path of `name` in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the program, to be run here.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NEXUS_") {
                command.env_remove(name);
            }
        }
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .env("NEXUS_DURABILITY", "normal")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Run {
        finish(self.command().args(arguments))
    }

    /// Runs the program with `input` on stdin.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Run {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        Run::of(output)
    }

    /// Runs the program, which must succeed without a word on stderr, and returns what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (Some(0), ""),
            "nexus {arguments:?} printed {}",
            run.text()
        );
        run.text()
    }

    /// Runs the program with `--json` and returns what it printed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Runs the program, which must fail with `code`, print one line that names `culprit`, and nothing else.
    pub fn fails(&self, code: i32, culprit: &str, arguments: &[&str]) {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(code), "nexus {arguments:?}: {run:?}");
        assert!(
            run.stderr.starts_with("nexus: ") && run.stderr.lines().count() == 1,
            "nexus {arguments:?} does not fail with one line: {}",
            run.stderr
        );
        assert!(
            run.stderr.contains(culprit),
            "nexus {arguments:?} does not name {culprit:?}: {}",
            run.stderr
        );
        assert_eq!(run.text(), "", "nexus {arguments:?} printed something");
    }

    /// Writes a file of the host.
    pub fn host_file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Run {
    fn of(output: std::process::Output) -> Run {
        Run {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Runs `command` to its end.
pub fn finish(command: &mut Command) -> Run {
    Run::of(command.output().unwrap())
}

/// Returns what `diff -r` finds between two trees of the host.
pub fn difference(a: &Path, b: &Path) -> String {
    let output = Command::new("diff").arg("-r").args([a, b]).output();
    String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
}
