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
