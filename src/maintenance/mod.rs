//! Upkeep of a store.

mod duplicates;
mod gc;
mod verify;
