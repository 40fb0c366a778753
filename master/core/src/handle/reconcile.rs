//! RECONCILE: a framework asks how its tasks are (M41).

use std::cell::LazyCell;
use std::collections::BTreeMap;

use messages::v1::TaskState;
use messages::v1::TaskStatus;
use messages::v1::scheduler::call::reconcile;
use messages::v1::task_status::Reason;
use model::ids::{AgentId, FrameworkId, TaskId};
use model::task_state::TaskStateExt as _;

use crate::frameworks::Framework;
use crate::master::Master;
use crate::status::{Verdict, unreachable_since};
use crate::task::Task;
use crate::turn::Turn;

impl Master {
    /// Answers for the given tasks, or for all that it knows if none is given.
    pub(crate) fn reconcile(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        asked: &[reconcile::Task],
    ) {
        self.count().messages_reconcile_tasks += 1;
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let now = turn.env.time;
        let ended = LazyCell::new(|| ended_tasks(framework));
        let answers: Vec<TaskStatus> = if asked.is_empty() {
            framework
                .tasks()
                .values()
                .map(|task| Verdict::latest(task).of_running(task, now))
                .collect()
        } else {
            asked
                .iter()
                .filter_map(|task| self.answer_for(turn, framework, task, &ended))
                .collect()
        };
        for status in answers {
            self.tell_status(turn, id, status);
        }
    }

    /// What is known of one task; nothing while an agent that may run it has yet to
    /// return.
    fn answer_for<'a>(
        &self,
        turn: &Turn<'_, '_>,
        framework: &Framework,
        asked: &reconcile::Task,
        ended: &LazyCell<Ended<'a>, impl FnOnce() -> Ended<'a>>,
    ) -> Option<TaskStatus> {
        let now = turn.env.time;
        let task_id = TaskId::from(&asked.task_id);
        if let Some(task) = framework.task(&task_id) {
            return Some(Verdict::latest(task).of_running(task, now));
        }
        if let Some(task) = ended.get(&task_id) {
            return Some(Verdict::latest(task).of_running(task, now));
        }
        let agents = self.agents.view();
        let Some(agent) = asked.agent_id.as_ref().map(AgentId::from) else {
            let unknown = self.unknown(framework, TaskState::TaskUnknown);
            return agents
                .recovered()
                .is_empty()
                .then(|| unknown.of(&task_id, None, now));
        };
        if agents.recovered().contains_key(&agent) {
            return None;
        }
        let since = agents.unreachable().get(&agent);
        let state = if agents.get(&agent).is_some() {
            TaskState::TaskGone
        } else if since.is_some() {
            TaskState::TaskUnreachable
        } else if agents.gone().contains_key(&agent) {
            TaskState::TaskGoneByOperator
        } else {
            TaskState::TaskUnknown
        };
        let status = self
            .unknown(framework, state)
            .of(&task_id, Some(&agent), now);
        Some(match since {
            Some(since) => unreachable_since(status, *since),
            None => status,
        })
    }

    /// What is said of a task that has no record, in words that the framework knows.
    fn unknown(&self, framework: &Framework, state: TaskState) -> Verdict<'static> {
        let message = match state {
            TaskState::TaskGone => "Reconciliation: Task is unknown to the agent",
            TaskState::TaskUnreachable => "Reconciliation: Task is unreachable",
            TaskState::TaskGoneByOperator => "Reconciliation: Task is gone",
            _ => "Reconciliation: Task is unknown",
        };
        let aware = framework.capabilities().partition_aware();
        let state = if aware { state } else { state.for_unaware() };
        Verdict {
            state,
            reason: Reason::Reconciliation,
            message,
        }
    }
}

/// Tasks that are known to have ended, by id.
type Ended<'a> = BTreeMap<&'a TaskId, &'a Task>;

/// The tasks in a framework's histories of which it was told how they ended, rather than
/// that they are lost: the question may have crossed with that.
fn ended_tasks(framework: &Framework) -> Ended<'_> {
    let histories = framework
        .completed_tasks()
        .iter()
        .chain(framework.unreachable_tasks().values());
    histories
        .filter(|task| task.is_told_ended())
        .map(|task| (task.id(), &**task))
        .collect()
}

#[cfg(test)]
mod tests;
