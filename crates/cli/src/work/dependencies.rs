//! What depends on what: items, and arrows between them.

use nexusfs_core::work::Status;

/// Items and what they wait for.
#[derive(Default)]
pub struct Dependencies {
    pub nodes: Vec<Node>,
    /// From an item to one that waits for it, by index.
    pub edges: Vec<Edge>,
}

pub struct Node {
    /// The path, or what stands for it.
    pub label: String,
    pub kind: NodeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    Item(Status),
    /// A file without status: it holds nobody up.
    File,
    /// Deleted before it was completed.
    Deleted,
    /// The handle may not see it.
    Hidden,
}

impl NodeKind {
    /// Returns the name, as legends and classes have it.
    pub fn name(self) -> &'static str {
        match self {
            NodeKind::Item(status) => status.name(),
            NodeKind::File => "no_status",
            NodeKind::Deleted => "deleted",
            NodeKind::Hidden => "not_visible",
        }
    }

    /// Returns the colour of its shape, red, green and blue.
    pub fn fill(self) -> u32 {
        match self {
            NodeKind::Item(Status::Ready) => 0xb9_e6c3,
            NodeKind::Item(Status::Pending) => 0xcf_dcf7,
            NodeKind::Item(Status::Blocked) => 0xff_dfa3,
            NodeKind::Item(Status::InProgress) => 0xa9_e3ee,
            NodeKind::Item(Status::Completed) => 0xdd_dddd,
            NodeKind::Item(Status::Failed) => 0xf7_b2ad,
            NodeKind::Item(Status::Cancelled) => 0xee_e6d8,
            NodeKind::File => 0xff_ffff,
            NodeKind::Deleted | NodeKind::Hidden => 0xe8_c7e8,
        }
    }

    /// Returns whether what waits for it is not held up.
    pub fn is_done(self) -> bool {
        matches!(self, NodeKind::Item(Status::Completed) | NodeKind::File)
    }
}

pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub is_open: bool,
}
