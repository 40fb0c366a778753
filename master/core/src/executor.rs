//! A custom or default executor as the master keeps it.

use std::sync::Arc;

use messages::v1;
use model::Resources;
use model::ids::{AgentId, ExecutorId};

/// An executor that a framework runs on an agent. Command executors are the agent's own
/// business and have no record here.
#[derive(Debug, Clone)]
pub struct Executor {
    id: ExecutorId,
    agent: AgentId,
    info: Arc<v1::ExecutorInfo>,
    resources: Resources,
}

impl Executor {
    pub(crate) fn new(info: v1::ExecutorInfo, agent: &AgentId, resources: Resources) -> Self {
        Self {
            id: ExecutorId::from(&info.executor_id),
            agent: agent.clone(),
            info: Arc::new(info),
            resources,
        }
    }

    /// The executor's id, unique per framework and agent.
    pub const fn id(&self) -> &ExecutorId {
        &self.id
    }

    /// Where it runs.
    pub const fn agent(&self) -> &AgentId {
        &self.agent
    }

    /// What the framework said of it.
    pub fn info(&self) -> &v1::ExecutorInfo {
        &self.info
    }

    /// What it uses itself, allocated to a role, besides its tasks.
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }
}
