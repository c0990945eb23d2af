//! The configuration of a handle: where its values come from, and what they may be.
//!
//! A configuration is resolved once, when a store is opened:
//!
//! 1. Each source becomes a tree (`value`, `yaml`), and each tree a layer of checked,
//!    typed values (`field`, `declarations`). The sources are, from the highest: what the host
//!    passed, the environment, and a config file.
//! 2. The layers are merged key by key ([`resolve()`]), except for the identity, which comes whole from
//!    one of them.
//! 3. The result is [`Settings`]; [`Resolved`] adds where each value came from, for
//!    [`Resolved::to_json`].
//!
//! No key is accepted and then ignored: a key that is unknown, ill-typed, out of range or written twice is an error of
//! one line that names the source and the key. Messages never contain possible secrets, nor directories of the host.

mod declarations;
mod effective;
mod environment;
mod field;
mod keys;
mod layer;
mod resolve;
mod settings;
mod value;
mod yaml;

pub use environment::Environment;
pub use keys::Key;
pub use resolve::{Resolved, Source, resolve, resolve_file, resolve_file_in, resolve_in};
pub use settings::{
    ApiKey, Durability, EngineSettings, MountDeclaration, NamespaceDeclaration, Settings,
};
