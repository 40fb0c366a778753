//! What the agent knows, by noun. Everything a reader may see lives in [`State`], whose
//! parts are shared: cloning it is cheap, and the clone never changes.

mod container_limits;
mod executor;
mod framework;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use imbl::{OrdMap, Vector};
use messages::v1;
use model::ids::{AgentId, ExecutorId, FrameworkId};
use model::resources::Resources;

pub use container_limits::{TaskDemand, container_limits};
pub use executor::{
    Driver, Executor, ExecutorConnection, ExecutorPhase, PendingTermination, Queued, Work,
};
pub use framework::{Framework, FrameworkPhase, PendingLaunch};

use crate::input::Master;
use crate::metrics::Counters;

/// Where the agent stands with its master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not, or no longer, registered.
    Disconnected,
    /// Registered.
    Running,
    /// Killing everything, then ending.
    Terminating,
}

/// All that readers may see: `/state`, `GET_STATE`, metrics.
#[derive(Debug, Clone)]
pub struct State {
    /// Where the agent stands with its master.
    pub phase: Phase,
    /// The agent's id, given by the master at its first registration. Kept in memory.
    pub id: Option<AgentId>,
    /// What the agent tells masters, executors and readers about itself; holds the id.
    pub info: Arc<v1::AgentInfo>,
    /// The leading master, if one is known.
    pub master: Option<Arc<Master>>,
    /// When the agent began, wall-clock time since the Unix epoch.
    pub start_time: Duration,
    /// All that the agent has to give.
    pub total: Resources,
    /// Changes whenever the agent tells a master anew what it has and what runs here.
    pub resource_version: uuid::Uuid,
    /// Frameworks that have executors, or tasks to come, here.
    pub frameworks: OrdMap<FrameworkId, Arc<Framework>>,
    /// Frameworks that have none any more, oldest first (M52).
    pub completed_frameworks: Vector<Arc<Framework>>,
    /// Sandboxes older than this are removed (G12).
    pub sandbox_max_age: Duration,
    /// What has been counted (E21).
    pub counters: Counters,
}

impl State {
    /// The executor of that name, if it lives or has not been cleaned up yet.
    pub fn executor(&self, framework: &FrameworkId, executor: &ExecutorId) -> Option<&Executor> {
        self.frameworks
            .get(framework)?
            .executors
            .get(executor)
            .map(|executor| &**executor)
    }

    /// All executors that are not completed.
    pub fn executors(&self) -> impl Iterator<Item = &Executor> {
        self.frameworks
            .values()
            .flat_map(|framework| framework.executors.values().map(|executor| &**executor))
    }

    /// What executors, their tasks and pending tasks hold together.
    pub fn used(&self) -> Resources {
        let mut used = Resources::default();
        for framework in self.frameworks.values() {
            used += &framework.allocated();
        }
        used
    }

    /// What is held, by role.
    pub fn used_by_role(&self) -> BTreeMap<model::Role, Resources> {
        self.used().allocations()
    }
}
