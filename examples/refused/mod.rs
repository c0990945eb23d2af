//! What the examples do about an error that is meant to come: it is printed, which is the point of such a call there.

use nexusfs::error::{ErrorKind, Result};

/// Prints why the call was refused, which has to be for a reason of `kind`.
pub fn refused<T>(kind: ErrorKind, result: Result<T>) {
    match result {
        Err(error) if error.kind() == kind => println!("  refused: {error}"),
        Err(error) => panic!("refused as {:?}, not as {kind:?}: {error}", error.kind()),
        Ok(_) => panic!("was to be refused as {kind:?}"),
    }
}
