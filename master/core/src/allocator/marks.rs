//! What the next run looks at: agents as a whole, or only for some clients.
//!
//! An agent that a run looked at is settled: what is free there nobody takes. A change of
//! the agent unsettles it for everybody. A filter that expires, or a framework that
//! starts to want offers, can only make a difference for that framework, so that a run
//! need not ask all the others again.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::roles::ClientKey;
use super::slots::{Slot, SlotSet};

/// Beyond so many clients an agent is looked at as a whole: they would have to be put in
/// order first.
const CLIENTS_MAX: usize = 16;

/// A few clients, in no order.
pub(super) type Clients = SmallVec<[ClientKey; 2]>;

/// How to look at an agent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Look {
    /// For everybody.
    Whole,
    /// For these clients only.
    Only(Clients),
}

/// Notes from one run to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    /// Agents with something free.
    leftover: SlotSet,
    /// Agents to be looked at for everybody.
    agents: SlotSet,
    /// Clients for whom all agents with something free are to be looked at.
    clients: Clients,
    /// Agents to be looked at for some clients.
    retries: BTreeMap<Slot, Clients>,
}

impl Marks {
    /// Notes whether an agent has anything free.
    pub(super) fn set_leftover(&mut self, agent: Slot, leftover: bool) {
        if leftover {
            self.leftover.insert(agent);
        } else {
            self.leftover.remove(agent);
        }
    }

    /// The agent changed.
    pub(super) fn agent(&mut self, agent: Slot) {
        self.agents.insert(agent);
    }

    /// All agents with anything free, for everybody.
    pub(super) fn everything(&mut self) {
        self.clients.clear();
        for agent in self.leftover.iter() {
            self.agents.insert(agent);
        }
    }

    /// The client takes offers that it did not take before.
    pub(super) fn client(&mut self, client: ClientKey) {
        if self.clients.contains(&client) {
            return;
        }
        if self.clients.len() < CLIENTS_MAX {
            self.clients.push(client);
        } else {
            self.everything();
        }
    }

    /// The client takes offers of the agent that it did not take before.
    pub(super) fn client_on(&mut self, agent: Slot, client: ClientKey) {
        if self.agents.contains(agent) || !self.leftover.contains(agent) {
            return;
        }
        let clients = self.retries.entry(agent).or_default();
        if clients.contains(&client) {
            return;
        }
        if clients.len() < CLIENTS_MAX {
            clients.push(client);
        } else {
            self.retries.remove(&agent);
            self.agents.insert(agent);
        }
    }

    /// The agent is gone.
    pub(super) fn forget(&mut self, agent: Slot) {
        self.leftover.remove(agent);
        self.agents.remove(agent);
        self.retries.remove(&agent);
    }

    /// Whether there is anything to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.agents.is_empty()
            && self.retries.is_empty()
            && (self.clients.is_empty() || self.leftover.is_empty())
    }

    /// How many agents there are to look at.
    pub(super) fn len(&self) -> usize {
        if self.clients.is_empty() {
            self.agents.len() + self.retries.len()
        } else {
            let settled = self
                .agents
                .iter()
                .filter(|&agent| !self.leftover.contains(agent));
            settled.count() + self.leftover.len()
        }
    }

    #[cfg(test)]
    pub(super) fn is_leftover(&self, agent: Slot) -> bool {
        self.leftover.contains(agent)
    }

    /// Takes all notes: each agent once.
    pub(super) fn take(&mut self) -> Vec<(Slot, Look)> {
        let mut looks = Vec::with_capacity(self.len());
        let mut retries = std::mem::take(&mut self.retries);
        let clients = std::mem::take(&mut self.clients);
        if !clients.is_empty() {
            for agent in self
                .leftover
                .iter()
                .filter(|&agent| !self.agents.contains(agent))
            {
                let mut only = clients.clone();
                only.extend(retries.remove(&agent).into_iter().flatten());
                only.sort_unstable();
                only.dedup();
                looks.push((agent, Look::of(only)));
            }
        }
        for (agent, only) in retries {
            if !self.agents.contains(agent) {
                looks.push((agent, Look::of(only)));
            }
        }
        looks.extend(
            self.agents
                .drain()
                .into_iter()
                .map(|agent| (agent, Look::Whole)),
        );
        looks
    }
}

impl Look {
    fn of(clients: Clients) -> Self {
        if clients.len() > CLIENTS_MAX {
            Self::Whole
        } else {
            Self::Only(clients)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(framework: Slot) -> ClientKey {
        ClientKey { role: 0, framework }
    }

    fn marks() -> Marks {
        let mut marks = Marks::default();
        for agent in 0..3 {
            marks.set_leftover(agent, true);
        }
        marks
    }

    fn only(frameworks: &[Slot]) -> Look {
        Look::Only(
            frameworks
                .iter()
                .map(|&framework| client(framework))
                .collect(),
        )
    }

    fn taken(marks: &mut Marks) -> BTreeMap<Slot, Look> {
        let len = marks.len();
        let looks = marks.take();
        assert_eq!(looks.len(), len);
        assert!(marks.is_empty() && marks.take().is_empty());
        looks.into_iter().collect()
    }

    #[test]
    fn each_agent_is_looked_at_once_and_as_widely_as_anything_asks() {
        let mut marks = marks();
        marks.client_on(1, client(7));
        marks.client_on(2, client(7));
        marks.agent(2);
        marks.client(client(8));
        let expected = [(0, only(&[8])), (1, only(&[7, 8])), (2, Look::Whole)];
        assert_eq!(taken(&mut marks), expected.into());
    }

    #[test]
    fn agents_with_nothing_free_are_looked_at_only_if_they_changed() {
        let mut marks = marks();
        marks.set_leftover(1, false);
        marks.client(client(8));
        marks.client_on(1, client(8));
        marks.agent(1);
        let expected = [(0, only(&[8])), (1, Look::Whole), (2, only(&[8]))];
        assert_eq!(taken(&mut marks), expected.into());
        for agent in 0..3 {
            marks.forget(agent);
        }
        marks.client(client(8));
        assert!(marks.is_empty());
    }

    #[test]
    fn many_clients_are_everybody() {
        let mut marks = marks();
        for framework in 0..=CLIENTS_MAX as Slot {
            marks.client(client(framework));
        }
        assert!(taken(&mut marks).values().all(|look| *look == Look::Whole));

        for framework in 0..=CLIENTS_MAX as Slot {
            marks.client_on(1, client(framework));
        }
        assert_eq!(taken(&mut marks), [(1, Look::Whole)].into());
    }
}
