//! Export and import of metadata, as a program that uses the library sees them.
#![allow(clippy::unwrap_used)]

mod exporting;
mod importing;
mod isolation;
mod refusing;
mod store;
mod work_items;
