//! Which agents answer (M16).

use std::collections::BTreeMap;

use model::ids::AgentId;

/// The pings of all registered agents. Apart from the agents' records, which snapshots
/// share, since it changes all the time.
#[derive(Debug, Default)]
pub(crate) struct Pings {
    agents: BTreeMap<AgentId, Pinged>,
    next_epoch: u64,
}

#[derive(Debug, Clone, Copy)]
struct Pinged {
    epoch: u64,
    answered: bool,
    missed: u32,
}

impl Pings {
    /// Begins to ping an agent and gives the number that its timers bear.
    pub(crate) fn begin(&mut self, agent: AgentId) -> u64 {
        let epoch = self.next_epoch;
        self.next_epoch += 1;
        self.agents.insert(
            agent,
            Pinged {
                epoch,
                answered: false,
                missed: 0,
            },
        );
        epoch
    }

    /// It is time for the next ping: gives how many were missed in a row, or nothing if
    /// the timer is out of date.
    pub(crate) fn due(&mut self, agent: &AgentId, epoch: u64) -> Option<u32> {
        let pinged = self.agents.get_mut(agent).filter(|it| it.epoch == epoch)?;
        if !pinged.answered {
            pinged.missed = pinged.missed.saturating_add(1);
        }
        pinged.answered = false;
        Some(pinged.missed)
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
