//! I2: a task is started once, by whoever it was sent to, and once it has ended it stays
//! ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messages::v1::TaskState;
use model::ids::TaskId;

use super::{Findings, Invariant};
use crate::events::{Event, Update};

#[derive(Default)]
pub struct Tasks {
    asked: BTreeSet<TaskId>,
    launched: BTreeMap<TaskId, String>,
    ended: BTreeMap<TaskId, Update>,
}

/// Whether a task in this state is over whatever happens. A task that is lost may have
/// been on the far side of a partition.
fn is_final(state: TaskState) -> bool {
    use TaskState::{TaskError, TaskFailed, TaskFinished, TaskKilled};
    matches!(state, TaskFinished | TaskFailed | TaskKilled | TaskError)
}

impl Invariant for Tasks {
    const NAME: &'static str = "tasks";

    fn event(&mut self, _: Duration, event: &Event, found: &mut Findings) {
        match event {
            Event::Accepted(_, _, tasks) => {
                self.asked
                    .extend(tasks.iter().map(|(task, _)| task.clone()));
            }
            Event::Launched {
                container, task, ..
            } => {
                if !self.asked.contains(task) {
                    found.say(format!("{task} was started; nobody asked for it"));
                }
                if let Some(other) = self.launched.insert(task.clone(), container.clone()) {
                    found.say(format!(
                        "{task} was started in {container}, and before in {other}"
                    ));
                }
            }
            Event::Updated(_, update) => {
                if let Some(end) = self.ended.get(&update.task)
                    && end.state != update.state
                {
                    found.say(format!("{update:?} was heard after {end:?}"));
                } else if is_final(update.state) {
                    self.ended.insert(update.task.clone(), update.clone());
                }
            }
            _ => {}
        }
    }
}
