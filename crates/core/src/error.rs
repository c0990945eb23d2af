//! The error type: a kind, one line of text, and the path or operation that it is about.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as a caller can act on it. Each kind is one status of the C interface.
///
/// Exhaustive: the C interface does not compile as long as it has no status for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// An argument is malformed or out of range.
    InvalidArgument,
    /// A path breaks a rule of path names.
    InvalidPath,
    /// The configuration is wrong, or names a store that does not belong to it.
    InvalidConfig,
    /// No such file, directory, key or id.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The path names a file, but the call needs a directory.
    NotADirectory,
    /// The path names a directory, but the call needs a file.
    IsADirectory,
    /// The directory has entries.
    NotEmpty,
    /// The handle's identity does not allow it.
    AccessDenied,
    /// The namespace or mount is read-only.
    ReadOnly,
    /// A condition is not met.
    Conflict,
    /// The dependencies would form a cycle.
    Cycle,
    /// The lease is no longer held.
    LeaseLost,
    /// The backend that holds the content is not configured.
    NotMounted,
    /// Timed out waiting for another writer.
    Busy,
    /// No room on the device.
    NoSpace,
    /// Stored bytes do not match their hash, or are gone.
    Corrupt,
    /// The operating system reported an error.
    Io,
    /// Not supported by this build or on this system.
    Unsupported,
    /// The store was written by a newer version.
    VersionMismatch,
    /// Interrupted by the caller.
    Cancelled,
    /// A handle that is not open, or a call that is not allowed now.
    Misuse,
    /// A defect in Nexus.
    Internal,
}

/// Shorthand for results with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error: its [kind](ErrorKind), a one-line message, and, where they apply, the virtual path
/// it is about, the index of the failed batch operation, and the underlying cause.
///
/// Creating one from a static message and an existing path allocates nothing. Its serialised form is without the cause.
///
/// ```
/// use nexusfs::error::{ErrorKind, Result};
/// use nexusfs::filesystem::Filesystem;
///
/// /// Returns the file, or what a new one holds.
/// fn notes(fs: &Filesystem) -> Result<Vec<u8>> {
///     match fs.read("/notes.txt") {
///         Err(error) if error.kind() == ErrorKind::NotFound => Ok(b"# Notes".to_vec()),
///         read => read,
///     }
/// }
/// # let directory = tempfile::tempdir()?;
/// # let config = serde_json::json!({ "data_dir": directory.path().join("nexus-data") });
/// # let fs = nexusfs::connect(Some(&config.to_string()))?;
/// # assert_eq!(notes(&fs)?, b"# Notes");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
pub struct Error {
    kind: ErrorKind,
    #[serde(rename = "message")]
    what: Cow<'static, str>,
    path: Option<Box<str>>,
    index: Option<usize>,
    #[serde(skip)]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Returns an error of `kind` that says `what`.
    pub fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Error {
            kind,
            what: what.into(),
            path: None,
            index: None,
            source: None,
        }
    }

    /// Names the virtual path that the error is about, unless one is named already.
    #[must_use]
    pub fn at(mut self, path: impl Into<Box<str>>) -> Self {
        if self.path.is_none() {
            self.path = Some(path.into());
        }
        self
    }

    /// Names the batch operation that failed, counted from 0, unless one is named already.
    #[must_use]
    pub fn in_operation(mut self, index: usize) -> Self {
        self.index.get_or_insert(index);
        self
    }

    /// Forgets the index: the operation was not one of a batch.
    #[must_use]
    pub fn outside_batch(mut self) -> Self {
        self.index = None;
        self
    }

    /// Keeps `source` as the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the virtual path, where the error is about one.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Returns the index of the failed batch operation, counted from 0.
    pub fn index(&self) -> Option<usize> {
        self.index
    }
}

impl Error {
    /// Returns whether a device could not read or write, which says nothing of what is on it.
    pub(crate) fn is_of_device(&self) -> bool {
        let source = self.source.as_ref();
        source
            .and_then(|source| source.downcast_ref::<std::io::Error>())
            .is_some_and(|error| error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()))
    }
}

/// One constructor for each kind that the crate itself raises with a message.
macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Error {
            $($(#[$doc])* pub fn $name(what: impl Into<Cow<'static, str>>) -> Self {
                Error::new(ErrorKind::$kind, what)
            })*
        }
    };
}

constructors! {
    /// Returns an [`ErrorKind::InvalidArgument`].
    invalid_argument => InvalidArgument;
    /// Returns an [`ErrorKind::InvalidConfig`].
    invalid_config => InvalidConfig;
    /// Returns an [`ErrorKind::NotFound`].
    not_found => NotFound;
    /// Returns an [`ErrorKind::Conflict`].
    conflict => Conflict;
    /// Returns an [`ErrorKind::AccessDenied`].
    access_denied => AccessDenied;
    /// Returns an [`ErrorKind::Corrupt`].
    corrupt => Corrupt;
    /// Returns an [`ErrorKind::Unsupported`].
    unsupported => Unsupported;
    /// Returns an [`ErrorKind::Internal`].
    internal => Internal;
    /// Returns an [`ErrorKind::Misuse`].
    misuse => Misuse;
}

impl Error {
    /// Returns the error of a call that was interrupted.
    pub fn cancelled() -> Self {
        Error::new(ErrorKind::Cancelled, "interrupted")
    }

    /// Returns the error for an operating system failure while `doing` something. A full device or
    /// an exceeded quota is [`ErrorKind::NoSpace`], everything else [`ErrorKind::Io`].
    pub fn io(doing: &'static str, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                ErrorKind::NoSpace
            }
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("{doing}: {source}")).caused_by(source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            write!(f, "operation {index}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.path {
            Some(path) => write!(f, ": {path}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
