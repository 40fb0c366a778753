//! One registered agent.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use messages::v1;
use messages::v1::agent_info::capability::Type;
use model::Resources;
use model::ids::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId};
use runtime_core::Pid;

use super::AgentCapabilities;
use crate::allocator::{self, AgentFacts};
use crate::env::{Time, Uuid};

/// An agent that has registered with this master: what it is, what it has, and what
/// runs on it.
#[derive(Debug, Clone)]
pub struct Agent {
    pub(super) id: AgentId,
    /// Without resources, which take much room in this form.
    pub(super) info: Arc<v1::AgentInfo>,
    pub(super) own: Arc<Resources>,
    pub(super) pid: Pid,
    pub(super) version: Arc<str>,
    pub(super) capabilities: AgentCapabilities,
    pub(super) connection: AgentConnection,
    pub(super) registered: Time,
    pub(super) reregistered: Option<Time>,
    /// Shared with `own` as long as it is the same.
    pub(super) total: Arc<Resources>,
    pub(super) offered: Resources,
    /// Shared, since a node of the map has room for many.
    pub(super) used: OrdMap<FrameworkId, Arc<Resources>>,
    pub(super) tasks: OrdSet<(FrameworkId, TaskId)>,
    pub(super) executors: OrdSet<(FrameworkId, ExecutorId)>,
    /// Tasks by which it is to be heard whether one of `executors` runs: sent to it, or not
    /// reported when it came back, since their launch was on its way or lost.
    pub(super) on_their_way: OrdMap<(FrameworkId, TaskId), ExecutorId>,
    pub(super) offers: OrdSet<OfferId>,
    pub(super) killed: OrdSet<(FrameworkId, TaskId)>,
    pub(super) resource_version: Option<Uuid>,
    /// Grows with each return and disconnection, so that old timers are told from new
    /// ones.
    pub(super) epoch: u64,
}

/// Whether an agent can be reached, and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentConnection {
    /// Connected; its resources are offered.
    Active,
    /// Its connection broke; it has some time to return (M18).
    Disconnected,
}

impl Agent {
    /// The id that a master gave it (M8).
    pub const fn id(&self) -> &AgentId {
        &self.id
    }

    /// What it said of itself, without its resources; [`Self::full_info`] has them too.
    pub fn info(&self) -> &v1::AgentInfo {
        &self.info
    }

    /// What it said of itself, word for word.
    pub fn full_info(&self) -> v1::AgentInfo {
        full(&self.info, &self.own)
    }

    /// The resources that it said it has; see [`Self::total`].
    pub fn own_resources(&self) -> &Resources {
        &self.own
    }

    /// Where it receives messages.
    pub const fn pid(&self) -> &Pid {
        &self.pid
    }

    /// The name of its machine.
    pub fn hostname(&self) -> &str {
        &self.info.hostname
    }

    /// The version of its program.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it can do (M45).
    pub const fn capabilities(&self) -> AgentCapabilities {
        self.capabilities
    }

    /// Whether it is connected.
    pub const fn is_connected(&self) -> bool {
        matches!(self.connection, AgentConnection::Active)
    }

    /// Whether its resources are offered.
    pub const fn is_active(&self) -> bool {
        matches!(self.connection, AgentConnection::Active)
    }

    /// When it first registered with this master.
    pub const fn registered(&self) -> Time {
        self.registered
    }

    /// When it last re-registered with this master, if it did.
    pub const fn reregistered(&self) -> Option<Time> {
        self.reregistered
    }

    /// All that it has.
    pub fn total(&self) -> &Resources {
        &self.total
    }

    /// What outstanding offers hold of it.
    pub const fn offered(&self) -> &Resources {
        &self.offered
    }

    /// What live tasks and executors use of it, by framework; a framework without use
    /// is absent.
    pub const fn used(&self) -> &OrdMap<FrameworkId, Arc<Resources>> {
        &self.used
    }

    /// What live tasks and executors use of it, of all frameworks.
    pub fn total_used(&self) -> Resources {
        let mut sum = Resources::default();
        for used in self.used.values() {
            sum += &**used;
        }
        sum
    }

