//! A task is to be killed, wherever it is (G21).

use messages::{internal, v1};
use model::ids::{ExecutorId, FrameworkId, TaskId};
use runtime_core::Pid;

use crate::agent::Agent;
use crate::events;
use crate::state::{ExecutorPhase, FrameworkPhase, Phase, Work};
use crate::status::NewStatus;
use crate::task;
use crate::turn::Turn;

const KILLED_ALONE: &str = "Killed before delivery to the executor";
const KILLED_IN_GROUP: &str =
    "A task within the task group was killed before delivery to the executor";

impl Agent {
    pub(crate) fn kill_task(
        &mut self,
        from: &Pid,
        message: &internal::KillTaskMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let framework_id = FrameworkId::from(&message.framework_id);
        let task_id = TaskId::from(&message.task_id);
        if !self.is_master(from) || self.state.phase == Phase::Terminating {
            tracing::warn!(%from, task = %task_id, "Ignoring a kill: not the expected master");
            return;
        }
        let Some(framework) = self.framework(&framework_id) else {
            tracing::warn!(task = %task_id, "Ignoring a kill: no such framework is running");
            return;
        };
        if framework.phase == FrameworkPhase::Terminating {
            return;
        }
        if framework.pending_launch_of(&task_id).is_some() {
            self.kill_pending(&framework_id, &task_id, turn);
            return;
        }
        let Some(executor) = framework.executor_of(&task_id) else {
            let state = task::dropped_state(&framework.info);
            let reason = v1::task_status::Reason::ExecutorTerminated;
            let new = NewStatus::new(state, reason, "Cannot find executor", None);
            self.agent_update(&framework_id, &task_id, new, turn);
            return;
        };
        let queued = executor.queued_work_of(&task_id).cloned();
        let executor_id = executor.id.clone();
        match (executor.phase, queued) {
            (ExecutorPhase::Terminating | ExecutorPhase::Terminated, _) => {
                tracing::warn!(task = %task_id, "Ignoring a kill: the executor is ending");
            }
            (ExecutorPhase::Registering | ExecutorPhase::Running, Some(work)) => {
                self.kill_queued(&framework_id, &executor_id, &work, turn);
            }
            (ExecutorPhase::Registering | ExecutorPhase::Running, None) => {
                turn.tell(executor, events::kill(&task_id, message.kill_policy));
            }
        }
    }

    /// The launch has not begun: it never will.
    fn kill_pending(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework) = self.framework_mut(framework_id) else {
            return;
        };
        let index = framework
            .pending
            .iter()
            .position(|launch| launch.work.contains(task_id));
        let Some(launch) = index.map(|index| framework.pending.remove(index)) else {
            return;
        };
        let executor_id = ExecutorId::from(&launch.executor_info.executor_id);
        for task in launch.work.tasks() {
            let new = killed(&launch.work, &executor_id);
            self.agent_update(framework_id, &TaskId::from(&task.task_id), new, turn);
        }
        let executor = &launch.executor_info;
        self.launch_given_up(framework_id, executor, launch.launch_executor, turn);
        self.remove_framework_if_idle(framework_id, turn);
    }

    /// The executor has not got the work: it never will. An executor left without any
    /// work that it ever saw is shut down, for nothing else would end it; one that has not
    /// subscribed is told so when it does.
    fn kill_queued(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        work: &Work,
        turn: &mut Turn<'_, '_>,
    ) {
        let status = || killed(work, executor_id);
        self.end_queued(framework_id, executor_id, work.tasks(), status, turn);
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        if executor.phase == ExecutorPhase::Running && executor.never_had_work() {
            self.begin_shutdown(framework_id, executor_id, turn);
        }
    }
}

fn killed(work: &Work, executor_id: &ExecutorId) -> NewStatus {
    let message = match work {
        Work::Task(_) => KILLED_ALONE,
        Work::Group(_) => KILLED_IN_GROUP,
    };
    NewStatus::new(
        v1::TaskState::TaskKilled,
        v1::task_status::Reason::TaskKilledDuringLaunch,
        message,
        Some(executor_id.clone()),
    )
}

#[cfg(test)]
mod tests {
    use v1::executor::event::Type as EventType;

    use super::*;
    use crate::testing::{World, command_task, custom_executor, executor_task, task};

    #[test]
    fn a_task_that_runs_is_killed_by_its_executor() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.take();
        world.kill("t");
        assert_eq!(world.event_types(), [EventType::Kill]);
        assert!(world.updates().is_empty());
    }

    #[test]
    fn a_task_that_was_not_delivered_is_killed_at_once() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        world.take();
        world.kill("t");
        let update = world.only_update();
        assert_eq!(update.status.state(), v1::TaskState::TaskKilled);
        assert_eq!(
            update.status.reason(),
            v1::task_status::Reason::TaskKilledDuringLaunch
        );
        assert_eq!(update.status.message(), KILLED_ALONE);
        assert_eq!(update.latest_state, Some(v1::TaskState::TaskKilled as i32));

        world.launched("t");
        world.subscribe("t");
        assert_eq!(world.event_types(), [EventType::Shutdown]);
        assert_eq!(world.executor("t").phase, ExecutorPhase::Terminating);
    }

    #[test]
    fn one_kill_ends_the_whole_undelivered_group() {
        let mut world = World::registered();
        world.run_group(custom_executor("e"), vec![task("a"), task("b")]);
        world.take();
        world.kill("b");
        let updates = world.updates();
        let killed: Vec<_> = updates
            .iter()
            .map(|one| &*one.status.task_id.value)
            .collect();
        assert_eq!(killed, ["a", "b"]);
        assert_eq!(updates[0].status.message(), KILLED_IN_GROUP);
        assert!(world.executor("e").queued.is_empty());
    }

    #[test]
    fn an_executor_with_other_work_lives_on() {
        let mut world = World::registered();
        world.run(executor_task("t1", "e"));
        world.run(executor_task("t2", "e"));
        world.launched("e");
        world.kill("t1");
        world.take();
        world.subscribe("e");
        assert_eq!(world.executor("e").phase, ExecutorPhase::Running);
    }

    #[test]
    fn a_task_nobody_knows_is_lost() {
        let mut world = World::registered();
        world.kill("nobody");
        assert!(world.take().is_empty(), "its framework is not here");
        world.run(command_task("t", "true"));
        world.take();
        world.kill("nobody");
        let status = world.only_update().status;
        assert_eq!(status.state(), v1::TaskState::TaskLost);
        assert_eq!(status.message(), "Cannot find executor");
    }

    #[test]
    fn kills_of_a_dying_executors_tasks_are_ignored() {
        let mut world = World::registered();
        world.running_command_task("t");
        let framework = crate::testing::framework_id();
        world.message(crate::Message::ShutdownExecutor(
            internal::ShutdownExecutorMessage {
                framework_id: Some(framework.to_proto()),
                executor_id: Some(ExecutorId::from("t").to_proto()),
            },
        ));
        world.take();
        world.kill("t");
        assert!(world.take().is_empty());
    }
}
