//! Which agents answer (M16).

use std::collections::{BTreeMap, VecDeque};

use model::ids::AgentId;

use crate::env::Moment;

/// The pings of all registered agents. Apart from the agents' records, which snapshots
/// share, since it changes all the time.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    agents: BTreeMap<AgentId, Pinged>,
    next_epoch: u64,
    /// Who is asked next. Each is asked after the same time, so that they are in order, and one
    /// timer serves them all.
    queue: VecDeque<Turn>,
}

#[derive(Debug, Clone, Copy)]
struct Pinged {
    epoch: u64,
    answered: bool,
    missed: u32,
}

/// When an agent is asked.
#[derive(Debug)]
struct Turn {
    at: Moment,
    agent: AgentId,
    /// Tells an agent from the one that was there before under its id.
    epoch: u64,
}

impl Pings {
    /// Begins to ping an agent, which is to be asked again `at` this moment, no earlier than all
    /// others. Says whether a timer must be set for that, since none is.
    pub(crate) fn begin(&mut self, agent: AgentId, at: Moment) -> bool {
        let epoch = self.next_epoch;
        self.next_epoch += 1;
        let pinged = Pinged {
            epoch,
            answered: false,
            missed: 0,
        };
        self.agents.insert(agent.clone(), pinged);
        let is_first = self.queue.is_empty();
        self.queue.push_back(Turn { at, agent, epoch });
        is_first
    }

    /// An agent whose turn it is, and how many pings it missed in a row. It is to be asked
    /// [again](Self::again).
    pub(crate) fn due(&mut self, now: Moment) -> Option<(AgentId, u32)> {
        while let Some(turn) = self.queue.pop_front_if(|turn| turn.at <= now) {
            let pinged = self.agents.get_mut(&turn.agent);
            let Some(pinged) = pinged.filter(|it| it.epoch == turn.epoch) else {
                continue;
            };
            if !pinged.answered {
                pinged.missed = pinged.missed.saturating_add(1);
            }
            pinged.answered = false;
            return Some((turn.agent, pinged.missed));
        }
        None
    }

    /// The agent is to be asked `at` this moment, no earlier than all others.
    pub(crate) fn again(&mut self, agent: AgentId, at: Moment) {
        if let Some(pinged) = self.agents.get(&agent) {
            let epoch = pinged.epoch;
            self.queue.push_back(Turn { at, agent, epoch });
        }
    }

    /// When it is somebody's turn.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.queue.front().map(|turn| turn.at)
    }

    /// The agent answered.
    pub(crate) fn answered(&mut self, agent: &AgentId) {
        if let Some(pinged) = self.agents.get_mut(agent) {
            pinged.answered = true;
            pinged.missed = 0;
        }
    }

    /// Pings an agent no more.
    pub(crate) fn end(&mut self, agent: &AgentId) {
        self.agents.remove(agent);
    }
}
