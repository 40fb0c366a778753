//! One framework.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use imbl::{OrdMap, OrdSet, Vector};
use messages::internal::UpdateFrameworkMessage;
use messages::v1;
use model::ids::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId};
use model::{Resources, Role};
use runtime_core::Pid;

use super::{FrameworkCapabilities, FrameworkMetrics};
use crate::bounded::Bounded;
use crate::config::Config;
use crate::connection::Connection;
use crate::counts::TaskCounts;
use crate::env::Time;
use crate::executor::Executor;
use crate::task::Task;

/// A framework: what it is, how it is connected, and what it runs.
#[derive(Debug, Clone)]
pub struct Framework {
    pub(super) id: FrameworkId,
    pub(super) info: Arc<v1::FrameworkInfo>,
    pub(super) roles: Arc<BTreeSet<Role>>,
    pub(super) suppressed: Arc<BTreeSet<Role>>,
    pub(super) offer_constraints: Option<Arc<v1::scheduler::OfferConstraints>>,
    pub(super) capabilities: FrameworkCapabilities,
    pub(super) state: FrameworkState,
    pub(super) connection: Option<Connection>,
    pub(super) epoch: u64,
    pub(super) registered: Time,
    pub(super) reregistered: Time,
    pub(super) unregistered: Option<Time>,
    pub(super) tasks: OrdMap<TaskId, Arc<Task>>,
    pub(super) unreachable_tasks: Bounded<TaskId, Arc<Task>>,
    pub(super) completed_tasks: Vector<Arc<Task>>,
    pub(super) completed_limit: usize,
    pub(super) executors: OrdMap<(AgentId, ExecutorId), Arc<Executor>>,
    pub(super) presence: OrdMap<AgentId, u32>,
    pub(super) offers: OrdSet<OfferId>,
    pub(super) used: Resources,
    /// How many of its live tasks and executors use more than amounts.
    pub(super) beyond_amounts: u32,
    pub(super) offered: Resources,
    pub(super) counts: TaskCounts,
    pub(super) metrics: Arc<FrameworkMetrics>,
    /// What the last task was given; tasks of one framework are often alike.
    pub(super) last_resources: Option<Arc<Resources>>,
    /// Whether its scheduler has ever said the framework's id, and so knows it.
    pub(super) has_said_id: bool,
    /// What agents are told of it: made once, since each agent that returns is told.
    pub(super) told: OnceLock<Arc<UpdateFrameworkMessage>>,
}

/// Where a framework stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameworkState {
    /// Known from agents only: it has not subscribed since this master was elected (M30).
    Recovered,
    /// Its connection broke; it has its failover timeout to return (M29).
    Disconnected,
    /// Connected, but it asked for no offers (a driver that aborts).
    Inactive,
    /// Connected; it gets offers.
    Active,
}

impl Framework {
    /// A framework that has not connected yet.
    pub(crate) fn new(
        id: FrameworkId,
        info: Arc<v1::FrameworkInfo>,
        config: &Config,
        now: Time,
    ) -> Self {
        Self {
            id,
            roles: Arc::new(roles_of(&info)),
            suppressed: Arc::default(),
            offer_constraints: None,
            capabilities: FrameworkCapabilities::from_proto(&info.capabilities),
            info,
            state: FrameworkState::Recovered,
            connection: None,
            epoch: 0,
            registered: now,
            reregistered: now,
            unregistered: None,
            tasks: OrdMap::new(),
            unreachable_tasks: Bounded::new(config.max_unreachable_tasks_per_framework),
            completed_tasks: Vector::new(),
            completed_limit: config.max_completed_tasks_per_framework,
            executors: OrdMap::new(),
            presence: OrdMap::new(),
            offers: OrdSet::new(),
            used: Resources::default(),
            beyond_amounts: 0,
            offered: Resources::default(),
            counts: TaskCounts::default(),
            metrics: Arc::default(),
            last_resources: None,
            has_said_id: false,
            told: OnceLock::new(),
        }
    }

    /// The id that a master gave it (M8).
    pub const fn id(&self) -> &FrameworkId {
        &self.id
    }

    /// What it said of itself, with its id.
    pub fn info(&self) -> &v1::FrameworkInfo {
        &self.info
    }

    /// The roles it is subscribed to.
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// The roles it wants no offers for at the moment.
    pub fn suppressed(&self) -> &BTreeSet<Role> {
        &self.suppressed
    }

    /// What offers it wants, as it said when it subscribed (V14).
    pub fn offer_constraints(&self) -> Option<&v1::scheduler::OfferConstraints> {
        self.offer_constraints.as_deref()
    }

    /// What it can do (M45).
    pub const fn capabilities(&self) -> FrameworkCapabilities {
        self.capabilities
    }

    /// Where it stands.
    pub const fn state(&self) -> FrameworkState {
        self.state
    }

    /// Whether it is connected.
    pub const fn is_connected(&self) -> bool {
        matches!(
            self.state,
            FrameworkState::Active | FrameworkState::Inactive
        )
    }

