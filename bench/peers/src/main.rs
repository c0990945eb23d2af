//! Claims and acknowledges jobs of a honker queue, one at a time, as its documentation shows it, and
//! prints the items per second of each run.
//!
//! usage: nexus-bench-peers DIR BACKLOG RUNS ITEMS
//!
//! DIR is where the database is made. BACKLOG jobs wait, with priorities that are all different and
//! shuffled against the order of insertion. After each hundred jobs a hundred with the same priorities
//! are added again, out of the measurement. A run ends after ITEMS items, or after three seconds.

use std::env;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use honker::{Database, EnqueueOpts, Queue, QueueOpts};
use serde_json::json;

const WORKER: &str = "worker-1";
const LONGEST_RUN: Duration = Duration::from_secs(3);
const REFILL: u32 = 100;
const JOBS_IN_A_TRANSACTION: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [dir, backlog, runs, items] = arguments.as_slice() else {
        return Err("usage: nexus-bench-peers DIR BACKLOG RUNS ITEMS".into());
    };
    let (backlog, runs, items) = (backlog.parse()?, runs.parse()?, items.parse()?);

    let database = Database::open(Path::new(dir).join("honker.db"))?;
    // The page cache that Nexus has, and the same durability: honker's default is `normal` for Nexus.
    database.with_conn(|connection| connection.execute_batch("PRAGMA cache_size = -102400"))?;
    let synchronous: i64 = database
        .with_conn(|connection| connection.query_row("PRAGMA synchronous", [], |row| row.get(0)))?;
    if synchronous != 1 {
        return Err(format!("synchronous is {synchronous}, not 1 (NORMAL)").into());
    }
    let options = QueueOpts {
        visibility_timeout_s: 600,
        ..QueueOpts::default()
    };
    let queue = database.queue("jobs", options);
    add(&database, &queue, &shuffled(backlog))?;

    // The first run warms up.
    run(&database, &queue, backlog, items)?;
    for _ in 0..runs {
        println!("{:.3}", run(&database, &queue, backlog, items)?);
    }
    Ok(())
}

/// Adds a job for each of the priorities. With honker the greatest comes first.
fn add(database: &Database, queue: &Queue, priorities: &[i64]) -> honker::Result<()> {
    for chunk in priorities.chunks(JOBS_IN_A_TRANSACTION) {
        let transaction = database.transaction()?;
        for &priority in chunk {
            let options = EnqueueOpts {
                priority,
                ..EnqueueOpts::default()
            };
            queue.enqueue_tx(&transaction, &json!({ "item": priority }), options)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// 0 to `count` - 1 in a random order, the same each time (Fisher and Yates, with SplitMix64).
fn shuffled(count: usize) -> Vec<i64> {
    let mut values: Vec<i64> = (0..).take(count).collect();
    let mut state: u64 = 11;
    for i in (1..count).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        values.swap(i, (z % (i as u64 + 1)) as usize);
    }
    values
}

/// Returns items per second.
fn run(
    database: &Database,
    queue: &Queue,
    backlog: usize,
    items: usize,
) -> Result<f64, Box<dyn Error>> {
    let last = i64::try_from(backlog)? - 1;
    let mut spent = Duration::ZERO;
    let mut done: u32 = 0;
    while (done as usize) < items && spent < LONGEST_RUN {
        let started = Instant::now();
        let before = done;
        while done < before + REFILL && spent + started.elapsed() < LONGEST_RUN {
            let job = queue.claim_one(WORKER)?.ok_or("nothing to claim")?;
            if !job.ack()? {
                return Err("a claim was lost".into());
            }
            done += 1;
        }
        spent += started.elapsed();
        let taken: Vec<i64> = (0..i64::from(done - before)).map(|i| last - i).collect();
        add(database, queue, &taken)?;
    }
    Ok(f64::from(done) / spent.as_secs_f64())
}
