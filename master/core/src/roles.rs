//! Roles, as views show them.

use std::collections::{BTreeMap, BTreeSet};

use model::ids::FrameworkId;
use model::{Resources, Role};

use crate::snapshot::Snapshot;

/// What is known of one role (E11).
#[derive(Debug, Clone, PartialEq)]
pub struct RoleView {
    /// Its share's weight; 1 unless an operator changed it.
    pub weight: f64,
    /// Frameworks subscribed to it, or holding resources of it.
    pub frameworks: BTreeSet<FrameworkId>,
    /// What its frameworks' tasks and executors use, allocated to it: amounts only.
    pub allocated: Resources,
    /// What offers hold, allocated to it: amounts only.
    pub offered: Resources,
    /// What agents reserve for it.
    pub reserved: Resources,
}

impl Default for RoleView {
    fn default() -> Self {
        Self {
            weight: 1.0,
            frameworks: BTreeSet::new(),
            allocated: Resources::default(),
            offered: Resources::default(),
            reserved: Resources::default(),
        }
    }
}

impl Snapshot {
    /// All roles that are in use: with frameworks, a weight or reservations, and the
    /// ancestors of those; only the allowed ones, but all of them, if `--roles` is
    /// given. Walks all frameworks and agents.
    pub fn roles(&self) -> BTreeMap<Role, RoleView> {
        let mut roles: BTreeMap<Role, RoleView> = BTreeMap::new();
        for (id, framework) in self.frameworks.registered() {
            for role in framework.roles() {
                roles
                    .entry(role.clone())
                    .or_default()
                    .frameworks
                    .insert(id.clone());
            }
            for (role, used) in framework.used().allocations() {
                let entry = roles.entry(role).or_default();
                entry.frameworks.insert(id.clone());
                entry.allocated += &used;
            }
            for (role, offered) in framework.offered().allocations() {
                roles.entry(role).or_default().offered += &offered;
            }
        }
        for agent in self.agents.registered().values() {
            for (role, reserved) in agent.total().reserved() {
                roles.entry(role).or_default().reserved += &reserved;
            }
        }
        for (role, weight) in &self.weights {
            roles.entry(role.clone()).or_default().weight = *weight;
        }
        if let Some(allowed) = &self.allowed_roles {
            roles.retain(|role, _| allowed.contains(role));
            for role in allowed.iter() {
                roles.entry(role.clone()).or_default();
            }
        }
        let ancestors: BTreeSet<Role> = roles.keys().flat_map(|role| role.ancestors()).collect();
        for ancestor in ancestors {
            roles.entry(ancestor).or_default();
        }
        roles
    }
}