    /// Its tasks, including those that ended but are not acknowledged yet.
    pub const fn tasks(&self) -> &OrdSet<(FrameworkId, TaskId)> {
        &self.tasks
    }

    /// Its tasks of one framework.
    pub fn tasks_of<'a>(
        &'a self,
        framework: &'a FrameworkId,
    ) -> impl Iterator<Item = &'a TaskId> + 'a {
        self.tasks
            .range((framework.clone(), TaskId::from(""))..)
            .take_while(move |(owner, _)| owner == framework)
            .map(|(_, task)| task)
    }

    /// Its executors.
    pub const fn executors(&self) -> &OrdSet<(FrameworkId, ExecutorId)> {
        &self.executors
    }

    /// Its executors of one framework.
    pub fn executors_of<'a>(
        &'a self,
        framework: &'a FrameworkId,
    ) -> impl Iterator<Item = &'a ExecutorId> + 'a {
        self.executors
            .range((framework.clone(), ExecutorId::from(""))..)
            .take_while(move |(owner, _)| owner == framework)
            .map(|(_, executor)| executor)
    }

    /// Outstanding offers of its resources.
    pub const fn offers(&self) -> &OrdSet<OfferId> {
        &self.offers
    }

    /// Whether it reads `reservations` in resources, instead of `role`.
    pub fn reads_reservations(&self) -> bool {
        self.capabilities.has(Type::ReservationRefinement)
    }

    /// The version of its resources, which operations must name.
    pub const fn resource_version(&self) -> Option<Uuid> {
        self.resource_version
    }
}

/// Changes; only [`super::Agents`] and the conversations make them.
impl Agent {
    /// What the allocator must know of it.
    pub(crate) fn facts(&self) -> AgentFacts {
        let capabilities = allocator::AgentCapabilities {
            multi_role: self.capabilities.has(Type::MultiRole),
            hierarchical_role: self.capabilities.has(Type::HierarchicalRole),
        };
        AgentFacts::new(&self.info, capabilities)
    }

    /// The agent was known to an earlier master, or was unreachable.
    pub(crate) const fn mark_returned(&mut self, now: Time) {
        self.reregistered = Some(now);
    }

    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether it says of itself what it said before.
    pub(crate) fn is_as(&self, arrival: &Arrival) -> bool {
        self.info == arrival.info && self.own == arrival.own
    }

    pub(crate) fn use_resources(&mut self, framework: &FrameworkId, resources: &Resources) {
        let used = self.used.entry(framework.clone()).or_default();
        *Arc::make_mut(used) += resources;
    }

    pub(crate) fn release(&mut self, framework: &FrameworkId, resources: &Resources) {
        if let Some(used) = self.used.get_mut(framework) {
            *Arc::make_mut(used) -= resources;
            if used.is_empty() {
                self.used.remove(framework);
            }
        }
    }

    pub(crate) fn add_task(&mut self, framework: &FrameworkId, task: &TaskId) {
        self.tasks.insert((framework.clone(), task.clone()));
    }

    pub(crate) fn remove_task(&mut self, framework: &FrameworkId, task: &TaskId) {
        let key = (framework.clone(), task.clone());
        self.tasks.remove(&key);
        self.killed.remove(&key);
    }

