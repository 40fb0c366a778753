//! What the master tells its allocator, and what it gets back.
//!
//! One struct for each event. Resources that frameworks hold carry the role they are
//! allocated to; an agent's totals carry none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::{AgentId, FrameworkId, Resources, Role};
use serde::{Deserialize, Serialize};

use super::facts::{AgentFacts, FrameworkFacts};

/// An agent registered, or came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddAgent {
    /// The agent; not known to the allocator yet.
    pub agent_id: AgentId,
    /// What matters of its description.
    pub facts: AgentFacts,
    /// All it has.
    pub total: Arc<Resources>,
    /// What frameworks hold of it already. A framework may be added later: until then
    /// what it holds counts as its role's.
    pub used: BTreeMap<FrameworkId, Resources>,
}

/// An agent is gone, with all that was offered or allocated of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoveAgent {
    /// The agent.
    pub agent_id: AgentId,
}

/// An agent came back different. What is `None` did not change. Changed attributes
/// drop the filters on the agent: whoever refused it may want it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateAgent {
    /// The agent.
    pub agent_id: AgentId,
    /// Its description.
    pub facts: Option<AgentFacts>,
    /// All it has.
    pub total: Option<Arc<Resources>>,
}

/// The agent may be offered (again).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivateAgent {
    /// The agent.
    pub agent_id: AgentId,
}

/// The agent may not be offered: it is disconnected, or deactivated (A28).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeactivateAgent {
    /// The agent.
    pub agent_id: AgentId,
}

/// A framework subscribed, or was recovered. What it holds is known from the agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddFramework {
    /// The framework; not added yet.
    pub framework_id: FrameworkId,
    /// What matters of its description.
    pub facts: FrameworkFacts,
    /// Whether it may be offered resources now.
    pub active: bool,
}

/// A framework is gone; all it holds is free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoveFramework {
    /// The framework.
    pub framework_id: FrameworkId,
}

/// A framework subscribed again, or called UPDATE_FRAMEWORK.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateFramework {
    /// The framework.
    pub framework_id: FrameworkId,
    /// What matters of its description.
    pub facts: FrameworkFacts,
}

/// The framework may be offered resources (again).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivateFramework {
    /// The framework.
    pub framework_id: FrameworkId,
}

/// The framework may not be offered resources. It keeps what it holds; its filters go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeactivateFramework {
    /// The framework.
    pub framework_id: FrameworkId,
}

/// Resources are free again: declined, left over, rescinded, or a task's that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecoverResources {
    /// Who held them.
    pub framework_id: FrameworkId,
    /// Whose they are.
    pub agent_id: AgentId,
    /// The resources, each with the role it was allocated to.
    pub resources: Resources,
    /// For how long the framework refuses them: at least one allocation interval, but
    /// not at all if zero or absent (A10). What was refused, for whatever time, is no
    /// reason to offer at once.
    pub refuse: Option<Duration>,
}

/// Operations of an accepted offer changed the kind of some resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateAllocation {
    /// Who holds them.
    pub framework_id: FrameworkId,
    /// Whose they are.
    pub agent_id: AgentId,
    /// What was offered, each with the role it was allocated to.
    pub offered: Resources,
    /// The changes, in order.
    pub conversions: Vec<Conversion>,
}

/// One change of resources: what was there before and after, with their roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// What it takes. Empty for one more copy of a shared resource, which the agent
    /// has once.
    pub consumed: Resources,
    /// What it leaves.
    pub converted: Resources,
}

/// No offers for these roles (A11).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuppressOffers {
    /// The framework.
    pub framework_id: FrameworkId,
    /// The roles; all of the framework's if empty.
    pub roles: BTreeSet<Role>,
}

/// Offers for these roles again, of what was refused before too (A11).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviveOffers {
    /// The framework.
    pub framework_id: FrameworkId,
    /// The roles; all of the framework's if empty.
    pub roles: BTreeSet<Role>,
}

/// Weights of roles changed; the others stay (A17).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateWeights {
    /// Positive weights by role; 1 is the default.
    pub weights: BTreeMap<Role, f64>,
}

/// Which hosts may be offered (A14).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpdateWhitelist {
    /// Host names; `None` for all.
    pub hosts: Option<BTreeSet<String>>,
}

/// Resources of one agent for one role of one framework (A6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    /// Who is offered.
    pub framework_id: FrameworkId,
    /// The framework's role.
    pub role: Role,
    /// Whose resources these are.
    pub agent_id: AgentId,
    /// The resources, allocated to the role.
    pub resources: Resources,
}

/// What one allocation run found, from the allocator to the master.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offers {
    /// In the order in which they were found.
    pub offers: Vec<Offered>,
}

runtime_core::message!(
    AddAgent = "mesos.allocator.AddAgent",
    RemoveAgent = "mesos.allocator.RemoveAgent",
    UpdateAgent = "mesos.allocator.UpdateAgent",
    ActivateAgent = "mesos.allocator.ActivateAgent",
    DeactivateAgent = "mesos.allocator.DeactivateAgent",
    AddFramework = "mesos.allocator.AddFramework",
    RemoveFramework = "mesos.allocator.RemoveFramework",
    UpdateFramework = "mesos.allocator.UpdateFramework",
    ActivateFramework = "mesos.allocator.ActivateFramework",
    DeactivateFramework = "mesos.allocator.DeactivateFramework",
    RecoverResources = "mesos.allocator.RecoverResources",
    UpdateAllocation = "mesos.allocator.UpdateAllocation",
    SuppressOffers = "mesos.allocator.SuppressOffers",
    ReviveOffers = "mesos.allocator.ReviveOffers",
    UpdateWeights = "mesos.allocator.UpdateWeights",
    UpdateWhitelist = "mesos.allocator.UpdateWhitelist",
    Offers = "mesos.allocator.Offers",
);

/// Any event, for [`handle`](super::Allocator::handle).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the message of its name")]
pub enum Input {
    AddAgent(AddAgent),
    RemoveAgent(RemoveAgent),
    UpdateAgent(UpdateAgent),
    ActivateAgent(ActivateAgent),
    DeactivateAgent(DeactivateAgent),
    AddFramework(AddFramework),
    RemoveFramework(RemoveFramework),
    UpdateFramework(UpdateFramework),
    ActivateFramework(ActivateFramework),
    DeactivateFramework(DeactivateFramework),
    RecoverResources(RecoverResources),
    UpdateAllocation(UpdateAllocation),
    SuppressOffers(SuppressOffers),
    ReviveOffers(ReviveOffers),
    UpdateWeights(UpdateWeights),
    UpdateWhitelist(UpdateWhitelist),
}

macro_rules! inputs {
    ($($name:ident),+ $(,)?) => {$(
        impl From<$name> for Input {
            fn from(message: $name) -> Self {
                Self::$name(message)
            }
        }
    )+};
}

inputs!(
    AddAgent,
    RemoveAgent,
    UpdateAgent,
    ActivateAgent,
    DeactivateAgent,
    AddFramework,
    RemoveFramework,
    UpdateFramework,
    ActivateFramework,
    DeactivateFramework,
    RecoverResources,
    UpdateAllocation,
    SuppressOffers,
    ReviveOffers,
    UpdateWeights,
    UpdateWhitelist,
);
