//! I3: what a framework has acknowledged, and only that, is acknowledged to the agent; and
//! an executor hears once that what it said was taken.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messages::internal::StatusUpdateAcknowledgementMessage;
use model::ids::TaskId;
use runtime::Mail;

use super::{Findings, Invariant};
use crate::events::Event;
use crate::seams::Tap;

#[derive(Default)]
pub struct Acknowledgements {
    /// How often a framework acknowledged an update that the master has not passed on yet.
    owed: BTreeMap<Vec<u8>, u32>,
    taken: BTreeSet<(String, TaskId, u32)>,
}

impl Invariant for Acknowledgements {
    const NAME: &'static str = "acknowledgements";

    fn event(&mut self, _: Duration, event: &Event, found: &mut Findings) {
        match event {
            Event::Acknowledged(_, update) => {
                if let Some(uuid) = &update.uuid {
                    *self.owed.entry(uuid.clone()).or_default() += 1;
                }
            }
            Event::Taken {
                container,
                task,
                sequence,
            } => {
                let key = (container.clone(), task.clone(), *sequence);
                if *sequence > 0 && !self.taken.insert(key) {
                    found.say(format!("update #{sequence} of {task} was taken twice"));
                }
            }
            _ => {}
        }
    }

    fn mail(
        &mut self,
        _: Duration,
        _: &Tap,
        _: &Mail<'_>,
        message: &dyn Any,
        found: &mut Findings,
    ) {
        let Some(message) = message.downcast_ref::<StatusUpdateAcknowledgementMessage>() else {
            return;
        };
        match self.owed.get_mut(&message.uuid[..]) {
            Some(owed) if *owed > 0 => *owed -= 1,
            _ => found.say(format!(
                "an update of {} is acknowledged, which its framework did not",
                message.task_id.value
            )),
        }
    }
}
