//! Upkeep of a store.

mod gc;
