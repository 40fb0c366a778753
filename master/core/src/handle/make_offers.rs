//! The allocator found something to offer (A6, A8).

use std::collections::BTreeMap;
use std::sync::Arc;

use messages::v1;
use model::ids::{ExecutorId, FrameworkId};

use crate::agents::Agent;
use crate::allocator::messages::{Offered, Offers};
use crate::effect::DriverDetail;
use crate::events;
use crate::frameworks::Framework;
use crate::input::Timer;
use crate::master::Master;
use crate::offers::Offer;
use crate::turn::Turn;

impl Master {
    /// Makes offers and sends them, one event for each framework. What cannot be offered
    /// any more, since framework or agent went in the meantime, goes back.
    pub(crate) fn make_offers(&mut self, turn: &mut Turn<'_, '_>, found: Offers) {
        let mut events: BTreeMap<FrameworkId, (Vec<v1::Offer>, Vec<runtime_core::Pid>)> =
            BTreeMap::new();
        for offered in found.offers {
            let framework = offered.framework_id.clone();
            if let Some((offer, pid)) = self.make_offer(turn, offered) {
                let (offers, pids) = events.entry(framework).or_default();
                offers.push(offer);
                pids.push(pid);
            }
        }
        for (framework, (offers, pids)) in events {
            let event = events::offers(offers);
            self.tell(turn, &framework, event, DriverDetail::Agents(pids));
        }
    }

    fn make_offer(
        &mut self,
        turn: &mut Turn<'_, '_>,
        offered: Offered,
    ) -> Option<(v1::Offer, runtime_core::Pid)> {
        let Offered {
            framework_id,
            role,
            agent_id,
            resources,
        } = offered;
        let framework = self
            .frameworks
            .get(&framework_id)
            .filter(|it| it.is_active() && it.roles().contains(&role));
        let agent = self.agents.get(&agent_id).filter(|it| it.is_active());
        let shown = framework
            .zip(agent)
            .and_then(|(framework, _)| shown_resources(framework, &resources));
        let Some(shown) = shown else {
            self.free(turn, &framework_id, &agent_id, &resources);
            return None;
        };
        let id = self.next_offer_id();
        let framework = self.frameworks.get_mut(&framework_id)?;
        let multi_role = framework.capabilities().multi_role();
        framework.add_offer(&id, &resources);
        let agent = self.agents.get_mut(&agent_id)?;
        agent.add_offer(&id, &resources);
        let pid = agent.pid().clone();
        let event = v1::Offer {
            id: id.to_proto(),
            framework_id: framework_id.to_proto(),
            agent_id: agent_id.to_proto(),
            hostname: agent.hostname().to_owned(),
            url: Some(url_of(agent)),
            domain: agent.info().domain().cloned(),
            resources: shown,
            attributes: agent.info().attributes().to_vec(),
            executor_ids: agent
                .executors_of(&framework_id)
                .map(ExecutorId::to_proto)
                .collect(),
            unavailability: None,
            allocation_info: multi_role.then(|| v1::resource::AllocationInfo {
                role: Some(role.to_string()),
            }),
        };
        if let Some(timeout) = self.config.offer_timeout {
            turn.timer(timeout, Timer::Offer { offer: id.clone() });
        }
        let offer = Offer {
            id,
            framework: framework_id,
            agent: agent_id,
            role,
            resources,
        };
        self.offers.insert(Arc::new(offer));
        Some((event, pid))
    }
}

/// The resources as the framework understands them: without MULTI_ROLE they are
/// allocated to nobody, without RESERVATION_REFINEMENT they have a role. `None` if the
/// old form cannot say them.
fn shown_resources(
    framework: &Framework,
    resources: &model::Resources,
) -> Option<Vec<v1::Resource>> {
    let capabilities = framework.capabilities();
    let unallocated;
    let resources = if capabilities.multi_role() {
        resources
    } else {
        unallocated = resources.unallocated();
        &unallocated
    };
    if capabilities.reservation_refinement() {
        Some(resources.to_proto())
    } else {
        resources.to_proto_old_form().ok()
    }
}

/// Where the agent's HTTP endpoints are.
pub(crate) fn url_of(agent: &Agent) -> v1::Url {
    let pid = agent.pid();
    v1::Url {
        scheme: "http".to_owned(),
        address: v1::Address {
            hostname: Some(agent.hostname().to_owned()),
            ip: Some(pid.address.ip().to_string()),
            port: i32::from(pid.address.port()),
        },
        path: Some(format!("/{}", pid.id)),
        ..v1::Url::default()
    }
}

#[cfg(test)]
mod tests;
