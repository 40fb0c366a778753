//! The life of containers, and what it means for the executors in them (G21).

use std::sync::Arc;

use messages::v1;
use model::executor_words::EXECUTOR_TERMINATED;
use model::ids::{ContainerId, ExecutorId, FrameworkId};

use crate::agent::Agent;
use crate::effect::Effect;
use crate::input::Termination;
use crate::state::{
    Executor, ExecutorConnection, ExecutorPhase, FrameworkPhase, PendingTermination, Phase,
};
use crate::status::NewStatus;
use crate::timer::Timer;
use crate::turn::Turn;

impl Agent {
    pub(crate) fn container_launched(
        &mut self,
        container_id: &ContainerId,
        status: v1::ContainerStatus,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some((framework_id, executor_id)) = self.owner_of(container_id) else {
            turn.effect(Effect::DestroyContainer(container_id.clone()));
            return;
        };
        let terminating = self
            .framework(&framework_id)
            .is_none_or(|framework| framework.phase == FrameworkPhase::Terminating);
        let Some(executor) = self.executor_mut(&framework_id, &executor_id) else {
            return;
        };
        executor.container_status = Some(Arc::new(status));
        if terminating || executor.phase == ExecutorPhase::Terminating {
            tracing::warn!(executor = %executor_id, "Killing an executor: it is terminating");
            turn.effect(Effect::DestroyContainer(container_id.clone()));
        }
        self.take_early_updates(&framework_id, &executor_id, turn);
    }

    pub(crate) fn container_launch_failed(
        &mut self,
        container_id: &ContainerId,
        message: &str,
        turn: &mut Turn<'_, '_>,
    ) {
        self.state.counters.container_launch_errors += 1;
        let Some((framework_id, executor_id)) = self.owner_of(container_id) else {
            return;
        };
        tracing::error!(
            container = %container_id,
            executor = %executor_id,
            framework = %framework_id,
            "Container failed to start: {message}"
        );
        if let Some(executor) = self.executor_mut(&framework_id, &executor_id) {
            executor
                .pending_termination
                .get_or_insert_with(|| PendingTermination {
                    state: v1::TaskState::TaskFailed,
                    reason: v1::task_status::Reason::ContainerLaunchFailed,
                    message: format!("Failed to launch container: {message}"),
                });
        }
        self.container_exited(container_id, None, turn);
    }

    /// A container is gone, or never was; its executor's tasks end with it.
    pub(crate) fn container_exited(
        &mut self,
        container_id: &ContainerId,
        termination: Option<&Termination>,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some((framework_id, executor_id)) = self.containers.remove(container_id) else {
            return;
        };
        let status = termination.and_then(|termination| termination.status);
        tracing::info!(executor = %executor_id, framework = %framework_id, ?status, "Executor ended");
        self.take_early_updates(&framework_id, &executor_id, turn);
        self.disconnect_executor(&framework_id, &executor_id, turn);
        let Some(framework) = self.framework(&framework_id) else {
            return;
        };
        let framework_ends = framework.phase == FrameworkPhase::Terminating;
        let Some(executor) = self.executor_mut(&framework_id, &executor_id) else {
            return;
        };
        executor.phase = ExecutorPhase::Terminated;
        let generated = executor.generated;
        self.state.counters.executors_terminated += 1;
        if framework_ends {
            self.end_silently(&framework_id, &executor_id);
        } else {
            self.end_tasks(&framework_id, &executor_id, termination, turn);
        }
        if !generated {
            self.send_exited_executor(&framework_id, &executor_id, status, turn);
        }
        let incomplete = self
            .executor(&framework_id, &executor_id)
            .is_some_and(Executor::has_incomplete_tasks);
        if self.state.phase == Phase::Terminating || framework_ends || !incomplete {
            self.remove_executor(&framework_id, &executor_id, turn);
        }
        self.remove_framework_if_idle(&framework_id, turn);
    }

    /// Nobody waits for the tasks of a framework that is over.
    fn end_silently(&mut self, framework_id: &FrameworkId, executor_id: &ExecutorId) {
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        for (task_id, task) in std::mem::take(&mut executor.launched) {
            executor.terminated.insert(task_id, task);
        }
    }

    /// Each task that has not ended by itself ends as its container did.
    fn end_tasks(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        termination: Option<&Termination>,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        let verdict = Verdict::new(executor, termination);
        let launched: Vec<_> = executor.launched.keys().cloned().collect();
        let queued: Vec<v1::TaskInfo> = executor.queued_tasks().cloned().collect();
        for task_id in launched {
            self.agent_update(framework_id, &task_id, verdict.status(executor_id), turn);
        }
        let status = || verdict.status(executor_id);
        self.end_queued(framework_id, executor_id, &queued, status, turn);
    }

