//! Access control.
//!
//! Only [`Policy`] decides: every call of the facade asks it, single paths through [`Policy::check`], queries through
//! the ranges of [`Policy::visible`]. Both follow from the same classification of a path by its namespace, and depend
//! on the path alone, never on the files that exist.

mod claim_scope;
mod identity;
mod namespace;
mod policy;

pub use claim_scope::ClaimScope;
pub use identity::Identity;
pub use namespace::{NamespaceRule, Rules};
pub use policy::{Action, MountRule, Policy, Reach};
