//! A task as the master keeps it: small, since there may be a million.

use std::sync::Arc;

use messages::v1;
use messages::wire::{Reader, Value, put_bytes};
use model::Resources;
use model::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use model::task_state::TaskStateExt as _;
use prost::Message as _;

use crate::encoded_task::EncodedTask;
use crate::env::Uuid;

/// One task. Parts that only views need are kept as encoded protobuf and read when
/// somebody asks.
#[derive(Debug, Clone)]
pub struct Task {
    id: TaskId,
    name: Arc<str>,
    framework: FrameworkId,
    agent: AgentId,
    executor: Option<ExecutorId>,
    state: State,
    unacknowledged: Option<(State, Uuid)>,
    is_acknowledged: bool,
    resources: Arc<Resources>,
    /// The latest status of each run of equal states, oldest first: each as an encoded
    /// `TaskStatus` without the ids that the task holds, and without data, behind its length.
    /// In one piece, since nearly all tasks are looked at when the state is read.
    statuses: Arc<[u8]>,
    /// Encoded [`v1::Task`] with only the optional parts set: labels, discovery,
    /// container, health check, kill policy, user, limits.
    details: Option<Arc<[u8]>>,
}

/// A task's state, in a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State(u8);

impl From<v1::TaskState> for State {
    fn from(state: v1::TaskState) -> Self {
        Self(state as u8)
    }
}

impl State {
    fn get(self) -> v1::TaskState {
        v1::TaskState::try_from(i32::from(self.0)).unwrap_or(v1::TaskState::TaskUnknown)
    }
}

impl Task {
    /// A task that is about to be sent to its agent.
    pub(crate) fn launched(
        info: &v1::TaskInfo,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: Arc<Resources>,
    ) -> Self {
        let user = [
            info.command.as_ref(),
            info.executor
                .as_ref()
                .and_then(|executor| executor.command.as_ref()),
        ]
        .into_iter()
        .flatten()
        .find_map(|command| command.user.clone());
        let (id, name) = id_and_name(&info.task_id.value, &info.name);
        Self {
            id,
            name,
            framework: framework.clone(),
            agent: agent.clone(),
            executor: info
                .executor
                .as_ref()
                .map(|it| ExecutorId::from(&it.executor_id)),
            state: v1::TaskState::TaskStaging.into(),
            unacknowledged: None,
            is_acknowledged: false,
            resources,
            statuses: Arc::default(),
            details: encode_details(v1::Task {
                labels: info.labels.clone(),
                discovery: info.discovery.clone(),
                container: info.container.clone(),
                health_check: info.health_check.clone(),
                kill_policy: info.kill_policy,
                limits: info.limits.clone(),
                user,
                ..v1::Task::default()
            }),
        }
    }

    /// A task as its agent reports it (M31). What was checked already is given apart; parts
    /// that are those of the task `before`, too, are shared with it.
    pub(crate) fn reported(
        task: &EncodedTask<'_>,
        framework: FrameworkId,
        agent: AgentId,
        resources: Arc<Resources>,
        before: Option<&Self>,
    ) -> Self {
        let (id, name) = id_and_name(task.id, task.name);
        let unacknowledged = task
            .update_uuid
            .and_then(Uuid::from_bytes)
            .and_then(|uuid| Some((task.update_state?.into(), uuid)));
        let details = (!task.details.is_empty()).then_some(task.details);
        let shared = before
            .filter(|before| details.is_some() && before.details.as_deref() == details)
            .and_then(|before| before.details.clone());
        Self {
            id,
            name,
            framework,
            agent,
            executor: task
                .executor
                .filter(|executor| !executor.is_empty())
                .map(ExecutorId::from),
            state: task.state.into(),
            unacknowledged,
            is_acknowledged: false,
            resources,
            statuses: joined(task.statuses.iter().map(|it| bare_status(it))),
            details: shared.or_else(|| details.map(Arc::from)),
        }
    }