    /// Timers and stream of an executor whose container is gone.
    fn disconnect_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        let container_id = executor.container_id.clone();
        let connection = std::mem::replace(&mut executor.connection, ExecutorConnection::None);
        if let ExecutorConnection::Stream(stream) = connection {
            self.streams_by_call.remove(&stream);
            turn.effect(Effect::CloseStream(stream));
        }
        turn.cancel_timer(Timer::ExecutorRegistration(container_id.clone()));
        turn.cancel_timer(Timer::ExecutorShutdown(container_id.clone()));
        turn.cancel_timer(Timer::ExecutorHeartbeat(container_id));
    }

    pub(crate) fn executor_registration_timeout(
        &mut self,
        container_id: &ContainerId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some((framework_id, executor_id)) = self.owner_of(container_id) else {
            return;
        };
        let limit = self.config.executor_registration_timeout;
        let terminating = self
            .framework(&framework_id)
            .is_none_or(|framework| framework.phase == FrameworkPhase::Terminating);
        let Some(executor) = self.executor_mut(&framework_id, &executor_id) else {
            return;
        };
        if terminating || executor.phase != ExecutorPhase::Registering {
            return;
        }
        let limit = runtime_core::units::DurationText(limit);
        tracing::info!(executor = %executor_id, "Terminating executor: not registered in {limit}");
        executor.phase = ExecutorPhase::Terminating;
        executor.pending_termination = Some(PendingTermination {
            state: v1::TaskState::TaskFailed,
            reason: v1::task_status::Reason::ExecutorRegistrationTimeout,
            message: format!("Executor did not register within {limit}"),
        });
        turn.effect(Effect::DestroyContainer(container_id.clone()));
    }
}

/// What a container's end means for the tasks in it. What the containerizer says goes
/// before what the agent expected; both texts are told.
struct Verdict {
    state: v1::TaskState,
    reason: v1::task_status::Reason,
    message: String,
    limited_resources: Vec<v1::Resource>,
}

impl Verdict {
    fn new(executor: &Executor, termination: Option<&Termination>) -> Self {
        let pending = executor.pending_termination.as_ref();
        let mut messages: Vec<&str> = Vec::new();
        messages.extend(pending.map(|pending| pending.message.as_str()));
        messages.extend(termination.and_then(|termination| termination.message.as_deref()));
        Self {
            state: termination
                .and_then(|termination| termination.state)
                .or_else(|| pending.map(|pending| pending.state))
                .unwrap_or(v1::TaskState::TaskFailed),
            reason: termination
                .and_then(|termination| termination.reason)
                .or_else(|| pending.map(|pending| pending.reason))
                .unwrap_or(v1::task_status::Reason::ExecutorTerminated),
            message: match messages.is_empty() {
                true => EXECUTOR_TERMINATED.into(),
                false => messages.join("; "),
            },
            limited_resources: termination
                .map(|termination| termination.limited_resources.clone())
                .unwrap_or_default(),
        }
    }

    fn status(&self, executor_id: &ExecutorId) -> NewStatus {
        NewStatus {
            state: self.state,
            reason: self.reason,
            message: self.message.clone(),
            executor_id: Some(executor_id.clone()),
            limited_resources: self.limited_resources.clone(),
        }
    }
}

