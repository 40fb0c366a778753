//! I5: an agent that an operator gave up for good is never let in again, not even by
//! another master.

use std::collections::BTreeSet;
use std::time::Duration;

use master_core::Snapshot;
use model::ids::AgentId;

use super::{Findings, Invariant};
use crate::events::Event;

#[derive(Default)]
pub struct Gone(BTreeSet<AgentId>);

impl Invariant for Gone {
    const NAME: &'static str = "gone";

    fn event(&mut self, _: Duration, event: &Event, _: &mut Findings) {
        if let Event::Operated(agent, Some(200)) = event {
            self.0.insert(agent.clone());
        }
    }

    fn snapshot(&mut self, _: Duration, snapshot: &Snapshot, found: &mut Findings) {
        if snapshot.elected.is_none() {
            return;
        }
        for agent in &self.0 {
            if snapshot.agents.get(agent).is_some() {
                found.say(format!("{agent} was given up, and is registered"));
            }
            if !snapshot.agents.gone().contains_key(agent) {
                found.say(format!("{agent} was given up, which is forgotten"));
            }
        }
    }
}
