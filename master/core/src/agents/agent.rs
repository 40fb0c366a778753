//! One registered agent.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use messages::v1;
use messages::v1::agent_info::capability::Type;
use model::Resources;
use model::ids::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId};
use runtime_core::Pid;

use super::AgentCapabilities;
use super::load::Load;
use crate::allocator::{self, AgentFacts};
use crate::description::Description;
use crate::env::{Time, Uuid};

/// An agent that has registered with this master: what it is, what it has, and what
/// runs on it.
#[derive(Debug, Clone)]
pub struct Agent {
    pub(super) id: AgentId,
    /// Shared with the allocator.
    pub(super) info: Arc<Description>,
    pub(super) own: Arc<Resources>,
    pub(super) pid: Pid,
    pub(super) version: Arc<str>,
    pub(super) capabilities: AgentCapabilities,
    pub(super) connection: AgentConnection,
    pub(super) registered: Time,
    pub(super) reregistered: Option<Time>,
    /// Shared with `own` as long as it is the same, and both with other agents that have the
    /// same.
    pub(super) total: Arc<Resources>,
    /// What runs on it, and what is offered of it.
    pub(super) load: Arc<Load>,
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

    /// What it said of itself, without its resources; [`Self::to_info`] has them too.
    pub fn info(&self) -> &Description {
        &self.info
    }

    /// What it said of itself, word for word.
    pub fn to_info(&self) -> v1::AgentInfo {
        v1::AgentInfo {
            id: Some(self.id.to_proto()),
            resources: self.own.to_proto(),
            ..self.info.to_proto()
        }
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
        self.info.hostname()
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

    pub(crate) const fn total_shared(&self) -> &Arc<Resources> {
        &self.total
    }

    /// What outstanding offers hold of it.
    pub fn offered(&self) -> &Resources {
        self.load.offered()
    }

    /// What live tasks and executors use of it, by framework; a framework without use
    /// is absent.
    pub fn used(&self) -> &OrdMap<FrameworkId, Arc<Resources>> {
        &self.load.used
    }

    /// What live tasks and executors use of it, of all frameworks.
    pub fn total_used(&self) -> Resources {
        let mut sum = Resources::default();
        for used in self.load.used.values() {
            sum += &**used;
        }
        sum
    }

    /// Its tasks, including those that ended but are not acknowledged yet.
    pub fn tasks(&self) -> &OrdSet<(FrameworkId, TaskId)> {
        &self.load.tasks
    }

    /// Its tasks of one framework.
    pub fn tasks_of<'a>(
        &'a self,
        framework: &'a FrameworkId,
    ) -> impl Iterator<Item = &'a TaskId> + 'a {
        self.load
            .tasks
            .range((framework.clone(), TaskId::from(""))..)
            .take_while(move |(owner, _)| owner == framework)
            .map(|(_, task)| task)
    }

    /// Its executors.
    pub fn executors(&self) -> &OrdSet<(FrameworkId, ExecutorId)> {
        &self.load.executors
    }

