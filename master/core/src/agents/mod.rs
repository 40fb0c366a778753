//! All agents that the master knows, by what it knows of them.

mod agent;
mod alike;
mod by_pid;
mod capabilities;
mod load;
mod proto;

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use messages::v1;
use model::Resources;
use model::ids::{AgentId, FrameworkId, TaskId};
use runtime_core::Pid;

pub(crate) use agent::Arrival;
pub use agent::{Agent, AgentConnection};
pub use capabilities::AgentCapabilities;

use self::alike::Alike;
use self::by_pid::ByPid;
use crate::bounded::Bounded;
use crate::env::Time;
use crate::limits::REMOVED_AGENTS_MAX;

/// The part of the agents' state that views may see; cheap to clone.
#[derive(Debug, Clone)]
pub struct AgentsView {
    registered: OrdMap<AgentId, Arc<Agent>>,
    recovered: OrdMap<AgentId, Arc<v1::AgentInfo>>,
    unreachable: OrdMap<AgentId, Time>,
    gone: OrdMap<AgentId, Time>,
    removed: Bounded<AgentId, ()>,
    total: Resources,
    connected: usize,
}

impl AgentsView {
    /// Agents that registered with this master and were not removed since.
    pub const fn registered(&self) -> &OrdMap<AgentId, Arc<Agent>> {
        &self.registered
    }

    /// Agents that the registry knows and that have not returned since this master was
    /// elected (M19).
    pub const fn recovered(&self) -> &OrdMap<AgentId, Arc<v1::AgentInfo>> {
        &self.recovered
    }

    /// Agents that were marked unreachable, and when.
    pub const fn unreachable(&self) -> &OrdMap<AgentId, Time> {
        &self.unreachable
    }

    /// Agents that an operator gave up for good, and when.
    pub const fn gone(&self) -> &OrdMap<AgentId, Time> {
        &self.gone
    }

    /// The registered agent of this id.
    pub fn get(&self, id: &AgentId) -> Option<&Arc<Agent>> {
        self.registered.get(id)
    }

    /// Whether it was removed by this master, as far as it remembers.
    pub fn was_removed(&self, id: &AgentId) -> bool {
        self.removed.contains(id)
    }

    /// What all registered agents have together: amounts only, since ports and the like of
    /// different agents cannot be summed.
    pub const fn total(&self) -> &Resources {
        &self.total
    }

    /// How many registered agents are connected.
    pub const fn connected(&self) -> usize {
        self.connected
    }
}

/// All agents, with what only the master itself needs.
#[derive(Debug)]
pub(crate) struct Agents {
    view: AgentsView,
    by_pid: ByPid,
    alike: Alike,
    /// Tasks that were on unreachable agents, so that their records go when the agent's does.
    unreachable_tasks: BTreeMap<AgentId, Vec<(FrameworkId, TaskId)>>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            view: AgentsView {
                registered: OrdMap::new(),
                recovered: OrdMap::new(),
                unreachable: OrdMap::new(),
                gone: OrdMap::new(),
                removed: Bounded::new(REMOVED_AGENTS_MAX),
                total: Resources::default(),
                connected: 0,
            },
            by_pid: ByPid::default(),
            alike: Alike::default(),
            unreachable_tasks: BTreeMap::new(),
        }
    }
}

impl Agents {
    pub(crate) const fn view(&self) -> &AgentsView {
        &self.view
    }

    pub(crate) fn get(&self, id: &AgentId) -> Option<&Arc<Agent>> {
        self.view.registered.get(id)
    }

    /// The agent, to change; copied first if a snapshot still shows it.
    pub(crate) fn get_mut(&mut self, id: &AgentId) -> Option<&mut Agent> {
        self.view.registered.get_mut(id).map(Arc::make_mut)
    }

    pub(crate) fn by_pid(&self, pid: &Pid) -> Option<&Arc<Agent>> {
        self.by_pid.get(pid, &self.view.registered)
    }

