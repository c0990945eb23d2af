//! Files as work items: a small pipeline whose dependencies resolve step by step.
//!
//! ```text
//! cargo run --example work_items [DATA_DIR]
//! ```
//!
//! A file with the metadata key `status` is a work item. `depends_on` names the items that must be completed first; an
//! item that is `blocked` becomes `ready` by itself when the last of them is, in the same transaction.

mod refused;

use std::error::Error;

use nexusfs::error::{ErrorKind, Result};
use nexusfs::filesystem::{Conditions, Filesystem, WorkView, WriteOptions};
use serde_json::{Value, json};

use self::refused::refused;

/// The jobs, in a directory of the store.
struct Jobs(Filesystem);

impl Jobs {
    fn path(name: &str) -> String {
        format!("/shared/acme/jobs/{name}")
    }

    /// Makes the job and sets its work metadata, both or neither.
    fn add(&self, name: &str, content: &str, metadata: Value) -> Result<()> {
        let path = Self::path(name);
        let mut batch = self.0.batch();
        batch.write(&path, content.as_bytes(), &WriteOptions::default())?;
        batch.set_meta_many(&path, &metadata.to_string())?;
        batch.commit().map(drop)
    }

    fn set(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let value = json!(value).to_string();
        self.0
            .set_meta(&Self::path(name), key, &value, &Conditions::default())
    }

    fn set_status(&self, name: &str, status: &str) -> Result<()> {
        self.set(name, "status", status)
    }

    fn print_views(&self, title: &str) -> Result<()> {
        println!("\n{title}");
        for (name, view) in [
            ("ready", WorkView::Ready),
            ("blocked", WorkView::Blocked),
            ("pending", WorkView::Pending),
            ("in progress", WorkView::InProgress),
        ] {
            let items = self.0.work(view, 10)?;
            let shown = items.iter().map(|item| {
                let waits = match item.blocker_count {
                    0 => String::new(),
                    count => format!(" (waits for {count})"),
                };
                let worker = item.worker_id.as_ref();
                let worker = worker.map_or_else(String::new, |worker| format!(" (by {worker})"));
                format!("{}{waits}{worker}", item.path)
            });
            let shown = shown.collect::<Vec<_>>().join(", ");
            println!(
                "  {name:<12}{}",
                if shown.is_empty() { "-" } else { &shown }
            );
        }
        Ok(())
    }

    fn explain(&self, name: &str) -> Result<()> {
        let path = Self::path(name);
        println!("  {path}: {}", self.0.work_explain(&path)?);
        Ok(())
    }
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let data_dir = match std::env::args_os().nth(1) {
        Some(argument) => argument.into(),
        None => scratch.path().join("store"),
    };
    let config = json!({"data_dir": data_dir, "tenant_id": "acme"}).to_string();
    let jobs = Jobs(nexusfs::connect(Some(&config))?);

    // fetch -> clean -> train -> report, where train also needs the labels. Lower priorities come first.
    jobs.add(
        "fetch",
        "get the data",
        json!({"status": "ready", "priority": 1}),
    )?;
    jobs.add(
        "label",
        "ask the experts",
        json!({"status": "ready", "priority": 5}),
    )?;
    let blocked_by = |names: &[&str]| {
        let paths: Vec<String> = names.iter().map(|name| Jobs::path(name)).collect();
        json!({"status": "blocked", "depends_on": paths})
    };
    jobs.add("clean", "drop the noise", blocked_by(&["fetch"]))?;
    jobs.add("train", "fit the model", blocked_by(&["clean", "label"]))?;
    jobs.add("report", "write it up", blocked_by(&["train"]))?;
    // Blocked without a dependency: held until someone sets it free. Pending: not yet released. Delayed: not due.
    jobs.add("publish", "tell the world", json!({"status": "blocked"}))?;
    jobs.add("retro", "look back", json!({"status": "pending"}))?;
    let in_a_while = json!({"status": "ready", "not_before": "2999-01-01T00:00:00Z"});
    jobs.add("renew", "renew the licence", in_a_while)?;
    jobs.print_views("At first")?;
    jobs.explain("train")?;

    // A dependency that would close a circle is refused, and nothing of the change is stored.
    let circle = jobs.set("fetch", "depends_on", &Jobs::path("report"));
    refused(ErrorKind::Cycle, circle);
    refused(
        ErrorKind::InvalidArgument,
        jobs.set("fetch", "priority", "high"),
    );

    let started = json!({"status": "in_progress", "worker_id": "worker-1"});
    jobs.0
        .set_meta_many(&Jobs::path("fetch"), &started.to_string())?;
    jobs.print_views("worker-1 fetches")?;

    jobs.set_status("fetch", "completed")?;
    jobs.print_views("fetch is completed: clean is ready by itself")?;

    jobs.set_status("clean", "completed")?;
    jobs.print_views("clean is completed: train still waits for label")?;
    jobs.explain("train")?;

    // A failed dependency is not a satisfied one.
    jobs.set_status("label", "failed")?;
    jobs.print_views("label has failed: train does not start")?;
    jobs.explain("train")?;

    for name in ["label", "train", "report"] {
        jobs.set_status(name, "completed")?;
    }
    jobs.print_views("label was mended, train and report are completed")?;

    jobs.set_status("publish", "ready")?;
    jobs.set_status("retro", "ready")?;
    jobs.print_views("publish and retro are set free by hand")?;

    println!(
        "\nStatistics: {}",
        jobs.0.work_stats(Some("/shared/acme/jobs"))?
    );
    Ok(())
}
