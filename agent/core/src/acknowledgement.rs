//! A framework has got a status update: the next one may go, or the task is done with
//! (M35).

use std::sync::Arc;

use messages::internal;
use model::ids::{FrameworkId, TaskId};
use runtime_core::Pid;
use uuid::Uuid;

use crate::agent::Agent;
use crate::limits::COMPLETED_TASKS_PER_EXECUTOR_MAX;
use crate::state::{Executor, ExecutorPhase, Phase};
use crate::turn::Turn;

impl Agent {
    pub(crate) fn acknowledgement(
        &mut self,
        from: &Pid,
        message: &internal::StatusUpdateAcknowledgementMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let from_a_master = from.id.as_str().starts_with("master");
        if from_a_master && (self.state.phase != Phase::Running || !self.is_master(from)) {
            tracing::warn!(%from, "Ignoring a status update acknowledgement: not registered there");
            return;
        }
        let framework_id = FrameworkId::from(&message.framework_id);
        let task_id = TaskId::from(&message.task_id);
        let Ok(uuid) = Uuid::from_slice(&message.uuid) else {
            tracing::warn!(task = %task_id, "Ignoring an acknowledgement: its uuid is not valid");
            return;
        };
        let done = self
            .streams
            .acknowledge(&framework_id, &task_id, uuid, turn.env.now);
        let acknowledged = match done {
            Ok(acknowledged) => acknowledged,
            Err(error) => {
                tracing::warn!(%error, "Ignoring a status update acknowledgement");
                return;
            }
        };
        if let Some(next) = acknowledged.next {
            self.forward(*next, turn);
        }
        if acknowledged.terminal {
            self.task_done(&framework_id, &task_id, turn);
        }
    }

    /// A task's last update has arrived: it is history, and perhaps so is its executor.
    fn task_done(&mut self, framework_id: &FrameworkId, task_id: &TaskId, turn: &mut Turn<'_, '_>) {
        let Some(framework) = self.framework_mut(framework_id) else {
            return;
        };
        if let Some(executor_id) = framework.tasks.get(task_id).cloned() {
            let executor = framework.executors.get_mut(&executor_id).map(Arc::make_mut);
            let Some(executor) = executor else { return };
            if !executor.complete(task_id) {
                return;
            }
            let over = executor.phase == ExecutorPhase::Terminated;
            let incomplete = executor.has_incomplete_tasks();
            framework.tasks.remove(task_id);
            if over && !incomplete {
                self.remove_executor(framework_id, &executor_id, turn);
            }
        }
        self.remove_framework_if_idle(framework_id, turn);
    }
}

impl Executor {
    /// Moves a terminated task into the history; false if there is none of that name.
    pub(crate) fn complete(&mut self, task_id: &TaskId) -> bool {
        let Some(task) = self.terminated.remove(task_id) else {
            return false;
        };
        if self.completed.len() >= COMPLETED_TASKS_PER_EXECUTOR_MAX {
            self.completed.pop_front();
        }
        self.completed.push_back(task);
        true
    }
}

#[cfg(test)]
mod tests {
    use messages::v1;

    use super::*;
    use crate::testing::{World, executor_task, framework_id, pid, uuid};

    #[test]
    fn an_acknowledged_end_makes_the_task_history() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        world.launched("e");
        world.subscribe("e");
        world.update("e", "t", v1::TaskState::TaskFinished, uuid(1));
        assert_eq!(world.executor("e").terminated.len(), 1);
        world.acknowledge("t", uuid(2));
        assert_eq!(
            world.executor("e").terminated.len(),
            1,
            "not the uuid it waits for"
        );
        world.acknowledge("t", uuid(1));
        let executor = world.executor("e");
        assert!(executor.terminated.is_empty());
        assert_eq!(executor.completed.len(), 1);
        assert!(!world.framework().has_task(&TaskId::from("t")));
    }

    #[test]
    fn another_masters_acknowledgement_does_not_count() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        world.launched("e");
        world.subscribe("e");
        world.update("e", "t", v1::TaskState::TaskFinished, uuid(1));
        let message = |uuid: Vec<u8>| {
            crate::Message::StatusUpdateAcknowledgement(
                internal::StatusUpdateAcknowledgementMessage {
                    framework_id: framework_id().to_proto(),
                    task_id: TaskId::from("t").to_proto(),
                    uuid: uuid.into(),
                    ..Default::default()
                },
            )
        };
        let good = uuid(1).as_bytes().to_vec();
        world.message_from(&pid("master@127.0.0.9:5050"), message(good));
        world.message(message(vec![1, 2, 3]));
        assert_eq!(world.executor("e").terminated.len(), 1);
    }

    #[test]
    fn completed_tasks_are_bounded() {
        let mut world = World::registered();
        world.run(executor_task("first", "e"));
        world.launched("e");
        world.subscribe("e");
        for number in 0..COMPLETED_TASKS_PER_EXECUTOR_MAX + 5 {
            let id = format!("t{number}");
            world.run(executor_task(&id, "e"));
            let container_id = world.executor("e").container_id.clone();
            let sequence = world.executor("e").last_update;
            let result = Ok(());
            world.input(crate::Input::ContainerUpdated {
                container_id,
                sequence,
                result,
            });
            world.update("e", &id, v1::TaskState::TaskFinished, uuid(1));
            world.acknowledge(&id, uuid(1));
        }
        let executor = world.executor("e");
        assert_eq!(executor.completed.len(), COMPLETED_TASKS_PER_EXECUTOR_MAX);
        assert_eq!(executor.launched.len(), 1);
    }
}
