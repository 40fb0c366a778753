//! Status updates leave for the master: one of a task at a time, again until acknowledged
//! (M35, M36).

use std::sync::Arc;

use messages::{internal, v1};
use model::ids::{FrameworkId, TaskId};
use uuid::Uuid;

use crate::agent::Agent;
use crate::effect::Outgoing;
use crate::state::Phase;
use crate::streams::Taken;
use crate::turn::Turn;

impl Agent {
    /// Puts an update into its stream; the head goes to the master at once.
    pub(crate) fn stream_update(
        &mut self,
        update: internal::StatusUpdate,
        turn: &mut Turn<'_, '_>,
    ) -> bool {
        let uuid = update
            .uuid
            .as_ref()
            .and_then(|bytes| Uuid::from_slice(bytes).ok());
        let Some(uuid) = uuid else { return false };
        match self.streams.update(uuid, update, turn.env.now) {
            Taken::Send(update) => self.forward(*update, turn),
            Taken::Queued | Taken::Duplicate => {}
            Taken::Overflow => {
                tracing::warn!("Not taking a status update: too many are unacknowledged");
                return false;
            }
        }
        true
    }

    /// Sends an update to the master, with the task's latest state beside its own (M36).
    pub(crate) fn forward(&mut self, mut update: internal::StatusUpdate, turn: &mut Turn<'_, '_>) {
        let Some(master) = self.state.master.clone() else {
            return;
        };
        if self.state.phase != Phase::Running {
            return;
        }
        let framework_id = FrameworkId::from(&update.framework_id);
        let task_id = TaskId::from(&update.status.task_id);
        if let Some(task) = self.task_mut(&framework_id, &task_id) {
            task.status_update_state = Some(update.status.state);
            task.status_update_uuid = update.uuid.clone();
            update.latest_state = Some(task.state);
        }
        let pid = Some(self.config.pid.to_string());
        let message = internal::StatusUpdateMessage { update, pid };
        turn.send(&master.pid, Outgoing::StatusUpdate(message));
    }

    /// The record of a delivered task that is not completed.
    fn task_mut(&mut self, framework: &FrameworkId, task: &TaskId) -> Option<&mut v1::Task> {
        let framework = self.framework_mut(framework)?;
        let executor = framework.tasks.get(task)?.clone();
        let executor = Arc::make_mut(framework.executors.get_mut(&executor)?);
        let found = match executor.launched.contains_key(task) {
            true => executor.launched.get_mut(task),
            false => executor.terminated.get_mut(task),
        };
        found.map(Arc::make_mut)
    }

    pub(crate) fn resume_status_updates(&mut self, turn: &mut Turn<'_, '_>) {
        for update in self.streams.resume(turn.env.now) {
            self.forward(update, turn);
        }
    }

    pub(crate) fn retry_status_updates(&mut self, turn: &mut Turn<'_, '_>) {
        for update in self.streams.retry(turn.env.now) {
            tracing::warn!(task = %update.status.task_id.value, "Resending a task status update");
            self.forward(update, turn);
        }
    }
}
