//! What a request may do, and why it was not carried out.

use std::sync::Arc;

use crate::access::Rules;
use crate::call::Call;
use crate::content::Unprepared;
use crate::error::Error;
use crate::range::Visible;

/// What a request was granted: the rules, and what may be read under them.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The rules that the policy decided under.
    pub rules: Arc<Rules>,
    /// What the caller may read.
    pub visible: Arc<Visible>,
    /// The call that this is part of.
    pub call: Call,
}

/// Why a request was not carried out.
#[derive(Debug)]
pub enum StoreError {
    /// The rules are not those of the grant; nothing was done.
    RulesChanged,
    /// Changes need contents that were not prepared, some of which the store names; nothing was done.
    Unprepared(Vec<Unprepared>),
    /// It failed.
    Failed(Error),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        StoreError::Failed(error)
    }
}

/// For requests that are made without a grant, and so never meet changed rules.
impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::RulesChanged => Error::internal("the rules changed"),
            StoreError::Unprepared(_) => Error::internal("a content was not prepared"),
            StoreError::Failed(error) => error,
        }
    }
}

/// Result of a request to the store.
pub type StoreResult<T> = std::result::Result<T, StoreError>;
