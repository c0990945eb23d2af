//! Export and import of metadata, as a program that uses the library sees them.
#![allow(clippy::unwrap_used)]

mod choices;
mod exporting;
mod importing;
mod interrupted;
mod isolation;
mod leases;
mod numbers;
mod overtaken;
mod refusing;
mod store;
mod work_items;
