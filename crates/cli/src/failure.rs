//! What went wrong: one line on stderr and an exit code.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use nexusfs_core::error::{Error, ErrorKind};
use nexusfs_core::host::address::without_credentials;

use crate::text::printable;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success = 0,
    /// Anything that is none of the others.
    Failure = 1,
    /// A malformed command, argument, path, value or configuration.
    Usage = 2,
    /// No such file, directory, key, item or store.
    NotFound = 3,
    /// The identity, or the host's permissions, do not allow it.
    Denied = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// To be reported.
    Message {
        exit: Exit,
        text: String,
        /// It is about more than one file: the next one would fare no better.
        general: bool,
    },
    /// Reported already, or, like `grep` without a match, nothing to report.
    Quiet(Exit),
    /// The reader of the output has closed it, as it may. A command that changes something continues all the same (see
    /// [`Output::go_on_unheard`](crate::output::Output::go_on_unheard)).
    BrokenPipe,
    /// A signal ended it, after what was in work was put in order.
    Signal(i32),
}

pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub fn new(exit: Exit, text: impl Into<String>) -> Failure {
        Failure::Message {
            exit,
            text: text.into(),
            general: false,
        }
    }

    pub fn usage(text: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, text)
    }

    /// Returns the failure of `doing` something to `path`, a path of the host.
    pub fn host(doing: &str, path: &Path, error: &io::Error) -> Failure {
        Failure::Message {
            exit: exit_of_io(error),
            text: format!("cannot {doing} {}: {}", path.display(), reason(error)),
            general: matches!(
                error.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::ReadOnlyFilesystem
            ),
        }
    }

    /// Returns what clap says, on one line.
    pub fn of_usage(error: &clap::Error) -> Failure {
        if error.kind() == clap::error::ErrorKind::MissingSubcommand {
            return Failure::of_missing_command(error);
        }
        let rendered = error.render().to_string();
        let text: Vec<&str> = rendered
            .lines()
            .map(str::trim)
            .take_while(|line| !line.starts_with("Usage:"))
            .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
            .collect();
        let text = text.join("; ").replace(":; ", ": ");
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let text = without_credentials(text);
        Failure::usage(format!("{text} (see 'nexus --help')"))
    }

    /// Returns the failure of a command line that ends where another word has to come.
    fn of_missing_command(error: &clap::Error) -> Failure {
        use clap::error::{ContextKind, ContextValue};
        let command = match error.get(ContextKind::InvalidSubcommand) {
            Some(ContextValue::String(command)) => command.as_str(),
            _ => "nexus",
        };
        let words = match error.get(ContextKind::ValidSubcommand) {
            Some(ContextValue::Strings(words)) if command != "nexus" => words.join(", "),
            _ => "ls, cat, put, get, work, …".to_owned(),
        };
        Failure::usage(format!(
            "{command} takes a command: {words} (see '{command} --help')"
        ))
    }

    /// Returns the exit code that it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Message { exit, .. } | Failure::Quiet(exit) => *exit,
            Failure::BrokenPipe => Exit::Success,
            Failure::Signal(_) => Exit::Failure,
        }
    }

    /// Returns whether the command has to end, whatever operands are left.
    pub fn is_final(&self) -> bool {
        matches!(self, Failure::BrokenPipe | Failure::Signal(_))
    }

    /// Returns whether a run over many files has to end.
    pub fn ends_run(&self) -> bool {
        self.is_final() || matches!(self, Failure::Message { general: true, .. })
    }

    /// Prints the line, if there is one.
    pub fn report(&self) {
        if let Failure::Message { text, .. } = self {
            tell(text);
        }
    }

    /// Reports it and returns the exit code of the process. A process that a signal asked to end dies by that
    /// signal, so that a shell sees it.
    pub fn finish(&self) -> ExitCode {
        self.report();
        if let Failure::Signal(signal) = self {
            let _ = signal_hook::low_level::emulate_default_handler(*signal);
        }
        self.exit().into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let host = std::error::Error::source(&error).and_then(|source| source.downcast_ref());
        let (exit, general) = match error.kind() {
            ErrorKind::Io if host.is_some_and(is_permission) => (Exit::Denied, true),
            ErrorKind::NotFound => (Exit::NotFound, false),
            ErrorKind::AccessDenied | ErrorKind::ReadOnly => (Exit::Denied, true),
            ErrorKind::InvalidArgument | ErrorKind::InvalidPath => (Exit::Usage, false),
            ErrorKind::InvalidConfig => (Exit::Usage, true),
            ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::NotEmpty
            | ErrorKind::Conflict
            | ErrorKind::Cycle
            | ErrorKind::LeaseLost
            | ErrorKind::NotMounted
            | ErrorKind::Corrupt => (Exit::Failure, false),
            // Of the store as a whole: Busy, NoSpace, Io, Unsupported, VersionMismatch, Cancelled, Misuse, Internal.
            _ => (Exit::Failure, true),
        };
        Failure::Message {
            exit,
            text: without_number(error.to_string()),
            general,
        }
    }
}

fn is_permission(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// An error of stdin, stdout or the terminal; others have a path and come from [`Failure::host`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::new(
                Exit::Failure,
                format!("cannot write the output: {}", reason(&error)),
            ),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        match error.io_error_kind() {
            Some(kind) => Failure::from(io::Error::from(kind)),
            None => Failure::new(Exit::Failure, format!("cannot print as JSON: {error}")),
        }
    }
}

fn exit_of_io(error: &io::Error) -> Exit {
    match error.kind() {
        io::ErrorKind::NotFound => Exit::NotFound,
        io::ErrorKind::PermissionDenied => Exit::Denied,
        _ => Exit::Failure,
    }
}

/// Returns what the system says, without the number behind it.
pub fn reason(error: &io::Error) -> String {
    without_number(error.to_string())
}

fn without_number(mut text: String) -> String {
    if text.ends_with(')')
        && let Some(end) = text.rfind(" (os error ")
    {
        text.truncate(end);
    }
    text
}

/// Runs `each` on every operand. A failure is reported at once and the others go on, as the usual tools do;
/// the first one decides the exit code.
pub fn each_operand<T>(
    operands: impl IntoIterator<Item = T>,
    mut each: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut first = None;
    for operand in operands {
        match each(operand) {
            Ok(()) => {}
            Err(failure) if failure.is_final() => return Err(failure),
            Err(failure) => {
                failure.report();
                first.get_or_insert(failure.exit());
            }
        }
    }
    match first {
        None => Ok(()),
        Some(exit) => Err(Failure::Quiet(exit)),
    }
}

/// Prints a warning, which does not stop the command.
pub fn warn(text: &str) {
    tell(&format!("warning: {text}"));
}

fn tell(text: &str) {
    // A closed stderr is no error.
    let _ = io::Write::write_all(
        &mut io::stderr(),
        format!("nexus: {}\n", printable(text)).as_bytes(),
    );
}
