//! What a framework hears of its tasks, and makes of it.

use std::time::Duration;

use messages::v1::{TaskState, TaskStatus, task_status};
use model::task_state::TaskStateExt as _;
use rand::RngExt as _;
use runtime::Context;

use super::Framework;
use crate::events::{Event, Update};
use crate::ledger::Job;
use crate::observer::Mode;
use crate::plan::TaskEnd;
use crate::seams::Seam;

impl Framework {
    fn acknowledge(&mut self, status: &TaskStatus) {
        let is_lost = !self.seams.pass(Seam::Acknowledgement);
        if is_lost || self.driver.acknowledge(status).is_ok() {
            self.called(!is_lost);
            self.observer
                .note(Event::Acknowledged(self.number, Update::of(status)));
        }
    }

    /// The master tells of a task.
    pub(super) fn hear(&mut self, status: TaskStatus, context: &mut Context<'_, Self>) {
        let update = Update::of(&status);
        self.observer
            .note(Event::Updated(self.number, update.clone()));
        self.learn(&update);
        if update.uuid.is_none() {
            return;
        }
        let diligent = self.observer.mode() != Mode::Working;
        let rng = context.rng();
        if !diligent && rng.random_bool(self.plan.forgets_to_acknowledge) {
            return;
        }
        if !diligent && rng.random_bool(self.plan.acknowledges_late) {
            let pause = Duration::from_millis(rng.random_range(0..5_000));
            context.after(pause, move |framework, _| framework.acknowledge(&status));
        } else {
            self.acknowledge(&status);
        }
    }

    /// Notes what an update means for its job.
    fn learn(&mut self, update: &Update) {
        let pages = &mut *self.ledger.pages();
        let is_current = pages.is_current(&update.task);
        let Some(entry) = pages.tasks.get_mut(&update.task) else {
            return;
        };
        let plan = &self.plan.jobs[entry.job];
        let by_executor = update.source == task_status::Source::Executor;
        let is_done = match update.state {
            TaskState::TaskFinished => true,
            TaskState::TaskFailed => {
                let crashed = update.reason == Some(task_status::Reason::ExecutorTerminated);
                (by_executor && plan.task.end == TaskEnd::Failed)
                    || (crashed && plan.task.end == TaskEnd::Crash)
            }
            TaskState::TaskKilled => by_executor && plan.killed_after.is_some(),
            _ => false,
        };
        entry.state = update.state;
        entry.over = update.state.is_terminal() || update.state == TaskState::TaskUnknown;
        if !entry.over {
            // A task whose job was begun anew has come back.
            entry.unwanted |= !is_current;
        } else if is_current {
            pages.jobs[entry.job] = match is_done || plan.killed_after.is_some() {
                true => Job::Done,
                false => Job::Waiting,
            };
        }
    }
}
