//! Sorters: in which order clients are offered resources (A4, A5).
//!
//! One sorter orders the roles, which form a tree (A16), and one for each role orders
//! the role's frameworks. Both are [`Sorter`]s over a [`Tree`].

mod drf;
mod random;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::Quantities;
use rand::Rng;
use serde::{Deserialize, Serialize};

pub(super) use tree::{NodeId, OWN, Tree};

use super::slots::Slot;

/// Which order a sorter makes (A5): `--role_sorter`, `--framework_sorter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SorterKind {
    /// Lowest dominant share first.
    #[default]
    Drf,
    /// A weighted shuffle, new each time.
    Random,
}

/// What shares are taken of: the cluster's scalar resources.
#[derive(Debug, Clone)]
pub(super) struct Fairness {
    totals: Quantities,
    excluded: BTreeSet<String>,
    /// The totals that count.
    whole: Quantities,
    /// Grows when the totals change: every share made before is out of date.
    version: u64,
}

impl Fairness {
    /// Nothing yet; `excluded` names what never counts
    /// (`--fair_sharing_excluded_resource_names`).
    pub(super) fn new(excluded: BTreeSet<String>) -> Self {
        Self {
            totals: Quantities::default(),
            excluded,
            whole: Quantities::default(),
            version: 1,
        }
    }

    pub(super) fn totals(&self) -> &Quantities {
        &self.totals
    }

    pub(super) fn add(&mut self, quantities: &Quantities) {
        self.totals += quantities;
        self.totals_changed();
    }

    pub(super) fn subtract(&mut self, quantities: &Quantities) {
        self.totals -= quantities;
        self.totals_changed();
    }

    pub(super) fn replace(&mut self, old: &Quantities, new: &Quantities) {
        self.totals -= old;
        self.totals += new;
        self.totals_changed();
    }

    fn totals_changed(&mut self) {
        self.version += 1;
        self.whole = self
            .totals
            .iter()
            .filter(|(name, _)| !self.excluded.contains(*name))
            .collect();
    }

    /// The largest fraction of the cluster that `amounts` is, over all resources.
    fn dominant_share(&self, amounts: &Quantities) -> f64 {
        amounts.largest_fraction_of(&self.whole)
    }
}

/// Clients in the order in which they are to be offered resources.
#[derive(Debug, Clone)]
pub(super) struct Sorter {
    tree: Tree,
    kind: SorterKind,
    lottery: random::Lottery,
}

impl Sorter {
    pub(super) fn new(kind: SorterKind) -> Self {
        Self {
            tree: Tree::default(),
            kind,
            lottery: random::Lottery::default(),
        }
    }

    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The tree, to add, remove, activate or charge clients.
    pub(super) fn tree_mut(&mut self) -> &mut Tree {
        &mut self.tree
    }

    /// Starts a walk over the active clients. Between its steps nothing may be charged.
    pub(super) fn walk(&self) -> Walk {
        match self.kind {
            SorterKind::Drf => Walk::Drf(drf::Cursor::new(&self.tree)),
            SorterKind::Random => Walk::Random(random::Draw::default()),
        }
    }

    /// The walk's next client.
    pub(super) fn next(
        &mut self,
        walk: &mut Walk,
        fairness: &Fairness,
        rng: &mut impl Rng,
    ) -> Option<Slot> {
        match walk {
            Walk::Drf(cursor) => cursor.next(&mut self.tree, fairness),
            Walk::Random(draw) => {
                self.lottery.refresh(&self.tree);
                draw.next(&self.lottery, rng)
            }
        }
    }
}

/// A walk over a sorter's clients that costs only as much as it is walked.
#[derive(Debug)]
pub(super) enum Walk {
    Drf(drf::Cursor),
    Random(random::Draw),
}
