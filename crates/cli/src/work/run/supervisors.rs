//! The supervisors of a worker, and the command that each of them runs.

use std::ffi::OsString;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};
use rustix::process::Pid;

use super::supervisor::{Order, Supervisor};

/// The command of a worker.
pub struct Program {
    pub command: Vec<OsString>,
    /// Variables of its environment that name the store, the identity and the worker; those without a value must not be there.
    pub variables: Vec<(&'static str, Option<OsString>)>,
}

/// The supervisors of a worker.
#[derive(Default)]
pub struct Supervisors {
    all: Mutex<Vec<Weak<Supervisor>>>,
    idle: Mutex<Vec<Arc<Supervisor>>>,
    /// Held for reading while a command starts, and for writing while all are stopped.
    starting: RwLock<()>,
}

impl Supervisors {
    /// Runs `program` under a supervisor that has nothing to do, or a new one. While commands are stopped, it
    /// waits until they go on.
    pub fn run(
        &self,
        program: &Program,
        values: &[String; 4],
        streams: [BorrowedFd<'_>; 3],
    ) -> io::Result<(Arc<Supervisor>, Pid)> {
        let _starting = self.starting.read();
        loop {
            let idle = self.idle.lock().pop();
            let is_new = idle.is_none();
            let supervisor = idle.map_or_else(|| self.start(program), Ok)?;
            match supervisor.run(values, streams) {
                // Killed while it had nothing to do.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !is_new => {}
                group => return Ok((supervisor, group?)),
            }
        }
    }

    fn start(&self, program: &Program) -> io::Result<Arc<Supervisor>> {
        let supervisor = Arc::new(Supervisor::start(&program.command, |process| {
            for (name, value) in &program.variables {
                match value {
                    Some(value) => process.env(name, value),
                    None => process.env_remove(name),
                };
            }
        })?);
        let mut all = self.all.lock();
        all.retain(|supervisor| supervisor.strong_count() > 0);
        all.push(Arc::downgrade(&supervisor));
        Ok(supervisor)
    }

    /// Takes a supervisor back whose command has ended.
    pub fn put_back(&self, supervisor: Arc<Supervisor>) {
        self.idle.lock().push(supervisor);
    }

    /// Stops all commands, runs `stopped`, and lets them go on.
    pub fn stop_during(&self, stopped: impl FnOnce()) {
        let _none_starts = self.starting.write();
        self.order(Order::Stop);
        stopped();
        self.order(Order::Continue);
    }

    fn order(&self, order: Order) {
        for supervisor in self.all.lock().iter().filter_map(Weak::upgrade) {
            supervisor.order(order);
        }
    }
}
