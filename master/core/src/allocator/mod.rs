//! The allocator: who is offered which agent's resources (A1–A17).
//!
//! [`Allocator::handle`] takes events and only notes where they may make a difference
//! (`marks`); [`Allocator::run`] then looks there and nowhere else. Every event that can
//! make an agent's free resources acceptable to somebody leaves such a note, so that runs
//! miss nothing between the batches of [`Allocator::run_all`].
//!
//! Inside, agents, frameworks and roles are small numbers (`slots`). Resources are held
//! by a framework for a role; `holdings` is the one place where that changes, and keeps
//! agents, shares and totals in step. Time and randomness come in as arguments.

mod agents;
mod config;
pub mod facts;
mod figures;
mod filters;
mod frameworks;
mod holdings;
mod marks;
pub mod messages;
mod offering;
mod roles;
mod run;
mod slots;
mod sorter;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use model::{AgentId, FrameworkId, Quantities, Resources, Role};
use thiserror::Error;

pub use config::{Config, MinAllocatable, parse_min_allocatable};
pub use facts::{AgentCapabilities, AgentFacts, FactsError, FrameworkCapabilities, FrameworkFacts};
pub use figures::{Amounts, Figures};
pub use holdings::NotHeld;
pub use messages::*;
pub use sorter::SorterKind;

use agents::Agent;
use filters::Expiry;
use frameworks::Framework;
use marks::Marks;
use roles::Roles;
use slots::Named;

/// An event that does not fit what the allocator knows. Nothing was changed by it.
///
/// Some are no mistake: the master may speak of what it just removed, or of offers that
/// crossed with a removal.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AllocatorError {
    /// An agent was added twice.
    #[error("agent {0} was added before: remove or update it")]
    AgentExists(AgentId),
    /// An agent was never added, or is removed.
    #[error("agent {0} is not known to the allocator")]
    UnknownAgent(AgentId),
    /// A framework was added twice.
    #[error("framework {0} was added before: remove or update it")]
    FrameworkExists(FrameworkId),
    /// A framework was never added, or is removed.
    #[error("framework {0} is not known to the allocator")]
    UnknownFramework(FrameworkId),
    /// A role in which no framework has or holds anything.
    #[error("role '{0}' is not known to the allocator")]
    UnknownRole(Role),
    /// Resources to take back are not held.
    #[error(
        "framework {} does not hold {} of agent {} for role '{}'",
        .0.framework_id, .0.resources, .0.agent_id, .0.role
    )]
    NotHeld(Box<NotHeld>),
    /// Resources to convert are not there.
    #[error("there is no {0} to convert")]
    NotThere(Box<Resources>),
    /// A weight that is no positive number.
    #[error("the weight of role '{role}' is {weight}: it must be positive")]
    BadWeight {
        /// The role.
        role: Role,
        /// Its weight.
        weight: f64,
    },
}

/// The hierarchical allocator.
#[derive(Debug, Clone)]
pub struct Allocator {
    config: Config,
    /// Boxed, since they are large, and the table that holds them is moved when it grows.
    agents: Named<Box<Agent>>,
    frameworks: Named<Framework>,
    roles: Roles,
    expiry: Expiry,
    whitelist: Option<BTreeSet<String>>,
    marks: Marks,
    /// All that is offered or allocated.
    held: Quantities,
    runs: u64,
}

impl Allocator {
    /// An allocator that knows no agent and no framework yet.
    pub fn new(config: Config) -> Self {
        let roles = Roles::new(&config);
        Self {
            config,
            agents: Named::default(),
            frameworks: Named::default(),
            roles,
            expiry: Expiry::default(),
            whitelist: None,
            marks: Marks::default(),
            held: Quantities::default(),
            runs: 0,
        }
    }

    /// Takes an event at `now`, which is time since any fixed moment and never goes back.
    /// An event that does not fit changes nothing.
    pub fn handle(&mut self, input: Input, now: Duration) -> Result<(), AllocatorError> {
        match input {
            Input::AddAgent(message) => self.add_agent(message),
            Input::RemoveAgent(message) => self.remove_agent(message),
            Input::UpdateAgent(message) => self.update_agent(message),
            Input::ActivateAgent(message) => self.activate_agent(message),
            Input::DeactivateAgent(message) => self.deactivate_agent(message),
            Input::AddFramework(message) => self.add_framework(message),
            Input::RemoveFramework(message) => self.remove_framework(message),
            Input::UpdateFramework(message) => self.update_framework(message),
            Input::ActivateFramework(message) => self.activate_framework(message),
            Input::DeactivateFramework(message) => self.deactivate_framework(message),
            Input::RecoverResources(message) => self.recover_resources(message, now),
            Input::UpdateAllocation(message) => self.update_allocation(message),
            Input::SuppressOffers(message) => self.suppress_offers(message),
            Input::ReviveOffers(message) => self.revive_offers(message),
            Input::UpdateWeights(message) => self.update_weights(message),
            Input::UpdateWhitelist(message) => {
                self.update_whitelist(message);
                Ok(())
            }
        }
    }

    /// Weights show in the next allocations; what is offered already stays (A17).
    fn update_weights(&mut self, message: UpdateWeights) -> Result<(), AllocatorError> {
        let bad = message
            .weights
            .iter()
            .find(|(_, weight)| !(weight.is_finite() && **weight > 0.0));
        if let Some((role, &weight)) = bad {
            return Err(AllocatorError::BadWeight {
                role: role.clone(),
                weight,
            });
        }
        for (role, weight) in &message.weights {
            self.roles.set_weight(role, *weight);
        }
        Ok(())
    }

    /// Whether a run would look at any agent before the [`deadline`](Self::deadline).
    pub fn has_candidates(&self) -> bool {
        !self.marks.is_empty()
    }

    /// When the next filter expires, and another run may find something.
    pub fn deadline(&self) -> Option<Duration> {
        self.expiry.next()
    }
}