    pub(crate) fn insert(&mut self, mut agent: Agent) {
        self.alike.share(&mut agent);
        self.view.total += agent.total.scalars();
        self.view.connected += usize::from(agent.is_connected());
        self.view.recovered.remove(&agent.id);
        self.view.removed.remove(&agent.id);
        let (id, pid) = (agent.id.clone(), agent.pid.clone());
        self.view.registered.insert(id.clone(), Arc::new(agent));
        self.by_pid.insert(&pid, id, &self.view.registered);
    }

    /// What frameworks use of the agent is kept once, if they use as much of others. To be
    /// called when much has been added to it.
    pub(crate) fn share_used(&mut self, id: &AgentId) {
        if let Some(agent) = self.view.registered.get_mut(id) {
            self.alike.share_used(Arc::make_mut(agent));
        }
    }

    pub(crate) fn remove(&mut self, id: &AgentId) -> Option<Arc<Agent>> {
        let agent = self.view.registered.remove(id)?;
        self.view.total -= agent.total.scalars();
        self.view.connected -= usize::from(agent.is_connected());
        self.by_pid.remove(&agent.pid, id);
        self.view.removed.insert(id.clone(), ());
        Some(agent)
    }

    pub(crate) fn disconnect(&mut self, id: &AgentId) {
        if let Some(agent) = self.view.registered.get_mut(id).map(Arc::make_mut)
            && agent.is_connected()
        {
            agent.disconnect();
            self.view.connected -= 1;
        }
    }

    /// A registered agent is back, perhaps at another pid.
    pub(crate) fn return_as(&mut self, id: &AgentId, pid: &Pid, arrival: Arrival, now: Time) {
        let Some(agent) = self.view.registered.get_mut(id).map(Arc::make_mut) else {
            return;
        };
        self.view.connected += usize::from(!agent.is_connected());
        self.view.total -= agent.total.scalars();
        let former = std::mem::replace(&mut agent.pid, pid.clone());
        agent.return_as(arrival, now);
        self.alike.share(agent);
        self.view.total += agent.total.scalars();
        if former != *pid {
            self.by_pid.remove(&former, id);
            self.by_pid.insert(pid, id.clone(), &self.view.registered);
        }
    }

    /// The agent has other resources now.
    pub(crate) fn set_total(
        &mut self,
        id: &AgentId,
        total: Arc<Resources>,
        version: Option<crate::env::Uuid>,
    ) {
        if let Some(agent) = self.view.registered.get_mut(id).map(Arc::make_mut) {
            self.view.total -= agent.total.scalars();
            self.view.total += total.scalars();
            agent.set_total(total, version);
        }
    }

    pub(crate) fn recover(&mut self, id: AgentId, info: v1::AgentInfo) {
        self.view.recovered.insert(id, Arc::new(info));
    }

    pub(crate) fn forget_recovered(&mut self, id: &AgentId) -> Option<Arc<v1::AgentInfo>> {
        self.view.recovered.remove(id)
    }

    pub(crate) fn add_unreachable(&mut self, id: AgentId, since: Time) {
        self.view.unreachable.insert(id, since);
    }

    /// The agent is not unreachable any more; gives the tasks that were on it.
    pub(crate) fn remove_unreachable(&mut self, id: &AgentId) -> Vec<(FrameworkId, TaskId)> {
        self.view.unreachable.remove(id);
        self.unreachable_tasks.remove(id).unwrap_or_default()
    }

    pub(crate) fn add_unreachable_task(
        &mut self,
        id: &AgentId,
        framework: FrameworkId,
        task: TaskId,
    ) {
        self.unreachable_tasks
            .entry(id.clone())
            .or_default()
            .push((framework, task));
    }

    pub(crate) fn add_gone(&mut self, id: AgentId, since: Time) {
        self.view.gone.insert(id, since);
    }

    pub(crate) fn remove_gone(&mut self, id: &AgentId) {
        self.view.gone.remove(id);
    }
}
