//! Random changes, compared with a model that computes everything anew.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const FILES: usize = 3;
/// The last one twice, since it lets others go on.
const STATUSES: [&str; 6] = [
    "ready",
    "pending",
    "blocked",
    "in_progress",
    "completed",
    "completed",
];

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

/// Sets of changes.
fn sets() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let file = || 0..FILES;
    // Mostly on files of lower numbers: a cycle refuses a whole set.
    let dependencies = prop::collection::btree_set(file(), 1..3);
    let downwards = (file(), dependencies.clone()).prop_map(|(file, mut on)| {
        on.retain(|blocker| *blocker < file);
        Step::DependOn(file, on)
    });
    let step = prop_oneof![
        12 => (file(), prop::sample::select(&STATUSES[..])).prop_map(|(f, s)| Step::Status(f, s)),
        1 => file().prop_map(Step::RemoveStatus),
        8 => downwards,
        1 => (file(), dependencies).prop_map(|(f, on)| Step::DependOn(f, on)),
        1 => file().prop_map(Step::Delete),
        1 => (file(), file()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => (file(), file()).prop_map(|(a, b)| Step::Copy(a, b)),
        2 => file().prop_map(Step::Overwrite),
    ];
    prop::collection::vec(prop::collection::vec(step, 1..6), 1..32)
}

/// A file, and who stood there when it was named.
type Named = (usize, Option<usize>);

/// Identities are numbers; whoever was deleted while it blocked stays in `tombs`.
#[derive(Debug, Clone, Default)]
struct Model {
    next: usize,
    at: BTreeMap<usize, usize>,
    status: BTreeMap<usize, &'static str>,
    blockers: BTreeMap<usize, BTreeSet<usize>>,
    /// The dependencies that the set of changes named, with their items.
    named: Vec<(usize, Vec<Named>)>,
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
        self.forget_blockers(id);
    }

    fn forget_blockers(&mut self, id: usize) {
        self.blockers.remove(&id);
        self.named.retain(|(item, _)| *item != id);
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

    /// Returns the files of the items that are ready and wait for nothing.
    fn claimable(&self) -> impl Iterator<Item = usize> {
        let ready = |id: &usize| self.status.get(id) == Some(&"ready") && self.open(*id) == 0;
        self.at
            .iter()
            .filter(move |(_, id)| ready(id))
            .map(|(file, _)| *file)
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
                let named = on.iter().map(|file| (*file, id_at(self, file)));
                let named = named.collect();
                self.forget_blockers(id);
                self.named.push((id, named));
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
                    let named = self.named.iter().find(|(item, _)| *item == id);
                    if let Some((_, named)) = named.cloned() {
                        self.named.push((copy, named));
                    }
                }
            }
            Step::Overwrite(file) => self.create(*file),
        }
        Ok(())
    }

    /// Does all of `set`, or says that it must be refused.
    fn apply_all(&mut self, set: &[Step]) -> std::result::Result<(), ErrorKind> {
        set.iter().try_for_each(|step| self.apply(step))?;
        for (item, named) in std::mem::take(&mut self.named) {
            let meant = named.iter().map(|(file, bound)| {
                let still_there = bound.filter(|id| self.at.values().any(|other| other == id));
                still_there.or_else(|| self.at.get(file).copied())
            });
            let meant: Option<BTreeSet<usize>> = meant.collect();
            self.blockers
                .insert(item, meant.ok_or(ErrorKind::NotFound)?);
        }
        if self.has_cycle() {
            return Err(ErrorKind::Cycle);
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

fn compare(store: &Store, model: &Model, set: &[Step]) -> std::result::Result<(), TestCaseError> {
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
            set
        );
        let Some(id) = id else { continue };
        let explanation = store.explain(&name);
        prop_assert_eq!(
            explanation.open.len(),
            model.open(*id),
            "open edges of {} after {:?}: {:?}",
            name,
            set,
            explanation
        );
    }
    store.check_counters();
    Ok(())
}

proptest! {
    #[test]
    fn edges_and_statuses_follow_the_model(sets in sets()) {
        let store = Store::new();
        store.connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let mut model = Model::default();
        for file in 0..FILES {
            model.create(file);
            store.write(&name(file));
        }
        for set in &sets {
            let mut next = model.clone();
            let expected = next.apply_all(set);
            let changes = set.iter().map(change).collect();
            let actual = store.apply(changes).map(drop).map_err(|error| error.kind());
            prop_assert_eq!(actual, expected, "{:?} on {:?}", set, model);
            if expected.is_ok() {
                model = next;
            }
            compare(&store, &model, set)?;
            let claimable: BTreeSet<String> = model.claimable().map(name).collect();
            let ready = store.paths(WorkView::Ready).into_iter().collect::<BTreeSet<_>>();
            prop_assert_eq!(ready, claimable, "what a claim would find after {:?}", set);
        }
    }
}
