//! stub
/// When a commit is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Survives power loss.
    Full,
    /// Survives the death of the process.
    Normal,
}