    pub(crate) fn add_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) {
        self.executors.insert((framework.clone(), executor.clone()));
    }

    pub(crate) fn remove_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) {
        let key = (framework.clone(), executor.clone());
        self.executors.remove(&key);
        self.confirm_executor(framework, executor);
    }

    /// A task is on its way to an executor that is believed to run.
    pub(crate) fn await_task(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        executor: &ExecutorId,
    ) {
        let key = (framework.clone(), task.clone());
        self.on_their_way.insert(key, executor.clone());
    }

    /// By which tasks it hears of executors that it did not report, if it gets them.
    pub(crate) fn await_tasks(&mut self, tasks: OrdMap<(FrameworkId, TaskId), ExecutorId>) {
        self.on_their_way = tasks;
    }

    /// The executor that it hears of by this task, if it gets the task.
    pub(crate) fn awaited_by(&self, framework: &FrameworkId, task: &TaskId) -> Option<&ExecutorId> {
        if self.on_their_way.is_empty() {
            return None;
        }
        self.on_their_way.get(&(framework.clone(), task.clone()))
    }

    /// It never got the task. Says whether it may still hear of the executor by another one.
    pub(crate) fn missed_task(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        executor: &ExecutorId,
    ) -> bool {
        self.on_their_way.remove(&(framework.clone(), task.clone()));
        self.on_their_way
            .iter()
            .any(|((of, _), by)| of == framework && by == executor)
    }

    /// It has heard of the executor, or will not.
    pub(crate) fn confirm_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) {
        if self.on_their_way.is_empty() {
            return;
        }
        let rest = std::mem::take(&mut self.on_their_way).into_iter();
        self.on_their_way = rest
            .filter(|((of, _), by)| of != framework || by != executor)
            .collect();
    }

    pub(crate) fn add_offer(&mut self, offer: &OfferId, resources: &Resources) {
        self.offers.insert(offer.clone());
        self.offered += resources;
    }

    pub(crate) fn remove_offer(&mut self, offer: &OfferId, resources: &Resources) {
        self.offers.remove(offer);
        self.offered -= resources;
    }

    /// Remembers a kill that could not be sent, up to
    /// [`KILLED_TASKS_MAX`](crate::limits::KILLED_TASKS_MAX) (M42).
    pub(crate) fn remember_kill(&mut self, framework: &FrameworkId, task: &TaskId) {
        if self.killed.len() < crate::limits::KILLED_TASKS_MAX {
            self.killed.insert((framework.clone(), task.clone()));
        }
    }

    pub(crate) fn was_killed(&self, framework: &FrameworkId, task: &TaskId) -> bool {
        self.killed.contains(&(framework.clone(), task.clone()))
    }

    pub(crate) const fn disconnect(&mut self) {
        self.connection = AgentConnection::Disconnected;
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// The agent is back, perhaps with another description.
    pub(crate) fn return_as(&mut self, arrival: Arrival, now: Time) {
        self.info = arrival.info;
        self.total = Arc::clone(&arrival.own);
        self.own = arrival.own;
        self.version = arrival.version;
        self.capabilities = arrival.capabilities;
        self.resource_version = arrival.resource_version;
        self.connection = AgentConnection::Active;
        self.reregistered = Some(now);
        self.epoch = self.epoch.wrapping_add(1);
    }

    pub(crate) fn set_total(&mut self, total: Resources, version: Option<Uuid>) {
        self.total = Arc::new(total);
        if version.is_some() {
            self.resource_version = version;
        }
    }
}

/// What an agent says of itself when it registers or returns.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Without resources.
    pub(crate) info: Arc<v1::AgentInfo>,
    pub(crate) own: Arc<Resources>,
    pub(crate) version: Arc<str>,
    pub(crate) capabilities: AgentCapabilities,
    pub(crate) resource_version: Option<Uuid>,
}

impl Arrival {
    /// What the agent says of itself, word for word.
    pub(crate) fn full_info(&self) -> v1::AgentInfo {
        full(&self.info, &self.own)
    }

    /// A fresh record of the agent.
    pub(crate) fn into_agent(self, id: AgentId, pid: Pid, now: Time) -> Agent {
        Agent {
            id,
            info: self.info,
            total: Arc::clone(&self.own),
            own: self.own,
            pid,
            version: self.version,
            capabilities: self.capabilities,
            connection: AgentConnection::Active,
            registered: now,
            reregistered: None,
            offered: Resources::default(),
            used: OrdMap::new(),
            tasks: OrdSet::new(),
            executors: OrdSet::new(),
            on_their_way: OrdMap::new(),
            offers: OrdSet::new(),
            killed: OrdSet::new(),
            resource_version: self.resource_version,
            epoch: 0,
        }
    }
}

fn full(info: &v1::AgentInfo, resources: &Resources) -> v1::AgentInfo {
    v1::AgentInfo {
        resources: resources.to_proto(),
        ..info.clone()
    }
}
