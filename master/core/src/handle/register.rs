//! A new agent wants in: it is written to the registry first, and welcomed then (M12).

use std::sync::Arc;

use messages::internal::{
    MasterSlaveConnection, PingSlaveMessage, RegisterSlaveMessage, SlaveRegisteredMessage,
};
use messages::v1::master::event as operator_event;
use model::ids::AgentId;
use runtime_core::Pid;

use crate::agents::{Agent, Arrival};
use crate::allocator::messages::AddAgent;
use crate::effect::{Effect, ToAgent};
use crate::input::Timer;
use crate::master::Master;
use crate::operators;
use crate::registry::Operation;
use crate::report::read_arrival;
use crate::turn::Turn;
use crate::writes::{Removal, Stage};

impl Master {
    pub(crate) fn register_agent(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: &Pid,
        message: RegisterSlaveMessage,
    ) {
        self.count().messages_register_slave += 1;
        if self.writes.is_registering(from) {
            return;
        }
        let read = read_arrival(
            message.slave,
            message.version.as_deref(),
            &message.agent_capabilities,
            message.resource_version_uuid.as_ref(),
        );
        let mut arrival = match read {
            Ok(arrival) => arrival,
            Err(error) => {
                tracing::warn!(%from, %error, "ignoring an agent's registration");
                return;
            }
        };
        if !self.admits_domain(&arrival.info) {
            tracing::warn!(%from, "ignoring an agent with a domain: the master has none");
            return;
        }
        if let Some(agent) = self.agents.by_pid(from) {
            let (id, connected) = (agent.id().clone(), agent.is_connected());
            if connected {
                self.welcome(turn, from, &id);
                return;
            }
            self.remove_agent(turn, &id, Removal::Replaced);
        }
        let id = self.next_agent_id();
        arrival.info.id = Some(id.to_proto());
        let operation = Operation::AdmitAgent {
            info: Box::new(arrival.full_info()),
        };
        let stage = Stage::Admit {
            from: from.clone(),
            agent: id,
            arrival: Box::new(arrival),
        };
        self.writes.start(turn, operation, stage);
    }

    /// The registry has admitted the agent.
    pub(crate) fn admitted(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: Pid,
        id: AgentId,
        arrival: Arrival,
    ) {
        tracing::info!(agent = %id, %from, "registered an agent");
        self.count().slave_registrations += 1;
        let agent = arrival.into_agent(id.clone(), from.clone(), turn.env.time);
        self.agents.insert(agent);
        self.begin_with_agent(turn, &id);
        self.welcome(turn, &from, &id);
    }

    /// What follows when an agent is among the registered ones, with what runs there:
    /// it is watched, pinged, and its resources are offered.
    pub(crate) fn begin_with_agent(&mut self, turn: &mut Turn<'_, '_>, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else {
            return;
        };
        turn.push(Effect::Link {
            to: agent.pid().clone(),
            reconnect: false,
        });
        self.give_to_allocator(turn, id);
        self.operators.tell(turn, || agent_added(agent));
        let ping = PingSlaveMessage { connected: true };
        turn.tell_agent(agent.pid(), ToAgent::Ping(ping));
        let timeout = self.config.agent_ping_timeout;
        if self.pings.begin(id.clone(), turn.env.now.after(timeout)) {
            turn.timer(timeout, Timer::Pings);
        }
    }

    /// Lets the allocator offer what the agent has and nobody uses.
    pub(crate) fn give_to_allocator(&self, turn: &mut Turn<'_, '_>, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else {
            return;
        };
        turn.allocator(AddAgent {
            agent_id: id.clone(),
            facts: agent.facts(),
            total: Arc::clone(agent.total_shared()),
            used: agent
                .used()
                .iter()
                .map(|(id, used)| (id.clone(), (**used).clone()))
                .collect(),
        });
    }

    /// How long the agent may hear nothing (M17).
    pub(crate) fn agent_connection(&self) -> MasterSlaveConnection {
        MasterSlaveConnection {
            total_ping_timeout_seconds: Some(self.config.total_ping_timeout().as_secs_f64()),
        }
    }

    /// An agent with a domain is let in only if the master has one too: else nobody
    /// knew whether it is remote.
    pub(crate) fn admits_domain(&self, info: &messages::v1::AgentInfo) -> bool {
        info.domain.is_none() || self.info.domain.is_some()
    }

    fn welcome(&self, turn: &mut Turn<'_, '_>, to: &Pid, id: &AgentId) {
        let message = SlaveRegisteredMessage {
            slave_id: id.to_proto(),
            connection: Some(self.agent_connection()),
        };
        turn.tell_agent(to, ToAgent::Registered(message));
    }
}

fn agent_added(agent: &Agent) -> messages::v1::master::Event {
    messages::v1::master::Event {
        agent_added: Some(operator_event::AgentAdded {
            agent: agent.to_proto(),
        }),
        ..operators::event(operator_event::Type::AgentAdded)
    }
}

#[cfg(test)]
mod tests;
