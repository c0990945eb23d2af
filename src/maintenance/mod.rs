//! Upkeep of a store.

mod gc;
mod verify;
