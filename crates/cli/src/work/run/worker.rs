//! What all jobs of a worker have in common.

use std::sync::Arc;
use std::time::Duration;

use nexusfs_core::filesystem::Filesystem;

use super::supervisors::{Program, Supervisors};
use crate::signals::StopCount;

/// What all jobs of a worker have in common.
pub struct Worker {
    pub fs: Filesystem,
    pub id: String,
    pub program: Program,
    pub lease: Duration,
    pub timeout: Option<Duration>,
    pub retry_after_ms: u64,
    pub capture: bool,
    /// Stdout is for JSON lines.
    pub json: bool,
    pub stop: StopCount,
    pub supervisors: Arc<Supervisors>,
}
