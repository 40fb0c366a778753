//! Status updates on their way from an executor, or from the agent itself, to the
//! master (M34, M36, M38).

use std::sync::Arc;

use messages::{internal, v1};
use model::ids::{ExecutorId, FrameworkId, TaskId};
use model::task_state::TaskStateExt;
use uuid::Uuid;

use crate::agent::Agent;
use crate::events;
use crate::state::{ExecutorPhase, FrameworkPhase};
use crate::task;
use crate::turn::Turn;

/// What the agent itself says about a task.
pub(crate) struct NewStatus {
    pub(crate) state: v1::TaskState,
    pub(crate) reason: v1::task_status::Reason,
    pub(crate) message: String,
    pub(crate) executor_id: Option<ExecutorId>,
    pub(crate) limited_resources: Vec<v1::Resource>,
}

impl NewStatus {
    /// A status without broken limits.
    pub(crate) fn new(
        state: v1::TaskState,
        reason: v1::task_status::Reason,
        message: impl Into<String>,
        executor_id: Option<ExecutorId>,
    ) -> Self {
        Self {
            state,
            reason,
            message: message.into(),
            executor_id,
            limited_resources: Vec::new(),
        }
    }
}

/// What a status update did to the record of its task.
enum Recorded {
    /// It is there, and the task goes on.
    Live,
    /// It is there, and the task is over.
    Ended,
    /// The task is over already, or unknown; the master need not hear of it.
    Stale,
}

impl Agent {
    /// An update made by the agent.
    pub(crate) fn make_update(
        &self,
        framework: &FrameworkId,
        task: &TaskId,
        new: NewStatus,
        turn: &mut Turn<'_, '_>,
    ) -> internal::StatusUpdate {
        let timestamp = turn.env.timestamp();
        let uuid = turn.env.uuid().as_bytes().to_vec();
        let limitation = (!new.limited_resources.is_empty()).then(|| v1::TaskResourceLimitation {
            resources: new.limited_resources,
        });
        internal::StatusUpdate {
            framework_id: framework.to_proto(),
            executor_id: new.executor_id.as_ref().map(ExecutorId::to_proto),
            slave_id: Some(self.agent_id()),
            status: v1::TaskStatus {
                task_id: task.to_proto(),
                state: new.state as i32,
                message: Some(new.message),
                source: Some(v1::task_status::Source::Agent as i32),
                reason: Some(new.reason as i32),
                agent_id: Some(self.agent_id()),
                executor_id: new.executor_id.as_ref().map(ExecutorId::to_proto),
                timestamp: Some(timestamp),
                uuid: Some(uuid.clone().into()),
                limitation,
                ..v1::TaskStatus::default()
            },
            timestamp,
            uuid: Some(uuid.into()),
            latest_state: None,
        }
    }

    /// The agent says something about a task that it holds.
    pub(crate) fn agent_update(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        new: NewStatus,
        turn: &mut Turn<'_, '_>,
    ) {
        let update = self.make_update(framework, task, new, turn);
        let Some(found) = self.framework(framework) else {
            return;
        };
        if found.phase == FrameworkPhase::Terminating {
            self.state.counters.invalid_status_updates += 1;
            return;
        }
        self.state.counters.valid_status_updates += 1;
        self.record_and_stream(update, turn);
    }

    /// Takes what an executor says about one of its tasks.
    pub(crate) fn take_update(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        mut status: v1::TaskStatus,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(uuid) = uuid_of(&status) else {
            tracing::warn!(executor = %executor_id, "Ignoring a status update without valid uuid");
            self.state.counters.invalid_status_updates += 1;
            return;
        };
        let agent_id = self.agent_id();
        let named = status.agent_id.get_or_insert_with(|| agent_id.clone());
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        if *named != agent_id || framework.phase == FrameworkPhase::Terminating {
            tracing::warn!(
                framework = %framework_id,
                task = %status.task_id.value,
                "Ignoring a status update: it names another agent, or its framework is terminating"
            );
            self.state.counters.invalid_status_updates += 1;
            return;
        }
        let task_id = TaskId::from(&status.task_id);
        let queued = framework
            .executor_of(&task_id)
            .is_some_and(|executor| executor.queued_work_of(&task_id).is_some());
        if queued || framework.pending_launch_of(&task_id).is_some() {
            tracing::warn!(
                executor = %executor_id,
                task = %task_id,
                "Ignoring a status update of a task that was not delivered yet"
            );
            self.state.counters.invalid_status_updates += 1;
            return;
        }
        // What it sent before it ended may come after the end of its tasks was told and
        // acknowledged. A live one may speak of tasks that the agent does not know.
        let is_alive = framework
            .executors
            .get(executor_id)
            .is_some_and(|executor| executor.phase != ExecutorPhase::Terminated);
        if !is_alive && framework.executor_of(&task_id).is_none() {
            tracing::warn!(
                executor = %executor_id,
                task = %task_id,
                "Ignoring a status update: the executor has ended, and its task is over"
            );
            self.state.counters.invalid_status_updates += 1;
            return;
        }
        self.state.counters.valid_status_updates += 1;
        if self.streams.knows(framework_id, &task_id, &uuid) {
            self.acknowledge_to_executor(framework_id, &task_id, uuid, turn);
            return;
        }
        let timestamp = *status.timestamp.get_or_insert(turn.env.timestamp());
        let update = internal::StatusUpdate {
            framework_id: framework_id.to_proto(),
            executor_id: status.executor_id.clone(),
            slave_id: Some(agent_id),
            uuid: status.uuid.clone(),
            status,
            timestamp,
            latest_state: None,
        };
        let taken = self.record_and_stream(update, turn);
        if taken {
            self.acknowledge_to_executor(framework_id, &task_id, uuid, turn);
        }
    }

