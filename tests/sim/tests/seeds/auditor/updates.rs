//! I3: what executors say reaches the framework in order, one at a time, and again until
//! it is acknowledged; and all of it that an agent has taken does reach it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use master_core::Snapshot;
use messages::v1::TaskState;
use model::ids::{FrameworkId, TaskId};

use super::{Findings, Invariant};
use crate::events::Event;
use crate::faults;

#[derive(Default)]
pub struct Updates {
    streams: BTreeMap<TaskId, Stream>,
    /// The frameworks' numbers by their ids.
    numbers: BTreeMap<FrameworkId, usize>,
    /// Frameworks that were ended: what is launched for them yet is void.
    over: BTreeSet<FrameworkId>,
}

/// The updates of one task.
#[derive(Default)]
struct Stream {
    agent: usize,
    /// What the executor said, the first at 0.
    said: Vec<TaskState>,
    /// How much of it the agent has taken.
    taken: BTreeSet<u32>,
    /// How much of it the framework has heard, at least once.
    heard: u32,
    acknowledged: BTreeSet<u32>,
    /// The agent, or the framework, is not the one any more that it was: what was said
    /// may be lost.
    is_void: bool,
}

impl Updates {
    fn void(&mut self, is_of: impl Fn(&TaskId, &Stream) -> bool) {
        for (task, stream) in &mut self.streams {
            if is_of(task, stream) {
                stream.is_void = true;
            }
        }
    }

    fn void_framework(&mut self, framework: usize) {
        let ids = self
            .numbers
            .iter()
            .filter(|(_, number)| **number == framework);
        self.over.extend(ids.map(|(id, _)| id.clone()));
        let mine = format!("f{framework}-");
        self.void(|task, _| task.as_str().starts_with(&mine));
    }

    /// What was taken and not heard, or heard and not acknowledged, when all is settled.
    pub fn unsettled(&self) -> Option<String> {
        self.streams.iter().find_map(|(task, stream)| {
            if stream.is_void {
                return None;
            }
            let unheard = stream.taken.iter().find(|number| **number > stream.heard);
            if let Some(number) = unheard {
                return Some(format!("update #{number} of {task} was not heard"));
            }
            let missing = (1..=stream.heard).find(|number| !stream.acknowledged.contains(number));
            missing.map(|number| format!("update #{number} of {task} was not acknowledged"))
        })
    }
}

impl Invariant for Updates {
    const NAME: &'static str = "updates";

    fn event(&mut self, _: Duration, event: &Event, found: &mut Findings) {
        match event {
            Event::Launched {
                agent,
                framework,
                task,
                ..
            } => {
                let stream = self.streams.entry(task.clone()).or_default();
                stream.agent = *agent;
                stream.is_void |= self.over.contains(framework);
            }
            Event::Said {
                task,
                sequence,
                state,
                ..
            } => {
                let stream = self.streams.entry(task.clone()).or_default();
                // Executors count from one, and so on unless a task is launched twice.
                stream.said.truncate((*sequence as usize).saturating_sub(1));
                stream.said.push(*state);
            }
            Event::Taken { task, sequence, .. } => {
                let stream = self.streams.entry(task.clone()).or_default();
                stream.taken.insert(*sequence);
            }
            Event::Updated(_, update) => {
                let Some(number) = update.sequence else {
                    return;
                };
                let stream = self.streams.entry(update.task.clone()).or_default();
                let said = (number as usize)
                    .checked_sub(1)
                    .and_then(|index| stream.said.get(index));
                if said != Some(&update.state) {
                    found.say(format!("{update:?} was heard; said was {said:?}"));
                }
                if number > stream.heard + 1 {
                    found.say(format!(
                        "{update:?} was heard; #{} was not heard before",
                        number - 1
                    ));
                }
                if number > 1 && !stream.acknowledged.contains(&(number - 1)) {
                    found.say(format!(
                        "{update:?} was heard before #{} was acknowledged",
                        number - 1
                    ));
                }
                if number < stream.heard {
                    found.say(format!(
                        "{update:?} was heard again after #{}",
                        stream.heard
                    ));
                }
                stream.heard = stream.heard.max(number);
            }
            Event::Acknowledged(_, update) => {
                if let Some(number) = update.sequence {
                    let stream = self.streams.entry(update.task.clone()).or_default();
                    stream.acknowledged.insert(number);
                }
            }
            // Agents do not checkpoint: what they know ends with them.
            Event::Started(host) => {
                self.void(|_, stream| *host == faults::agent(stream.agent));
            }
            Event::Subscribed(framework, id) => {
                self.numbers.insert(id.clone(), *framework);
            }
            Event::Refused(framework, _) | Event::Left(framework) => {
                self.void_framework(*framework);
            }
            _ => {}
        }
    }

    fn snapshot(&mut self, _: Duration, snapshot: &Snapshot, _: &mut Findings) {
        // A framework that stayed away for too long was ended with all its tasks, though
        // the next master may let it go on.
        let ended = snapshot.frameworks.completed().values();
        let ended: Vec<_> = ended
            .filter_map(|framework| self.numbers.get(framework.id()))
            .copied()
            .collect();
        for framework in ended {
            self.void_framework(framework);
        }
    }
}
