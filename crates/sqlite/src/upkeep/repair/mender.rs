//! Repairs of rows.

use rusqlite::Params;

use crate::driver::statements::Connection;
use crate::error::Result;

pub(super) struct Mender<'a>(pub &'a Connection);

impl Mender<'_> {
    /// Runs a statement; returns whether it changed a row.
    pub fn run(&self, sql: &'static str, params: impl Params) -> Result<bool> {
        Ok(self.0.prepare_cached(sql)?.execute(params)? > 0)
    }
}
