//! Claims of work items, and the calls of a lease's holder.

use std::time::{Duration, Instant};

use super::listing::prefix_range;
use super::{ClaimOptions, Filesystem, WorkItem};
use crate::error::{Error, Result};
use crate::json::json_text;
use crate::metadata::{Change, Claim, Supply};
use crate::path::VirtualPath;
use crate::work::{LeaseToken, WorkField, lease_length, retry_delay};

/// Most items of one claim.
const MOST_CLAIMED: usize = 10_000;
/// How often a wait that knows when it will end looks again: the wall's clock may be set meanwhile, and no
/// clock that a wait can use runs while the machine sleeps.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Longest text that says why an attempt failed, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

impl Filesystem {
    /// Gives `worker_id` the first ready items that this handle may change, by priority, then by creation:
    /// each to this worker alone, in progress, with one attempt counted and a lease of its own. Returns
    /// them in that order; none if there is nothing to claim.
    ///
    /// # Errors
    /// `InvalidArgument` for a worker id that is not 1 to 255 bytes, or an option out of its bounds.
    ///
    /// ```
    /// use nexusfs::error::ErrorKind;
    /// use nexusfs::filesystem::ClaimOptions;
    /// # let directory = tempfile::tempdir()?;
    /// # let config = serde_json::json!({ "data_dir": directory.path().join("nexus-data") });
    /// # let fs = nexusfs::connect(Some(&config.to_string()))?;
    ///
    /// fs.write("/jobs/fetch", b"get the data", &Default::default())?;
    /// fs.set_meta_many("/jobs/fetch", r#"{"status": "ready", "priority": 1}"#)?;
    ///
    /// let items = fs.work_claim("worker-1", &ClaimOptions::default())?;
    /// let item = items.first().ok_or("nothing to do")?;
    /// assert_eq!(fs.read(item.path.as_str())?, b"get the data");
    /// fs.work_complete(item.path.as_str(), item.lease, Some(r#"{"bytes": 12}"#))?;
    ///
    /// // A worker whose lease has expired cannot finish the item.
    /// let again = fs.work_complete(item.path.as_str(), item.lease, None).unwrap_err();
    /// assert_eq!(again.kind(), ErrorKind::LeaseLost);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn work_claim(&self, worker_id: &str, options: &ClaimOptions) -> Result<Vec<WorkItem>> {
        let call = self.begin();
        WorkField::check_worker_id(worker_id)?;
        if !(1..=MOST_CLAIMED).contains(&options.max) {
            return Err(Error::invalid_argument(format!(
                "max is {}; a claim takes 1 to {MOST_CLAIMED} items",
                options.max
            )));
        }
        let lease = lease_length(options.lease_ms)?;
        let prefix = options.prefix.as_deref().map(prefix_range);
        self.granted(&call, |policy, grant| {
            let claim = Claim {
                worker_id: worker_id.to_owned(),
                max: options.max,
                lease,
                scope: policy.claimable(prefix.clone()),
                durability: self.handle.config.settings.durability,
            };
            self.store().claim(claim, grant)
        })
    }

    /// Lets the lease of the item at `path` last `lease_ms` from now on.
    ///
    /// # Errors
    /// `LeaseLost` if `lease` is not the newest token of the item, or has expired; `InvalidArgument`,
    /// `InvalidPath`, `AccessDenied`, `ReadOnly`.
    pub fn work_heartbeat(&self, path: &str, lease: u64, lease_ms: u64) -> Result<()> {
        self.finish(heartbeat_change(path, lease, lease_ms))
    }

    /// Completes the item at `path`, with `result`, a JSON text, as its metadata `result`. Items that wait
    /// for nothing else become ready in the same transaction.
    ///
    /// # Errors
    /// As [`work_heartbeat`](Self::work_heartbeat).
    pub fn work_complete(&self, path: &str, lease: u64, result: Option<&str>) -> Result<()> {
        self.finish(complete_change(path, lease, result))
    }

    /// Gives up the attempt at the item at `path`, with `error` as its metadata `last_error`. It is ready
    /// again after `retry_after_ms` or, for 0, after min(2^(attempts−1) s, 1 h); with its `max_attempts`
    /// used up it is failed.
    ///
    /// # Errors
    /// As [`work_heartbeat`](Self::work_heartbeat).
    pub fn work_fail(
        &self,
        path: &str,
        lease: u64,
        error: &str,
        retry_after_ms: u64,
    ) -> Result<()> {
        self.finish(fail_change(path, lease, error, retry_after_ms))
    }

    /// Gives the item at `path` back: it is ready again, and the attempt does not count.
    ///
    /// # Errors
    /// As [`work_heartbeat`](Self::work_heartbeat).
    pub fn work_release(&self, path: &str, lease: u64) -> Result<()> {
        self.finish(release_change(path, lease))
    }

    /// Waits until something under the raw `prefix` may be claimable for this handle, at most `timeout`;
    /// `None` waits for ever. Returns whether it may be.
    ///
    /// # Errors
    /// `Cancelled` when the handle is interrupted or closed.
    pub fn work_wait(&self, prefix: Option<&str>, timeout: Option<Duration>) -> Result<bool> {
        let call = self.begin();
        let prefix = prefix.map(prefix_range);
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut watch = self.store().watch(&call)?;
        loop {
            let supply = self.granted(&call, |policy, grant| {
                self.store()
                    .supply(&policy.claimable(prefix.clone()), grant)
            })?;
            let next = match supply {
                Supply::Now => return Ok(true),
                Supply::After(wait) => Instant::now().checked_add(wait.min(LOOK_AGAIN)),
                Supply::None => None,
            };
            if end.is_some_and(|end| end <= Instant::now()) {
                return Ok(false);
            }
            let deadline = end.into_iter().chain(next).min();
            watch.wait(deadline, &call)?;
        }
    }

    fn finish(&self, change: Result<Change>) -> Result<()> {
        let call = self.begin();
        self.commit_one(change?, &call).map(drop)
    }
}

