//! Random changes, compared with a model that computes everything anew.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const FILES: usize = 6;
const STATUSES: [&str; 5] = ["ready", "pending", "blocked", "in_progress", "completed"];

#[derive(Debug, Clone)]
enum Step {
    Status(usize, &'static str),
    RemoveStatus(usize),
    DependOn(usize, BTreeSet<usize>),
    Delete(usize),
    Rename(usize, usize),
    Copy(usize, usize),
    Overwrite(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let file = || 0..FILES;
    let step = prop_oneof![
        4 => (file(), prop::sample::select(&STATUSES[..])).prop_map(|(f, s)| Step::Status(f, s)),
        1 => file().prop_map(Step::RemoveStatus),
        4 => (file(), prop::collection::btree_set(file(), 0..3))
            .prop_map(|(f, on)| Step::DependOn(f, on)),
        1 => file().prop_map(Step::Delete),
        1 => (file(), file()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => (file(), file()).prop_map(|(a, b)| Step::Copy(a, b)),
        1 => file().prop_map(Step::Overwrite),
    ];
    prop::collection::vec(step, 1..40)
}

/// Identities are numbers; whoever was deleted while it blocked stays in `tombs`.
#[derive(Debug, Clone, Default)]
struct Model {
    next: usize,
    at: BTreeMap<usize, usize>,
    status: BTreeMap<usize, &'static str>,
    blockers: BTreeMap<usize, BTreeSet<usize>>,
    tombs: BTreeSet<usize>,
}

impl Model {
    fn create(&mut self, file: usize) {
        self.next += 1;
        self.at.entry(file).or_insert(self.next);
    }

    fn blocks(&self, id: usize) -> bool {
        self.tombs.contains(&id) || self.status.get(&id).is_some_and(|s| *s != "completed")
    }

    fn open(&self, id: usize) -> usize {
        let blockers = self.blockers.get(&id).into_iter().flatten();
        blockers.filter(|blocker| self.blocks(**blocker)).count()
    }

    fn delete(&mut self, file: usize) {
        let Some(id) = self.at.remove(&file) else {
            return;
        };
        if self.blocks(id) {
            self.tombs.insert(id);
        }
        self.status.remove(&id);
        self.blockers.remove(&id);
    }

    fn has_cycle(&self) -> bool {
        let mut left = self.blockers.clone();
        loop {
            let before = left.len();
            let waiting: BTreeSet<usize> = left.keys().copied().collect();
            left.retain(|_, blockers| !blockers.is_disjoint(&waiting));
            if left.len() == before {
                return before > 0;
            }
        }
    }

    fn settle(&mut self) {
        for id in self.at.values() {
            let waited = self
                .blockers
                .get(id)
                .is_some_and(|blockers| !blockers.is_empty());
            if waited && self.open(*id) == 0 && self.status.get(id) == Some(&"blocked") {
                self.status.insert(*id, "ready");
            }
        }
    }

    /// Does `step`, or says that it must be refused.
    fn apply(&mut self, step: &Step) -> std::result::Result<(), ErrorKind> {
        let id_at = |model: &Model, file: &usize| model.at.get(file).copied();
        match step {
            Step::Status(file, status) => {
                let id = id_at(self, file).ok_or(ErrorKind::NotFound)?;
                self.status.insert(id, status);
            }
            Step::RemoveStatus(file) => {
                let id = id_at(self, file).ok_or(ErrorKind::NotFound)?;
                self.status.remove(&id).ok_or(ErrorKind::NotFound)?;
            }
            Step::DependOn(file, on) => {
                let id = id_at(self, file).ok_or(ErrorKind::NotFound)?;
                let blockers: Option<BTreeSet<usize>> =
                    on.iter().map(|blocker| id_at(self, blocker)).collect();
                self.blockers
                    .insert(id, blockers.ok_or(ErrorKind::NotFound)?);
                if self.has_cycle() {
                    return Err(ErrorKind::Cycle);
                }
            }
            Step::Delete(file) => {
                id_at(self, file).ok_or(ErrorKind::NotFound)?;
                self.delete(*file);
            }
            Step::Rename(from, to) => {
                let id = id_at(self, from).ok_or(ErrorKind::NotFound)?;
                if from != to {
                    self.delete(*to);
                    self.at.remove(from);
                    self.at.insert(*to, id);
                }
            }
            Step::Copy(from, to) => {
                let id = id_at(self, from).ok_or(ErrorKind::NotFound)?;
                if from != to {
                    self.delete(*to);
                    self.create(*to);
                    let copy = self.at[to];
                    if let Some(status) = self.status.get(&id).copied() {
                        let running = status == "in_progress";
                        self.status
                            .insert(copy, if running { "ready" } else { status });
                    }
                    if let Some(blockers) = self.blockers.get(&id).cloned() {
                        self.blockers.insert(copy, blockers);
                    }
                }
            }
            Step::Overwrite(file) => self.create(*file),
        }
        self.settle();
        Ok(())
    }
}

fn name(file: usize) -> String {
    format!("/d/{file}")
}

fn change(step: &Step) -> Change {
    match step {
        Step::Status(file, status) => set(&name(*file), &format!(r#"{{"status": "{status}"}}"#)),
        Step::RemoveStatus(file) => Change::DeleteMetadata {
            path: path(&name(*file)),
            key: "status".to_owned(),
        },
        Step::DependOn(file, on) => {
            let on: Vec<String> = on
                .iter()
                .map(|file| format!("\"{}\"", name(*file)))
                .collect();
            set(
                &name(*file),
                &format!(r#"{{"depends_on": [{}]}}"#, on.join(",")),
            )
        }
        Step::Delete(file) => delete(&name(*file)),
        Step::Rename(from, to) => Change::Rename(relocation(&name(*from), &name(*to))),
        Step::Copy(from, to) => Change::Copy(relocation(&name(*from), &name(*to))),
        Step::Overwrite(file) => write(&name(*file)),
    }
}

fn compare(store: &Store, model: &Model, step: &Step) -> std::result::Result<(), TestCaseError> {
    for file in 0..FILES {
        let name = name(file);
        let id = model.at.get(&file);
        let status = id
            .and_then(|id| model.status.get(id))
            .map(|status| (*status).to_owned());
        prop_assert_eq!(
            store.status(&name),
            status,
            "status of {} after {:?}",
            name,
            step
        );
        let Some(id) = id else { continue };
        let explanation = store.explain(&name);
        prop_assert_eq!(
            explanation.open.len(),
            model.open(*id),
            "open edges of {} after {:?}: {:?}",
            name,
            step,
            explanation
        );
    }
    store.check_counters();
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn edges_and_statuses_follow_the_model(steps in steps()) {
        let store = Store::new();
        let mut model = Model::default();
        for file in 0..FILES {
            model.create(file);
            store.write(&name(file));
        }
        for step in &steps {
            let mut next = model.clone();
            let expected = next.apply(step);
            let actual = store.apply(vec![change(step)]).map(drop).map_err(|error| error.kind());
            prop_assert_eq!(actual, expected, "{:?} on {:?}", step, model);
            if expected.is_ok() {
                model = next;
            }
            compare(&store, &model, step)?;
        }
    }
}
