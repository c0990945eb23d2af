//! Metadata in SQLite.
#![allow(dead_code)]
mod apply;
mod backends;
mod connection;
mod group;
mod guard;
mod rows;
mod schema;
mod sweep;
mod transaction;
mod work;
mod writer;