impl Agent {
    /// An executor's stream is gone; it may subscribe again.
    pub(crate) fn stream_closed(&mut self, stream: crate::effect::CallId, turn: &mut Turn<'_, '_>) {
        let Some(container_id) = self.streams_by_call.remove(&stream) else {
            return;
        };
        turn.cancel_timer(Timer::ExecutorHeartbeat(container_id.clone()));
        let Some((framework_id, executor_id)) = self.owner_of(&container_id) else {
            return;
        };
        let Some(executor) = self.executor_mut(&framework_id, &executor_id) else {
            return;
        };
        if executor.connection == ExecutorConnection::Stream(stream) {
            tracing::info!(executor = %executor_id, "The executor closed its stream");
            executor.connection = ExecutorConnection::None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::effect::Outgoing;
    use crate::input::Input;
    use crate::testing::{World, command_task, executor_task, uuid};

    #[test]
    fn a_failed_launch_fails_its_task() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        let container_id = world.executor("t").container_id.clone();
        world.take();
        let message = "Failed to fetch all URIs".into();
        world.input(Input::ContainerLaunchFailed {
            container_id,
            message,
        });
        let update = world.only_update();
        assert_eq!(update.status.state(), v1::TaskState::TaskFailed);
        assert_eq!(
            update.status.reason(),
            v1::task_status::Reason::ContainerLaunchFailed
        );
        assert_eq!(
            update.status.message(),
            "Failed to launch container: Failed to fetch all URIs"
        );
        assert!(update.status.container_status.is_none());
        assert_eq!(
            world
                .agent
                .snapshot()
                .state
                .counters
                .container_launch_errors,
            1
        );
        world.acknowledge_sent(&update);
        assert!(world.agent.snapshot().state.frameworks.is_empty());
    }

    #[test]
    fn an_executor_that_ends_takes_its_tasks_with_it() {
        let mut world = World::registered();
        world.run(executor_task("t1", "e"));
        let container_id = world.launched("e");
        world.subscribe("e");
        world.run(executor_task("t2", "e"));
        world.take();
        world.exited(
            container_id,
            Termination {
                status: Some(256),
                ..Default::default()
            },
        );
        let sent = world.sent();
        let [
            Outgoing::StatusUpdate(first),
            Outgoing::StatusUpdate(second),
            Outgoing::ExitedExecutor(exited),
        ] = &sent[..]
        else {
            panic!("{sent:?}")
        };
        assert_eq!(first.update.status.task_id.value, "t1");
        assert_eq!(second.update.status.task_id.value, "t2");
        assert_eq!(first.update.status.message(), "Executor terminated");
        assert_eq!(
            first.update.status.reason(),
            v1::task_status::Reason::ExecutorTerminated
        );
        assert_eq!(exited.status, 256);
        assert_eq!(exited.executor_id.value, "e");
    }

    #[test]
    fn a_broken_limit_is_told() {
        let mut world = World::registered();
        let container_id = world.running_command_task("t");
        world.take();
        world.exited(
            container_id,
            Termination {
                status: Some(9),
                reason: Some(v1::task_status::Reason::ContainerLimitationMemory),
                message: Some("Memory limit exceeded".into()),
                limited_resources: crate::testing::resources("mem:64").to_proto(),
                ..Default::default()
            },
        );
        let status = world.only_update().status;
        assert_eq!(status.message(), "Memory limit exceeded");
        assert_eq!(
            status.reason(),
            v1::task_status::Reason::ContainerLimitationMemory
        );
        assert_eq!(status.limitation.unwrap().resources.len(), 1);
    }

    #[test]
    fn a_finished_task_is_not_failed_by_its_executors_end() {
        let mut world = World::registered();
        let container_id = world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskFinished, uuid(1));
        world.take();
        world.exited(
            container_id,
            Termination {
                status: Some(0),
                ..Default::default()
            },
        );
        assert!(world.updates().is_empty());
        world.acknowledge("t", uuid(1));
        let state = world.agent.snapshot().state;
        assert!(state.frameworks.is_empty());
        assert_eq!(state.counters.tasks_finished, 1);
        assert_eq!(state.counters.executors_terminated, 1);
    }

    #[test]
    fn an_executor_that_never_subscribes_is_killed() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        let container_id = world.launched("t");
        world.take();
        world.now += Duration::from_secs(60);
        world.timer(Timer::ExecutorRegistration(container_id.clone()));
        assert!(world.destroyed(&container_id));
        world.take();
        world.exited(
            container_id,
            Termination {
                status: Some(9),
                ..Default::default()
            },
        );
        let status = world.only_update().status;
        assert_eq!(status.state(), v1::TaskState::TaskFailed);
        assert_eq!(
            status.reason(),
            v1::task_status::Reason::ExecutorRegistrationTimeout
        );
        assert_eq!(status.message(), "Executor did not register within 1mins");
    }

    #[test]
    fn a_container_nobody_wants_any_more_is_destroyed() {
        let mut world = World::registered();
        let stray = ContainerId::from("stray");
        let status = Box::default();
        world.input(Input::ContainerLaunched {
            container_id: stray.clone(),
            status,
        });
        assert!(world.destroyed(&stray));
    }

    #[test]
    fn what_the_agent_expected_and_what_happened_are_both_told() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        let container_id = world.executor("t").container_id.clone();
        world.timer(Timer::ExecutorRegistration(container_id.clone()));
        world.take();
        let message = "Container was destroyed while launching".into();
        world.input(Input::ContainerLaunchFailed {
            container_id,
            message,
        });
        let status = world.only_update().status;
        assert_eq!(
            status.reason(),
            v1::task_status::Reason::ExecutorRegistrationTimeout
        );
    }
}
