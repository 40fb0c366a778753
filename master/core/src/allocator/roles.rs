//! Roles that have frameworks: which come first, and whose turn it is in each (A16).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use model::{Quantities, Role};

use super::config::Config;
use super::slots::{HasId, Named, Slot};
use super::sorter::{Fairness, NodeId, OWN, Sorter, SorterKind};

/// A framework in one of its roles: what is charged, filtered and offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientKey {
    pub(super) role: Slot,
    pub(super) framework: Slot,
}

/// A role that a framework is subscribed to, or holds resources for.
#[derive(Debug, Clone)]
pub(super) struct RoleEntry {
    pub(super) role: Role,
    /// The role's own leaf in the roles' tree.
    leaf: NodeId,
    /// The role's frameworks.
    pub(super) frameworks: Sorter,
    /// How many filters its frameworks have.
    pub(super) filters: usize,
}

impl HasId for RoleEntry {
    type Id = Role;

    fn id(&self) -> &Role {
        &self.role
    }
}

/// All roles with frameworks, and the shares of everything that is held.
#[derive(Debug, Clone)]
pub(super) struct Roles {
    pub(super) entries: Named<RoleEntry>,
    pub(super) sorter: Sorter,
    pub(super) fairness: Fairness,
    framework_sorter: SorterKind,
}

impl Roles {
    pub(super) fn new(config: &Config) -> Self {
        let excluded: BTreeSet<String> = config.fairness_excluded.clone();
        Self {
            entries: Named::default(),
            sorter: Sorter::new(config.role_sorter),
            fairness: Fairness::new(excluded),
            framework_sorter: config.framework_sorter,
        }
    }

    /// The place of a role, which is made if it is not there.
    pub(super) fn ensure(&mut self, role: &Role) -> Slot {
        if let Some(slot) = self.entries.slot(role) {
            return slot;
        }
        let slot = self.entries.insert(RoleEntry {
            role: role.clone(),
            leaf: NodeId::MAX,
            frameworks: Sorter::new(self.framework_sorter),
            filters: 0,
        });
        let path = role.as_str().split('/').chain([OWN]);
        let leaf = self.sorter.tree_mut().add(path, slot);
        if let Some(entry) = self.entries.get_mut(slot) {
            entry.leaf = leaf;
        }
        slot
    }

    /// Adds an inactive framework to a role.
    pub(super) fn add_framework(&mut self, key: ClientKey, id: &str) -> Option<NodeId> {
        let entry = self.entries.get_mut(key.role)?;
        Some(entry.frameworks.tree_mut().add([id], key.framework))
    }

    /// Removes a framework from a role, and the role with its last framework.
    pub(super) fn remove_framework(&mut self, role: Slot, leaf: NodeId) {
        self.set_active(role, leaf, false);
        let Some(entry) = self.entries.get_mut(role) else {
            return;
        };
        entry.frameworks.tree_mut().remove(leaf, &self.fairness);
        if entry.frameworks.tree().is_empty() {
            self.sorter.tree_mut().remove(entry.leaf, &self.fairness);
            let name = entry.role.clone();
            self.entries.remove(&name);
        }
    }

    /// Lets a framework be offered resources for a role, or not. A role is walked only
    /// while one of its frameworks may be.
    pub(super) fn set_active(&mut self, role: Slot, leaf: NodeId, active: bool) {
        let Some(entry) = self.entries.get_mut(role) else {
            return;
        };
        let frameworks = entry.frameworks.tree_mut();
        if active {
            frameworks.activate(leaf, &self.fairness);
        } else {
            frameworks.deactivate(leaf, &self.fairness);
        }
        if frameworks.has_active() {
            self.sorter.tree_mut().activate(entry.leaf, &self.fairness);
        } else {
            self.sorter
                .tree_mut()
                .deactivate(entry.leaf, &self.fairness);
        }
    }

    /// Charges a framework and its role, with all above, for what it was given.
    pub(super) fn allocated(&mut self, role: Slot, leaf: NodeId, amounts: &Quantities) {
        let Some(entry) = self.entries.get_mut(role) else {
            return;
        };
        entry
            .frameworks
            .tree_mut()
            .allocated(leaf, amounts, &self.fairness);
        self.sorter
            .tree_mut()
            .allocated(entry.leaf, amounts, &self.fairness);
    }

    /// Takes back a charge.
    pub(super) fn unallocated(&mut self, role: Slot, leaf: NodeId, amounts: &Quantities) {
        let Some(entry) = self.entries.get_mut(role) else {
            return;
        };
        entry
            .frameworks
            .tree_mut()
            .unallocated(leaf, amounts, &self.fairness);
        self.sorter
            .tree_mut()
            .unallocated(entry.leaf, amounts, &self.fairness);
    }

    /// Replaces a part of a charge.
    pub(super) fn updated(&mut self, role: Slot, leaf: NodeId, old: &Quantities, new: &Quantities) {
        let Some(entry) = self.entries.get_mut(role) else {
            return;
        };
        entry
            .frameworks
            .tree_mut()
            .updated(leaf, old, new, &self.fairness);
        self.sorter
            .tree_mut()
            .updated(entry.leaf, old, new, &self.fairness);
    }

    /// Which of two clients is offered resources first, if no sorter is random.
    pub(super) fn compare(&self, a: (ClientKey, NodeId), b: (ClientKey, NodeId)) -> Ordering {
        if a.0.role == b.0.role {
            let role = self.entries.get(a.0.role);
            return role.map_or(Ordering::Equal, |role| {
                role.frameworks.tree().compare(a.1, b.1, &self.fairness)
            });
        }
        match (self.entries.get(a.0.role), self.entries.get(b.0.role)) {
            (Some(a), Some(b)) => self.sorter.tree().compare(a.leaf, b.leaf, &self.fairness),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// The weight of a role and all below it, whether it has frameworks or not (A17).
    pub(super) fn set_weight(&mut self, role: &Role, weight: f64) {
        self.sorter
            .tree_mut()
            .set_weight(role.as_str(), weight, &self.fairness);
    }

    /// How many roles the sorter knows.
    #[cfg(test)]
    pub(super) fn sorted(&self) -> usize {
        self.sorter.tree().clients()
    }

    /// What all roles are charged together.
    #[cfg(test)]
    pub(super) fn held(&self) -> Option<&Quantities> {
        let tree = self.sorter.tree();
        tree.amounts(tree.root())
    }

    /// The share of the cluster that a role's own frameworks hold, by weight.
    pub(super) fn dominant_share(&self, entry: &RoleEntry) -> f64 {
        let tree = self.sorter.tree();
        tree.share(tree.whole_of(entry.leaf), &self.fairness)
            .unwrap_or_default()
    }
}
