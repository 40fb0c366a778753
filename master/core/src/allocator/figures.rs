//! What the allocator's metrics show (E20).

use std::collections::BTreeMap;

use model::{Quantities, Role};

use super::Allocator;

/// How much of one resource there is in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Amounts {
    /// What all agents have: `resources/R/total`.
    pub total: f64,
    /// What frameworks hold of it: `resources/R/offered_or_allocated`.
    pub offered_or_allocated: f64,
}

/// Figures of one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Allocation runs so far: `allocation_runs`.
    pub runs: u64,
    /// Scalar resources by name.
    pub resources: BTreeMap<String, Amounts>,
    /// Filters in force by role: `offer_filters/roles/ROLE/active`.
    pub filters: BTreeMap<Role, usize>,
    /// Shares by role: `roles/ROLE/shares/dominant`.
    pub dominant_shares: BTreeMap<Role, f64>,
    /// Agents known.
    pub agents: usize,
    /// Frameworks known.
    pub frameworks: usize,
    /// Agents that the next run will look at.
    pub candidates: usize,
}

impl Allocator {
    /// The figures as of now; costs as much as there are roles.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures {
            runs: self.runs,
            agents: self.agents.len(),
            frameworks: self.frameworks.len(),
            candidates: self.marks.len(),
            ..Figures::default()
        };
        for (name, total) in self.roles.fairness.totals().iter() {
            figures.resources.entry(name.to_owned()).or_default().total = total.to_f64();
        }
        for (name, held) in self.held.iter() {
            figures
                .resources
                .entry(name.to_owned())
                .or_default()
                .offered_or_allocated = held.to_f64();
        }
        for (_, entry) in self.roles.entries.iter() {
            figures.filters.insert(entry.role.clone(), entry.filters);
            figures
                .dominant_shares
                .insert(entry.role.clone(), self.roles.dominant_share(entry));
        }
        figures
    }

    /// All that the agents have.
    pub fn total(&self) -> &Quantities {
        self.roles.fairness.totals()
    }
}