    /// Whether it gets offers.
    pub const fn is_active(&self) -> bool {
        matches!(self.state, FrameworkState::Active)
    }

    /// Whether it is known from agents only.
    pub const fn is_recovered(&self) -> bool {
        matches!(self.state, FrameworkState::Recovered)
    }

    /// How it is, or was last, connected.
    pub const fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// When it first subscribed with this master.
    pub const fn registered(&self) -> Time {
        self.registered
    }

    /// When it last subscribed; the same as [`Self::registered`] if it did so once.
    pub const fn reregistered(&self) -> Time {
        self.reregistered
    }

    /// When it was removed; set on completed frameworks only.
    pub const fn unregistered(&self) -> Option<Time> {
        self.unregistered
    }

    /// Its tasks, including those that ended but are not acknowledged yet.
    pub const fn tasks(&self) -> &OrdMap<TaskId, Arc<Task>> {
        &self.tasks
    }

    /// The task of this id.
    pub fn task(&self, id: &TaskId) -> Option<&Arc<Task>> {
        self.tasks.get(id)
    }

    /// Tasks on agents that cannot be reached, up to a limit (M52).
    pub const fn unreachable_tasks(&self) -> &Bounded<TaskId, Arc<Task>> {
        &self.unreachable_tasks
    }

    /// Tasks that ended, oldest first, up to a limit (M52).
    pub const fn completed_tasks(&self) -> &Vector<Arc<Task>> {
        &self.completed_tasks
    }

    /// Its custom and default executors.
    pub const fn executors(&self) -> &OrdMap<(AgentId, ExecutorId), Arc<Executor>> {
        &self.executors
    }

    /// The executor of this id on this agent.
    pub fn executor(&self, agent: &AgentId, id: &ExecutorId) -> Option<&Arc<Executor>> {
        self.executors.get(&(agent.clone(), id.clone()))
    }

    /// The agents that it has tasks or executors on, with the number of both.
    pub const fn presence(&self) -> &OrdMap<AgentId, u32> {
        &self.presence
    }

    /// Its outstanding offers.
    pub const fn offers(&self) -> &OrdSet<OfferId> {
        &self.offers
    }

    /// What its live tasks and executors use: amounts only, since ports and the like of
    /// different agents cannot be summed. [`Snapshot::used_by`](crate::Snapshot::used_by)
    /// has them too.
    pub const fn used(&self) -> &Resources {
        &self.used
    }

    /// Whether [`Self::used`] is all that it uses.
    pub(crate) const fn uses_amounts_only(&self) -> bool {
        self.beyond_amounts == 0
    }

    /// What its outstanding offers hold: amounts only, see [`Self::used`].
    pub const fn offered(&self) -> &Resources {
        &self.offered
    }

    /// Its tasks by state, without completed and unreachable ones.
    pub const fn task_counts(&self) -> &TaskCounts {
        &self.counts
    }
}

/// The roles that a framework subscribes to; none if one is not a role, which
/// validation refuses.
fn roles_of(info: &v1::FrameworkInfo) -> BTreeSet<Role> {
    model::capabilities::framework_roles(info).unwrap_or_default()
}

/// Changes; only [`super::Frameworks`] and the conversations make them.
impl Framework {
    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What agents must know of it.
    pub(crate) fn update_message(&self) -> Arc<UpdateFrameworkMessage> {
        let make = || UpdateFrameworkMessage {
            framework_id: self.id.to_proto(),
            pid: self
                .connection
                .as_ref()
                .and_then(Connection::pid)
                .map(Pid::to_string),
            framework_info: Some((*self.info).clone()),
        };
        Arc::clone(self.told.get_or_init(|| Arc::new(make())))
    }

    /// Takes on a new description. Tasks and executors stay as they are.
    pub(crate) fn update(
        &mut self,
        info: v1::FrameworkInfo,
        suppressed: BTreeSet<Role>,
        offer_constraints: Option<v1::scheduler::OfferConstraints>,
    ) {
        self.roles = Arc::new(roles_of(&info));
        self.capabilities = FrameworkCapabilities::from_proto(&info.capabilities);
        self.suppressed = Arc::new(suppressed);
        self.offer_constraints = offer_constraints.map(Arc::new);
        self.info = Arc::new(info);
        self.told = OnceLock::new();
    }

    pub(crate) fn set_suppressed(&mut self, suppressed: BTreeSet<Role>) {
        self.suppressed = Arc::new(suppressed);
    }

    pub(crate) fn connect(&mut self, connection: Connection, now: Time) {
        if self.state == FrameworkState::Recovered {
            self.registered = now;
        }
        self.reregistered = now;
        self.connection = Some(connection);
        self.told = OnceLock::new();
        self.state = FrameworkState::Active;
        self.epoch = self.epoch.wrapping_add(1);
    }

    pub(crate) const fn has_said_id(&self) -> bool {
        self.has_said_id
    }

