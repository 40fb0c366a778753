//! An agent's oversubscribed resources changed.

use std::sync::Arc;

use messages::internal::UpdateSlaveMessage;
use model::Resources;
use model::ids::AgentId;

use crate::allocator::messages::UpdateAgent;
use crate::env::Uuid;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Takes on the agent's revocable resources. Offers that hold such are rescinded:
    /// they may not be there any more.
    pub(crate) fn update_agent(&mut self, turn: &mut Turn<'_, '_>, message: UpdateSlaveMessage) {
        self.count().messages_update_slave += 1;
        let id = AgentId::from(&message.slave_id);
        let Some(agent) = self.agents.get(&id) else {
            return;
        };
        let version = message
            .resource_version_uuid
            .as_ref()
            .and_then(|it| Uuid::from_bytes(&it.value));
        let total = if message.update_oversubscribed_resources.unwrap_or(true) {
            match Resources::from_proto(&message.oversubscribed_resources) {
                Ok(revocable) => Arc::new(agent.total().non_revocable() + revocable),
                Err(error) => {
                    tracing::warn!(agent = %id, %error, "dropping an agent's update");
                    return;
                }
            }
        } else {
            Arc::clone(agent.total_shared())
        };
        if *total == *agent.total() {
            self.agents.set_total(&id, total, version);
            return;
        }
        let stale: Vec<_> = agent
            .offers()
            .iter()
            .filter_map(|id| self.offers.get(id.as_str()))
            .filter(|offer| !offer.resources().revocable().is_empty())
            .map(|offer| offer.id().clone())
            .collect();
        self.agents.set_total(&id, Arc::clone(&total), version);
        // The allocator learns what is there before it learns what is free.
        turn.allocator(UpdateAgent {
            agent_id: id,
            facts: None,
            total: Some(total),
        });
        for offer in &stale {
            self.rescind(turn, offer);
        }
    }
}

#[cfg(test)]
mod tests;