    /// Tells the executor of a task that an update will not get lost any more.
    fn acknowledge_to_executor(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        uuid: Uuid,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        match framework.executor_of(task_id) {
            Some(executor) => turn.tell(executor, events::acknowledged(task_id, uuid)),
            None => tracing::warn!(
                framework = %framework_id,
                task = %task_id,
                "Not acknowledging a status update: the task has no executor"
            ),
        }
    }

    /// Writes an update into its task's record, if the agent has one, and into its stream.
    /// False if it was not taken and must not be acknowledged.
    fn record_and_stream(
        &mut self,
        mut update: internal::StatusUpdate,
        turn: &mut Turn<'_, '_>,
    ) -> bool {
        let framework_id = FrameworkId::from(&update.framework_id);
        let task_id = TaskId::from(&update.status.task_id);
        let Some(framework) = self.framework(&framework_id) else {
            return false;
        };
        let Some(executor) = framework.executor_of(&task_id) else {
            return self.stream_update(update, turn);
        };
        let executor_id = executor.id.clone();
        self.add_container_status(executor, &mut update.status);
        match self.record_status(&framework_id, &executor_id, &task_id, &update.status) {
            Recorded::Stale => true,
            Recorded::Live => self.stream_update(update, turn),
            Recorded::Ended => {
                self.grant(&framework_id, &executor_id, turn);
                self.stream_update(update, turn)
            }
        }
    }

    fn record_status(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        task_id: &TaskId,
        status: &v1::TaskStatus,
    ) -> Recorded {
        let state = status.state();
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return Recorded::Stale;
        };
        let Some(task) = executor.launched.get_mut(task_id) else {
            tracing::warn!(task = %task_id, ?state, "Ignoring a status update: the task is over");
            return Recorded::Stale;
        };
        task::record(Arc::make_mut(task), status.clone());
        if !state.is_terminal() {
            return Recorded::Live;
        }
        if let Some(task) = executor.launched.remove(task_id) {
            executor.release(&task.resources);
            executor.terminated.insert(task_id.clone(), task);
        }
        self.state.counters.count_terminal(state);
        Recorded::Ended
    }

    /// Ends tasks that were never delivered: they leave the queue and are over.
    pub(crate) fn end_queued(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        tasks: &[v1::TaskInfo],
        mut status: impl FnMut() -> NewStatus,
        turn: &mut Turn<'_, '_>,
    ) {
        for info in tasks {
            let task_id = TaskId::from(&info.task_id);
            let new = status();
            let state = new.state;
            let update = self.make_update(framework_id, &task_id, new, turn);
            let mut record = task::from_info(info, state, framework_id);
            task::record(&mut record, update.status.clone());
            let Some(executor) = self.executor_mut(framework_id, executor_id) else {
                return;
            };
            executor
                .queued
                .retain(|queued| !queued.work.contains(&task_id));
            executor.release(&info.resources);
            executor.terminated.insert(task_id, Arc::new(record));
            self.state.counters.valid_status_updates += 1;
            self.state.counters.count_terminal(state);
            self.stream_update(update, turn);
        }
        self.grant(framework_id, executor_id, turn);
    }
}