    /// Its executors of one framework.
    pub fn executors_of<'a>(
        &'a self,
        framework: &'a FrameworkId,
    ) -> impl Iterator<Item = &'a ExecutorId> + 'a {
        self.load
            .executors
            .range((framework.clone(), ExecutorId::from(""))..)
            .take_while(move |(owner, _)| owner == framework)
            .map(|(_, executor)| executor)
    }

    /// Outstanding offers of its resources.
    pub fn offers(&self) -> &OrdSet<OfferId> {
        &self.load.offers
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
        AgentFacts {
            info: Arc::clone(&self.info),
            capabilities,
        }
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
        *self.info == Description::new(&arrival.info) && self.own == arrival.own
    }

    /// Changes what is on it.
    pub(super) fn change<R>(&mut self, change: impl FnOnce(&mut Load) -> R) -> R {
        let result = change(Arc::make_mut(&mut self.load));
        if self.load.is_none() {
            self.load = Load::none();
        }
        result
    }

    pub(crate) fn use_resources(&mut self, framework: &FrameworkId, resources: &Arc<Resources>) {
        self.change(|load| match load.used.get_mut(framework) {
            Some(used) => *Arc::make_mut(used) += &**resources,
            None if resources.is_empty() => {}
            None => {
                let used = Arc::clone(resources);
                load.used.insert(framework.clone(), used);
            }
        });
    }

    pub(crate) fn release(&mut self, framework: &FrameworkId, resources: &Resources) {
        self.change(|load| {
            if let Some(used) = load.used.get_mut(framework) {
                *Arc::make_mut(used) -= resources;
                if used.is_empty() {
                    load.used.remove(framework);
                }
            }
        });
    }

    pub(crate) fn add_task(&mut self, framework: &FrameworkId, task: &TaskId) {
        let key = (framework.clone(), task.clone());
        self.change(|load| load.tasks.insert(key));
    }

    pub(crate) fn remove_task(&mut self, framework: &FrameworkId, task: &TaskId) {
        let key = (framework.clone(), task.clone());
        self.change(|load| {
            load.tasks.remove(&key);
            load.killed.remove(&key);
        });
    }

    pub(crate) fn add_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) {
        let key = (framework.clone(), executor.clone());
        self.change(|load| load.executors.insert(key));
    }

    pub(crate) fn remove_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) {
        let key = (framework.clone(), executor.clone());
        self.change(|load| load.executors.remove(&key));
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
        self.change(|load| load.on_their_way.insert(key, executor.clone()));
    }

    /// By which tasks it hears of executors that it did not report, if it gets them.
    pub(crate) fn await_tasks(&mut self, tasks: OrdMap<(FrameworkId, TaskId), ExecutorId>) {
        self.change(|load| load.on_their_way = tasks);
    }

    /// The executor that it hears of by this task, if it gets the task.
    pub(crate) fn awaited_by(&self, framework: &FrameworkId, task: &TaskId) -> Option<&ExecutorId> {
        let awaited = &self.load.on_their_way;
        if awaited.is_empty() {
            return None;
        }
        awaited.get(&(framework.clone(), task.clone()))
    }

    /// It never got the task. Says whether it may still hear of the executor by another one.
    pub(crate) fn missed_task(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        executor: &ExecutorId,
    ) -> bool {
        let key = (framework.clone(), task.clone());
        self.change(|load| {
            load.on_their_way.remove(&key);
            load.on_their_way
                .iter()
                .any(|((of, _), by)| of == framework && by == executor)
        })
    }

    /// It has heard of the executor, or will not.
    pub(crate) fn confirm_executor(&mut self, framework: &FrameworkId, executor: &ExecutorId) {
        if self.load.on_their_way.is_empty() {
            return;
        }
        self.change(|load| {
            let rest = std::mem::take(&mut load.on_their_way).into_iter();
            load.on_their_way = rest
                .filter(|((of, _), by)| of != framework || by != executor)
                .collect();
        });
    }

    pub(crate) fn add_offer(&mut self, offer: &OfferId, resources: &Resources) {
        self.change(|load| {
            load.offers.insert(offer.clone());
            load.add_offered(resources);
        });
    }

    pub(crate) fn remove_offer(&mut self, offer: &OfferId, resources: &Resources) {
        self.change(|load| {
            load.offers.remove(offer);
            load.remove_offered(resources);
        });
    }

    /// Remembers a kill that could not be sent, up to
    /// [`KILLED_TASKS_MAX`](crate::limits::KILLED_TASKS_MAX) (M42).
    pub(crate) fn remember_kill(&mut self, framework: &FrameworkId, task: &TaskId) {
        if self.load.killed.len() < crate::limits::KILLED_TASKS_MAX {
            let key = (framework.clone(), task.clone());
            self.change(|load| load.killed.insert(key));
        }
    }

    pub(crate) fn was_killed(&self, framework: &FrameworkId, task: &TaskId) -> bool {
        self.load
            .killed
            .contains(&(framework.clone(), task.clone()))
    }

    pub(crate) const fn disconnect(&mut self) {
        self.connection = AgentConnection::Disconnected;
        self.epoch = self.epoch.wrapping_add(1);
    }

    /// The agent is back, perhaps with another description.
    pub(crate) fn return_as(&mut self, arrival: Arrival, now: Time) {
        self.info = Arc::new(Description::new(&arrival.info));
        self.total = Arc::clone(&arrival.own);
        self.own = arrival.own;
        self.version = arrival.version;
        self.capabilities = arrival.capabilities;
        self.resource_version = arrival.resource_version;
        self.connection = AgentConnection::Active;
        self.reregistered = Some(now);
        self.epoch = self.epoch.wrapping_add(1);
    }

    pub(crate) fn set_total(&mut self, total: Arc<Resources>, version: Option<Uuid>) {
        self.total = total;
        if version.is_some() {
            self.resource_version = version;
        }
    }
}

/// What an agent says of itself when it registers or returns.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Without resources.
    pub(crate) info: v1::AgentInfo,
    pub(crate) own: Arc<Resources>,
    pub(crate) version: Arc<str>,
    pub(crate) capabilities: AgentCapabilities,
    pub(crate) resource_version: Option<Uuid>,
}

impl Arrival {
    /// What the agent says of itself, word for word.
    pub(crate) fn full_info(&self) -> v1::AgentInfo {
        v1::AgentInfo {
            resources: self.own.to_proto(),
            ..self.info.clone()
        }
    }

    /// A fresh record of the agent. What it said is copied: it lies among what came with it,
    /// and with the messages of others, all of which goes.
    pub(crate) fn into_agent(self, id: AgentId, pid: Pid, now: Time) -> Agent {
        Agent {
            id,
            info: Arc::new(Description::new(&self.info)),
            total: Arc::clone(&self.own),
            own: self.own,
            pid,
            version: self.version,
            capabilities: self.capabilities,
            connection: AgentConnection::Active,
            registered: now,
            reregistered: None,
            load: Load::none(),
            resource_version: self.resource_version,
            epoch: 0,
        }
    }
}
