//! A connection with a statement cache.
//!
//! rusqlite has such a cache, too, but it hashes and compares the text at each use, which took a tenth of the time of a
//! small change. Here the key is the address of the text in the program.

use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use foldhash::HashMap;
use nexusfs_core::config::Durability;
use rusqlite::{CachedStatement, MappedRows, Params, PrepFlags, Result, Row, Rows, Statement};

/// A connection to the database, and the statements that it has prepared.
pub(in super::super) struct Connection {
    /// Refer to the connection for as long as it lives, for which `'static` stands here.
    statements: RefCell<Statements>,
    /// Made by `Box`, which would claim to be the only reference.
    connection: NonNull<rusqlite::Connection>,
    /// What `synchronous` was set to by `db::connection::set_synchronous`; `None` where that is not known.
    pub synchronous: Cell<Option<Durability>>,
}

// SAFETY: SQLite lets the threads use a connection and its statements one after the other, whichever they are, and
// all of them are here: what borrows from this one is not `Send` itself.
#[allow(unsafe_code)]
unsafe impl Send for Connection {}

#[derive(Default)]
struct Statements {
    /// The index of the statement of a text, by the text's address and length.
    places: HashMap<(usize, usize), usize>,
    /// `None` while it is in use.
    prepared: Vec<Option<Statement<'static>>>,
}

impl Connection {
    /// Returns the statement `sql`, prepared anew only if it never was, or is in use.
    pub fn prepare_cached(&self, sql: &'static str) -> Result<Prepared<'_>> {
        let (place, idle) = self.statements.borrow_mut().take(sql);
        let statement = match idle {
            Some(statement) => statement,
            None => {
                let kept_long = PrepFlags::SQLITE_PREPARE_PERSISTENT;
                self.get().prepare_with_flags(sql, kept_long)?
            }
        };
        Ok(Prepared {
            statement: Some(statement),
            place,
            statements: &self.statements,
        })
    }

    /// As [`Connection::prepare_cached`], for a text that is composed at each use.
    pub fn prepare_composed(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.get().prepare_cached(sql)
    }

    #[allow(unsafe_code)]
    fn get(&self) -> &'static rusqlite::Connection {
        // SAFETY: it is valid until this is dropped. What is handed out of this module lives no longer than a
        // borrow of `self`, and the statements that are kept are dropped before.
        unsafe { self.connection.as_ref() }
    }
}

impl From<rusqlite::Connection> for Connection {
    fn from(connection: rusqlite::Connection) -> Self {
        Connection {
            statements: RefCell::default(),
            connection: NonNull::from(Box::leak(Box::new(connection))),
            synchronous: Cell::default(),
        }
    }
}

impl Deref for Connection {
    type Target = rusqlite::Connection;

    fn deref(&self) -> &rusqlite::Connection {
        self.get()
    }
}

impl DerefMut for Connection {
    #[allow(unsafe_code)]
    fn deref_mut(&mut self) -> &mut rusqlite::Connection {
        *self.statements.get_mut() = Statements::default();
        // SAFETY: as in `get`; nothing else refers to it, since no statement is left and `self` is borrowed alone.
        unsafe { self.connection.as_mut() }
    }
}

impl Drop for Connection {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        *self.statements.get_mut() = Statements::default();
        // SAFETY: it comes from a box, and nothing refers to it any more.
        drop(unsafe { Box::from_raw(self.connection.as_ptr()) });
    }
}

impl Statements {
    /// Returns the place of `sql`, and its statement if that is not in use.
    fn take(&mut self, sql: &'static str) -> (usize, Option<Statement<'static>>) {
        let place = *self
            .places
            .entry((sql.as_ptr().addr(), sql.len()))
            .or_insert(self.prepared.len());
        match self.prepared.get_mut(place) {
            Some(kept) => (place, kept.take()),
            None => {
                self.prepared.push(None);
                (place, None)
            }
        }
    }
}

/// A statement in use; its connection has it back when this is dropped.
pub(in super::super) struct Prepared<'c> {
    statement: Option<Statement<'static>>,
    place: usize,
    statements: &'c RefCell<Statements>,
}

/// As the methods of [`Statement`], which is not handed out itself: it would outlive its connection.
impl Prepared<'_> {
    #[allow(clippy::unwrap_used)] // It is there until the drop.
    fn get(&mut self) -> &mut Statement<'static> {
        self.statement.as_mut().unwrap()
    }

    pub fn execute(&mut self, params: impl Params) -> Result<usize> {
        self.get().execute(params)
    }

    pub fn exists(&mut self, params: impl Params) -> Result<bool> {
        self.get().exists(params)
    }

    pub fn query(&mut self, params: impl Params) -> Result<Rows<'_>> {
        self.get().query(params)
    }

    pub fn query_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.get().query_row(params, read)
    }

    pub fn query_map<T, F>(&mut self, params: impl Params, read: F) -> Result<MappedRows<'_, F>>
    where
        F: FnMut(&Row<'_>) -> Result<T>,
    {
        self.get().query_map(params, read)
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if let Some(mut statement) = self.statement.take() {
            // Contents may be bound, which need memory.
            statement.clear_bindings();
            self.statements.borrow_mut().prepared[self.place] = Some(statement);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static COUNT: &str = "SELECT count(*) FROM t WHERE ?1";

    fn connection() -> Connection {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)")
            .unwrap();
        connection.into()
    }

    fn count(connection: &Connection) -> i64 {
        let mut statement = connection.prepare_cached(COUNT).unwrap();
        statement.query_row([1], |row| row.get(0)).unwrap()
    }

    fn kept(connection: &Connection) -> usize {
        let statements = connection.statements.borrow();
        statements.prepared.iter().flatten().count()
    }

    #[test]
    fn a_statement_is_prepared_once_and_kept() {
        let connection = connection();
        assert_eq!((count(&connection), count(&connection)), (2, 2));
        let mut statement = connection.prepare_cached(COUNT).unwrap();
        let runs = statement.get().reset_status(rusqlite::StatementStatus::Run);
        assert_eq!(runs, 2);
    }

    #[test]
    fn a_statement_that_is_in_use_is_prepared_once_more() {
        let connection = connection();
        let mut outer = connection.prepare_cached("SELECT x FROM t").unwrap();
        let mut rows = outer.query([]).unwrap();
        let mut seen = 0;
        while let Some(row) = rows.next().unwrap() {
            let mut inner = connection.prepare_cached("SELECT x FROM t").unwrap();
            let first: i64 = inner.query_row([], |row| row.get(0)).unwrap();
            assert_eq!(first, 1);
            seen += row.get::<_, i64>(0).unwrap();
        }
        assert_eq!(seen, 3);
    }

    #[test]
    fn a_connection_goes_to_another_thread_with_its_statements() {
        let connection = connection();
        count(&connection);
        let connection = std::thread::spawn(move || {
            assert_eq!(count(&connection), 2);
            connection
        })
        .join()
        .unwrap();
        assert_eq!((count(&connection), kept(&connection)), (2, 1));
    }

    #[test]
    fn nothing_is_kept_of_a_connection_that_is_changed_as_a_whole() {
        let mut connection = connection();
        count(&connection);
        connection.transaction().unwrap().commit().unwrap();
        assert_eq!(kept(&connection), 0);
        assert_eq!(count(&connection), 2);
    }
}
