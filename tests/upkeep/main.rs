//! Upkeep of a store, as a program that uses the library sees it.
#![allow(clippy::unwrap_used)]

mod backup;
mod bundle;
mod damaged_items;
mod duplicates;
mod limits;
mod repair;
mod store;
mod values;
mod verify;