/// The uuid of an update; it must be of RFC 4122.
fn uuid_of(status: &v1::TaskStatus) -> Option<Uuid> {
    let bytes = status.uuid.as_deref()?;
    model::uuid::parse(bytes).ok().map(Uuid::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Answer, Effect, Outgoing};
    use crate::input::Input;
    use crate::testing::{WALL_SECS, World, executor_task, framework_id, update_call, uuid};
    use v1::executor::event::Type as EventType;

    #[test]
    fn an_update_is_forwarded_acknowledged_and_says_where_the_task_runs() {
        let mut world = World::registered();
        let container = world.running_command_task("t");
        world.take();
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        assert_eq!(world.answers(), [Answer::Accepted]);
        assert_eq!(world.event_types(), [EventType::Acknowledged]);
        let sent = world.sent();
        let [Outgoing::StatusUpdate(message)] = &sent[..] else {
            panic!("{sent:?}")
        };
        assert_eq!(message.pid(), "slave(1)@127.0.0.1:5051");
        let update = &message.update;
        assert_eq!(update.latest_state, Some(v1::TaskState::TaskRunning as i32));
        assert_eq!(update.timestamp, WALL_SECS as f64);
        assert_eq!(update.status.timestamp, Some(update.timestamp));
        assert_eq!(update.slave_id, update.status.agent_id);
        assert_eq!(update.status.source(), v1::task_status::Source::Executor);
        let status = update.status.container_status.as_ref().unwrap();
        assert_eq!(status.container_id, Some(container.to_proto()));
        assert_eq!(status.executor_pid, Some(42));
        let address = &status.network_infos[0].ip_addresses[0];
        assert_eq!(address.ip_address(), "127.0.0.1");
    }

    #[test]
    fn what_an_executor_sent_before_it_ended_does_not_begin_its_task_anew() {
        let mut world = World::registered();
        world.run(executor_task("t1", "e"));
        let container = world.launched("e");
        world.subscribe("e");
        world.run(executor_task("t2", "e"));
        world.take();
        world.exited(container, Default::default());
        let ends = world.updates();
        world.acknowledge_sent(&ends[0]);
        world.take();
        let ended = ends[0].status.task_id.value.as_str();
        world.update("e", ended, v1::TaskState::TaskStarting, uuid(9));
        assert!(world.sent().is_empty());
    }

    #[test]
    fn the_latest_state_runs_ahead_of_what_is_acknowledged() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        world.take();
        world.update("t", "t", v1::TaskState::TaskFinished, uuid(2));
        assert!(world.updates().is_empty(), "the first is not acknowledged");
        world.timer(crate::Timer::StatusRetry);
        world.now += std::time::Duration::from_secs(10);
        world.timer(crate::Timer::StatusRetry);
        let again = world.only_update();
        assert_eq!(again.status.state(), v1::TaskState::TaskRunning);
        assert_eq!(again.latest_state, Some(v1::TaskState::TaskFinished as i32));
        world.acknowledge("t", uuid(1));
        assert_eq!(
            world.only_update().status.state(),
            v1::TaskState::TaskFinished
        );
    }

    #[test]
    fn a_repeated_update_is_acknowledged_and_changes_nothing() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskStarting, uuid(1));
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(2));
        world.take();
        world.update("t", "t", v1::TaskState::TaskStarting, uuid(1));
        assert_eq!(world.event_types(), [EventType::Acknowledged]);
        assert!(world.updates().is_empty());
        let task = world.executor("t").launched.values().next().unwrap();
        assert_eq!(task.state(), v1::TaskState::TaskRunning);
    }

    #[test]
    fn an_update_after_the_end_is_acknowledged_and_dropped() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskFinished, uuid(1));
        world.take();
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(2));
        assert_eq!(world.event_types(), [EventType::Acknowledged]);
        assert!(world.updates().is_empty());
        world.acknowledge("t", uuid(1));
        assert!(world.updates().is_empty());
    }

    #[test]
    fn an_ended_tasks_resources_are_given_back() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        world.launched("e");
        world.subscribe("e");
        world.take();
        world.update("e", "t", v1::TaskState::TaskFinished, uuid(1));
        let shrunk = world.effects.iter().find_map(|effect| match effect {
            Effect::UpdateContainer { resources, .. } => Some(resources.clone()),
            _ => None,
        });
        assert_eq!(shrunk.unwrap().cpus().to_f64(), 0.5);
        assert_eq!(world.agent.snapshot().state.used().cpus().to_f64(), 0.5);
    }

    #[test]
    fn without_a_master_updates_wait() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.input(Input::MasterLost);
        world.take();
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        assert_eq!(
            world.event_types(),
            [EventType::Acknowledged],
            "the agent has it"
        );
        assert!(world.updates().is_empty());
        world.input(Input::MasterDetected(crate::testing::master()));
        world.message(crate::Message::Reregistered(
            internal::SlaveReregisteredMessage {
                slave_id: v1::AgentId {
                    value: "m-S0".into(),
                },
                ..Default::default()
            },
        ));
        assert_eq!(
            world.only_update().status.state(),
            v1::TaskState::TaskRunning
        );
    }

    #[test]
    fn updates_that_name_another_agent_or_undelivered_tasks_are_not_taken() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.take();
        let mut status = world.status("t", v1::TaskState::TaskRunning, uuid(1));
        status.agent_id = Some(v1::AgentId {
            value: "m-S8".into(),
        });
        world.call("t", update_call(status));
        assert!(world.events().is_empty() && world.updates().is_empty());

        world.run(executor_task("queued", "e"));
        world.take();
        world.update("t", "queued", v1::TaskState::TaskRunning, uuid(2));
        assert!(world.events().is_empty() && world.updates().is_empty());
        assert_eq!(
            world.agent.snapshot().state.counters.invalid_status_updates,
            2
        );
    }

    #[test]
    fn a_task_the_agent_does_not_know_is_still_reported() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.take();
        world.update("t", "stranger", v1::TaskState::TaskRunning, uuid(1));
        let update = world.only_update();
        assert_eq!(update.status.task_id.value, "stranger");
        assert_eq!(update.framework_id, framework_id().to_proto());
        assert_eq!(update.latest_state, None);
    }
}
