//! I2: no task is lost without a word. Whatever becomes of a task that a framework asked
//! for, the framework hears of its end, or that nobody knows of it.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::v1::TaskState;
use model::ids::TaskId;
use model::task_state::TaskStateExt as _;

use super::{Findings, Invariant};
use crate::events::Event;

#[derive(Default)]
pub struct Lost {
    /// Tasks that were asked for, by which framework, and what it heard last.
    open: BTreeMap<TaskId, (usize, TaskState)>,
}

impl Lost {
    /// A task of which the end was not heard, when all is settled.
    pub fn unsettled(&self) -> Option<String> {
        let mut open = self.open.iter();
        // On an agent that never came back; partition-aware frameworks hear so.
        let lost = open.find(|(_, (_, last))| *last != TaskState::TaskUnreachable);
        lost.map(|(task, (framework, last))| {
            let last = last.as_str_name();
            format!("framework {framework} asked for {task}, and heard no more than {last}")
        })
    }
}

impl Invariant for Lost {
    const NAME: &'static str = "lost";

    fn event(&mut self, _: Duration, event: &Event, _: &mut Findings) {
        match event {
            Event::Accepted(framework, _, tasks) => {
                for (task, _) in tasks {
                    let open = (*framework, TaskState::TaskStaging);
                    self.open.insert(task.clone(), open);
                }
            }
            Event::Updated(_, update) => {
                let state = update.state;
                if state.is_terminal() || state == TaskState::TaskUnknown {
                    self.open.remove(&update.task);
                } else if let Some((_, last)) = self.open.get_mut(&update.task) {
                    *last = state;
                }
            }
            // It has ended itself, or the master has ended it, with all its tasks.
            Event::Left(framework) | Event::Refused(framework, _) => {
                self.open.retain(|_, (of, _)| of != framework);
            }
            _ => {}
        }
    }
}