    /// The task's id, unique among its framework's live tasks.
    pub const fn id(&self) -> &TaskId {
        &self.id
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The framework that launched it.
    pub const fn framework(&self) -> &FrameworkId {
        &self.framework
    }

    /// The agent that it was sent to.
    pub const fn agent(&self) -> &AgentId {
        &self.agent
    }

    /// Its executor; `None` for a command task.
    pub const fn executor(&self) -> Option<&ExecutorId> {
        self.executor.as_ref()
    }

    /// The latest state the master knows, which the framework may not have seen yet (M36).
    pub fn state(&self) -> v1::TaskState {
        self.state.get()
    }

    /// State and uuid of the update that the framework has yet to acknowledge, or of the task's
    /// end if it has [acknowledged that](Self::is_acknowledged).
    pub fn unacknowledged(&self) -> Option<(v1::TaskState, Uuid)> {
        self.unacknowledged.map(|(state, uuid)| (state.get(), uuid))
    }

    /// Whether the framework has acknowledged how the task ended.
    pub const fn is_acknowledged(&self) -> bool {
        self.is_acknowledged
    }

    /// The state that the framework has been told: what reconciliation answers (M41).
    pub fn told_state(&self) -> v1::TaskState {
        self.unacknowledged
            .map_or(self.state, |(state, _)| state)
            .get()
    }

    /// Whether its framework was told how it ended, rather than that it is lost: what is lost
    /// with its agent may come back.
    pub fn is_told_ended(&self) -> bool {
        let told = self.told_state();
        told.is_terminal() && told != v1::TaskState::TaskLost
    }

    /// What it was given, allocated to a role; without its executor's part.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    pub(crate) fn resources_shared(&self) -> Arc<Resources> {
        Arc::clone(&self.resources)
    }

    /// The role that its resources are allocated to.
    pub fn role(&self) -> Option<model::Role> {
        self.resources.allocations().into_keys().next()
    }

    /// Whether it still holds resources: neither ended nor unreachable (M40).
    pub fn is_live(&self) -> bool {
        let state = self.state();
        !state.is_terminal() && state != v1::TaskState::TaskUnreachable
    }

    /// The statuses, oldest first: the latest of each run of equal states.
    pub fn statuses(&self) -> impl Iterator<Item = v1::TaskStatus> + '_ {
        let statuses = self.encoded_statuses();
        statuses.map(|bytes| self.decode_status(bytes))
    }

    /// The latest status.
    pub fn last_status(&self) -> Option<v1::TaskStatus> {
        let last = self.encoded_statuses().last();
        last.map(|bytes| self.decode_status(bytes))
    }

    /// The whole task as protobuf, for GET_TASKS and the like.
    pub fn to_proto(&self) -> v1::Task {
        let details = self.details();
        v1::Task {
            name: self.name.to_string(),
            task_id: self.id.to_proto(),
            framework_id: self.framework.to_proto(),
            executor_id: self.executor.as_ref().map(ExecutorId::to_proto),
            agent_id: self.agent.to_proto(),
            state: self.state().into(),
            resources: self.resources.to_proto(),
            statuses: self.statuses().collect(),
            status_update_state: self.unacknowledged().map(|(state, _)| state.into()),
            status_update_uuid: self
                .unacknowledged
                .map(|(_, uuid)| uuid.bytes().to_vec().into()),
            ..details
        }
    }

    /// A [`v1::Task`] of which only labels, discovery, container, health check, kill
    /// policy, user and limits mean anything.
    pub fn details(&self) -> v1::Task {
        self.details
            .as_deref()
            .and_then(|bytes| v1::Task::decode(bytes).ok())
            .unwrap_or_default()
    }

    /// The statuses as they are kept: encoded [`v1::TaskStatus`] without the ids that the
    /// task itself has.
    pub(crate) fn encoded_statuses(&self) -> impl Iterator<Item = &[u8]> {
        let mut reader = Reader::new(&self.statuses);
        std::iter::from_fn(move || match reader.field() {
            Ok(Some((_, Value::Length(status)))) => Some(status),
            _ => None,
        })
    }

    /// Reads a little of each part, so that what reads all of them soon finds them in the
    /// processor's cache: `step` by step, since the parts are known only when the task is.
    pub(crate) fn touch(&self, step: Touch) -> u8 {
        match step {
            Touch::Task => self.state.0 ^ u8::from(self.details.is_some()),
            Touch::Parts => {
                let parts = [
                    self.id.as_str().as_bytes(),
                    self.agent.as_str().as_bytes(),
                    self.statuses.as_ref(),
                    self.details.as_deref().unwrap_or_default(),
                ];
                let lines = parts.iter().flat_map(|part| part.iter().step_by(LINE));
                lines.fold(0, |sum, byte| sum ^ byte)
            }
        }
    }

    /// [`Self::details`] as they are kept.
    pub(crate) fn encoded_details(&self) -> Option<&[u8]> {
        self.details.as_deref()
    }

    /// Takes a new status in and says whether it is of another state than the one
    /// before. A state that ended is never left.
    pub(crate) fn push_status(&mut self, status: &v1::TaskStatus, latest: v1::TaskState) -> bool {
        if !self.state().is_terminal() {
            self.state = latest.into();
        }
        let mut statuses: Vec<&[u8]> = self.encoded_statuses().collect();
        let last = statuses.last().and_then(|last| state_of(last));
        let same = last.is_some_and(|last| u64::try_from(status.state) == Ok(last));
        if same {
            statuses.pop();
        }
        let latest = bare_status(&status.encode_to_vec());
        statuses.push(&latest);
        self.statuses = joined(statuses.into_iter());
        !same
    }

    /// Remembers which update the framework must acknowledge next.
    pub(crate) fn set_unacknowledged(&mut self, state: v1::TaskState, uuid: Uuid) {
        self.unacknowledged = Some((state.into(), uuid));
    }

    /// Remembers that the framework has acknowledged how the task ended.
    pub(crate) const fn acknowledge_end(&mut self) {
        self.is_acknowledged = true;
    }

    fn decode_status(&self, bytes: &[u8]) -> v1::TaskStatus {
        let status = v1::TaskStatus::decode(bytes).unwrap_or_default();
        let executor = self.executor_of(status.source);
        v1::TaskStatus {
            task_id: self.id.to_proto(),
            agent_id: Some(self.agent.to_proto()),
            executor_id: executor.map(|value| v1::ExecutorId {
                value: value.to_owned(),
            }),
            ..status
        }
    }

    /// The executor that a status from `source` names. That of a command task is the
    /// agent's own and has the task's id; the master does not know of it.
    pub(crate) fn executor_of(&self, source: Option<i32>) -> Option<&str> {
        let is_masters = source == Some(v1::task_status::Source::Master.into());
        match &self.executor {
            Some(executor) => Some(executor.as_str()),
            None => (!is_masters && source.is_some()).then(|| self.id.as_str()),
        }
    }
}