fn heartbeat_change(path: &str, lease: u64, lease_ms: u64) -> Result<Change> {
    Ok(Change::Heartbeat {
        path: VirtualPath::parse(path)?,
        token: LeaseToken::required(lease)?,
        lease: lease_length(lease_ms)?,
    })
}

/// Returns the change that completes an item.
pub(super) fn complete_change(path: &str, lease: u64, result: Option<&str>) -> Result<Change> {
    Ok(Change::CompleteWork {
        path: VirtualPath::parse(path)?,
        token: LeaseToken::required(lease)?,
        result: result
            .map(|result| json_text("result", result))
            .transpose()?,
    })
}

/// Returns the change that gives up an attempt.
pub(super) fn fail_change(
    path: &str,
    lease: u64,
    error: &str,
    retry_after_ms: u64,
) -> Result<Change> {
    check_error_text(error)?;
    Ok(Change::FailWork {
        path: VirtualPath::parse(path)?,
        token: LeaseToken::required(lease)?,
        error: error.to_owned(),
        retry_after: retry_delay(retry_after_ms)?,
    })
}

/// Returns an error unless `text` may say why an attempt failed.
pub(super) fn check_error_text(text: &str) -> Result<()> {
    if text.len() > MAX_ERROR_BYTES {
        return Err(Error::invalid_argument(format!(
            "the error text has {} bytes; the most are {MAX_ERROR_BYTES}",
            text.len()
        )));
    }
    Ok(())
}

/// Returns the change that gives an item back.
pub(super) fn release_change(path: &str, lease: u64) -> Result<Change> {
    Ok(Change::ReleaseWork {
        path: VirtualPath::parse(path)?,
        token: LeaseToken::required(lease)?,
    })
}
