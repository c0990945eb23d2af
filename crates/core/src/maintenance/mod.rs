//! Upkeep of a store.

mod backup;
mod duplicates;
mod gc;
mod repair;
mod verify;