/// What of a task is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Touch {
    Task,
    Parts,
}

/// So many bytes the processor reads at once.
const LINE: usize = 64;

/// Id and name, sharing one text when they are the same.
fn id_and_name(id: &str, name: &str) -> (TaskId, Arc<str>) {
    let text: Arc<str> = Arc::from(id);
    let name = if name == id {
        Arc::clone(&text)
    } else {
        Arc::from(name)
    };
    (TaskId::new(text), name)
}

/// Statuses in one piece, as a message has them.
fn joined<S: AsRef<[u8]>>(statuses: impl Iterator<Item = S>) -> Arc<[u8]> {
    let mut joined = Vec::new();
    for status in statuses {
        put_bytes(&mut joined, STATUSES, status.as_ref());
    }
    joined.into()
}

/// Without what the task itself has: ids. Data is not kept.
fn bare_status(whole: &[u8]) -> Vec<u8> {
    let mut bare = Vec::with_capacity(whole.len());
    let mut reader = Reader::new(whole);
    loop {
        let before = reader.rest();
        let Ok(Some((number, _))) = reader.field() else {
            return bare;
        };
        if !matches!(number, TASK_ID | DATA | AGENT_ID | EXECUTOR_ID) {
            let length = before.len() - reader.rest().len();
            bare.extend_from_slice(before.get(..length).unwrap_or_default());
        }
    }
}

/// The number of `Task.statuses`.
const STATUSES: u32 = 8;
/// Numbers of fields of `TaskStatus`.
const TASK_ID: u32 = 1;
const STATE: u32 = 2;
const DATA: u32 = 3;
const AGENT_ID: u32 = 5;
const EXECUTOR_ID: u32 = 7;

/// The state in an encoded status.
fn state_of(status: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(status);
    while let Ok(Some((number, value))) = reader.field() {
        if let (STATE, Value::Varint(state)) = (number, value) {
            return Some(state);
        }
    }
    None
}

/// Without the required fields, which the task itself has: their numbers are the lowest,
/// so they come first.
fn encode_details(details: v1::Task) -> Option<Arc<[u8]>> {
    let has_some = details.labels.is_some()
        || details.discovery.is_some()
        || details.container.is_some()
        || details.health_check.is_some()
        || details.kill_policy.is_some()
        || details.user.is_some()
        || !details.limits.is_empty();
    has_some.then(|| {
        let bytes = details.encode_to_vec();
        let prefix = v1::Task::default().encode_to_vec();
        bytes
            .strip_prefix(prefix.as_slice())
            .unwrap_or(&bytes)
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small() {
        // With its counts it takes 160 bytes, a size in which allocators give memory out.
        assert!(size_of::<Task>() <= 144);
    }

    #[test]
    fn every_state_fits_into_a_byte() {
        for state in (0..32).filter_map(|number| v1::TaskState::try_from(number).ok()) {
            assert_eq!(State::from(state).get(), state);
        }
    }
}
