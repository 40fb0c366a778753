//! Tests of both sorters, after the behaviours of Mesos' own sorter tests.

mod drf;
mod hierarchy;
mod model;
mod random;

use std::collections::BTreeMap;

use ::model::Quantities;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Fairness, NodeId, OWN, Sorter, SorterKind};

pub(super) fn amounts(text: &str) -> Quantities {
    Quantities::parse(text).unwrap()
}

/// A sorter whose clients are named by their paths.
pub(super) struct Bench {
    sorter: Sorter,
    fairness: Fairness,
    total: Quantities,
    names: Vec<String>,
    leaves: BTreeMap<String, NodeId>,
    rng: StdRng,
}

impl Bench {
    pub(super) fn new(kind: SorterKind, total: &str) -> Self {
        let mut fairness = Fairness::new(Default::default());
        fairness.add(&amounts(total));
        Self {
            sorter: Sorter::new(kind),
            fairness,
            total: amounts(total),
            names: Vec::new(),
            leaves: BTreeMap::new(),
            rng: StdRng::seed_from_u64(7),
        }
    }

    pub(super) fn drf() -> Self {
        Self::new(SorterKind::Drf, "cpus:100;mem:100")
    }

    pub(super) fn add(&mut self, path: &str) {
        let client = self.names.len() as u32;
        self.names.push(path.to_owned());
        let leaf = self
            .sorter
            .tree_mut()
            .add(path.split('/').chain([OWN]), client);
        assert!(self.leaves.insert(path.to_owned(), leaf).is_none());
    }

    /// Adds a client, active, and charges it.
    pub(super) fn add_with(&mut self, path: &str, held: &str) {
        self.add(path);
        self.activate(path);
        if !held.is_empty() {
            self.allocated(path, held);
        }
    }

    pub(super) fn remove(&mut self, path: &str) {
        let leaf = self.leaves.remove(path).unwrap();
        self.sorter.tree_mut().remove(leaf, &self.fairness);
    }

    pub(super) fn activate(&mut self, path: &str) {
        self.sorter
            .tree_mut()
            .activate(self.leaves[path], &self.fairness);
    }

    pub(super) fn deactivate(&mut self, path: &str) {
        self.sorter
            .tree_mut()
            .deactivate(self.leaves[path], &self.fairness);
    }

    pub(super) fn weight(&mut self, path: &str, weight: f64) {
        self.sorter
            .tree_mut()
            .set_weight(path, weight, &self.fairness);
    }

    pub(super) fn allocated(&mut self, path: &str, held: &str) {
        self.sorter
            .tree_mut()
            .allocated(self.leaves[path], &amounts(held), &self.fairness);
    }

    pub(super) fn unallocated(&mut self, path: &str, held: &str) {
        self.sorter
            .tree_mut()
            .unallocated(self.leaves[path], &amounts(held), &self.fairness);
    }

    pub(super) fn update(&mut self, path: &str, old: &str, new: &str) {
        let leaf = self.leaves[path];
        self.sorter
            .tree_mut()
            .updated(leaf, &amounts(old), &amounts(new), &self.fairness);
    }

    pub(super) fn set_total(&mut self, total: &str) {
        self.fairness.replace(&self.total, &amounts(total));
        self.total = amounts(total);
    }

    pub(super) fn held(&self, path: &str) -> Quantities {
        self.sorter
            .tree()
            .amounts(self.leaves[path])
            .unwrap()
            .clone()
    }

    pub(super) fn held_in_all(&self) -> Quantities {
        self.sorter
            .tree()
            .amounts(self.sorter.tree().root())
            .unwrap()
            .clone()
    }

    pub(super) fn sort(&mut self) -> Vec<&str> {
        let mut walk = self.sorter.walk();
        let mut clients = Vec::new();
        while let Some(client) = self.sorter.next(&mut walk, &self.fairness, &mut self.rng) {
            clients.push(self.names[client as usize].as_str());
        }
        clients
    }

    /// The order of the names.
    pub(super) fn sorted_names(&mut self) -> Vec<&str> {
        let mut names = self.sort();
        names.sort_unstable();
        names
    }
}

/// What holds for both sorters.
fn both(test: impl Fn(&mut Bench)) {
    for kind in [SorterKind::Drf, SorterKind::Random] {
        test(&mut Bench::new(kind, "cpus:100;mem:100"));
    }
}