    pub(crate) const fn hear_id(&mut self) {
        self.has_said_id = true;
    }

    pub(crate) const fn deactivate(&mut self) {
        if self.is_active() {
            self.state = FrameworkState::Inactive;
        }
    }

    pub(crate) fn disconnect(&mut self) {
        self.state = FrameworkState::Disconnected;
        self.epoch = self.epoch.wrapping_add(1);
        if matches!(self.connection, Some(Connection::Http(_))) {
            self.connection = None;
            self.told = OnceLock::new();
        }
    }

    pub(crate) const fn complete(&mut self, now: Time) {
        self.unregistered = Some(now);
    }

    pub(crate) fn use_resources(&mut self, resources: &Resources) {
        self.used += resources.scalars();
        self.beyond_amounts += u32::from(!resources.are_amounts());
    }

    pub(crate) fn release(&mut self, resources: &Resources) {
        self.used -= resources.scalars();
        let gone = u32::from(!resources.are_amounts());
        self.beyond_amounts = self.beyond_amounts.saturating_sub(gone);
    }

    pub(crate) fn add_task(&mut self, task: Arc<Task>) {
        self.counts.add(task.state());
        self.appear(task.agent());
        self.tasks.insert(task.id().clone(), task);
    }

    pub(crate) fn task_mut(&mut self, id: &TaskId) -> Option<&mut Task> {
        self.tasks.get_mut(id).map(Arc::make_mut)
    }

    pub(crate) fn remove_task(&mut self, id: &TaskId) -> Option<Arc<Task>> {
        let task = self.tasks.remove(id)?;
        self.counts.remove(task.state());
        self.disappear(&task.agent().clone());
        Some(task)
    }

    pub(crate) const fn counts_mut(&mut self) -> &mut TaskCounts {
        &mut self.counts
    }

    pub(crate) fn metrics_mut(&mut self) -> &mut FrameworkMetrics {
        Arc::make_mut(&mut self.metrics)
    }

    pub(crate) fn add_completed(&mut self, task: Arc<Task>) {
        self.completed_tasks.push_back(task);
        while self.completed_tasks.len() > self.completed_limit {
            self.completed_tasks.pop_front();
        }
    }

    /// Whether it has acknowledged the end of `task`, which an agent reports as one that is
    /// yet to be acknowledged. It is not known of tasks that the history has dropped.
    pub(crate) fn has_acknowledged(&self, task: &Task) -> bool {
        task.is_told_ended()
            && self.completed_tasks.iter().any(|ended| {
                ended.is_acknowledged()
                    && ended.id() == task.id()
                    && ended.agent() == task.agent()
                    && ended.unacknowledged() == task.unacknowledged()
            })
    }

    /// Forgets a completed task that turned out to run.
    pub(crate) fn remove_completed(&mut self, id: &TaskId) {
        if self.completed_tasks.iter().any(|task| task.id() == id) {
            self.completed_tasks.retain(|task| task.id() != id);
        }
    }

    pub(crate) fn add_unreachable(&mut self, task: Arc<Task>) {
        self.unreachable_tasks.insert(task.id().clone(), task);
    }

    pub(crate) fn remove_unreachable(&mut self, id: &TaskId) -> Option<Arc<Task>> {
        self.unreachable_tasks.remove(id)
    }

    pub(crate) fn drain_unreachable(&mut self) -> Vec<Arc<Task>> {
        self.unreachable_tasks.drain()
    }

    pub(crate) fn add_executor(&mut self, executor: Arc<Executor>) {
        self.appear(executor.agent());
        self.executors
            .insert((executor.agent().clone(), executor.id().clone()), executor);
    }

    pub(crate) fn remove_executor(
        &mut self,
        agent: &AgentId,
        id: &ExecutorId,
    ) -> Option<Arc<Executor>> {
        let executor = self.executors.remove(&(agent.clone(), id.clone()))?;
        self.disappear(agent);
        Some(executor)
    }

    pub(crate) fn add_offer(&mut self, offer: &OfferId, resources: &Resources) {
        self.offers.insert(offer.clone());
        self.offered += resources.scalars();
    }

    pub(crate) fn remove_offer(&mut self, offer: &OfferId, resources: &Resources) {
        self.offers.remove(offer);
        self.offered -= resources.scalars();
    }

    /// `resources`, shared with the task before if that was given the same.
    pub(crate) fn share(&mut self, resources: Resources) -> Arc<Resources> {
        match &self.last_resources {
            Some(last) if **last == resources => Arc::clone(last),
            _ => {
                let shared = Arc::new(resources);
                self.last_resources = Some(Arc::clone(&shared));
                shared
            }
        }
    }

    fn appear(&mut self, agent: &AgentId) {
        *self.presence.entry(agent.clone()).or_default() += 1;
    }

    fn disappear(&mut self, agent: &AgentId) {
        if let Some(count) = self.presence.get_mut(agent) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.presence.remove(agent);
            }
        }
    }
}
