//! A framework subscribes, for the first time, again, or instead of another scheduler
//! of the same id (M28, V7–V9).

use std::sync::Arc;

use messages::v1;
use messages::v1::master::event as operator_event;
use messages::v1::scheduler::Call;
use messages::v1::scheduler::call::{Subscribe, Type};
use model::ids::FrameworkId;
use model::validation::framework;
use runtime_core::Pid;

use super::subscription::Subscription;
use crate::allocator::FrameworkFacts;
use crate::allocator::messages::{ActivateFramework, AddFramework, UpdateFramework};
use crate::connection::{Connection, StreamId, Token};
use crate::effect::{DriverDetail, Effect, ToAgent};
use crate::events;
use crate::frameworks::Framework;
use crate::input::Timer;
use crate::limits::HEARTBEAT_INTERVAL;
use crate::master::Master;
use crate::operators;
use crate::turn::Turn;

/// What a scheduler is told whose place was taken.
const FAILED_OVER: &str = "Framework failed over";

impl Master {
    pub(crate) fn subscribe_by_http(
        &mut self,
        turn: &mut Turn<'_, '_>,
        token: Token,
        principal: Option<String>,
        call: Call,
    ) {
        let stream = StreamId::new(turn.env.uuid());
        turn.push(Effect::OpenStream { token, stream });
        let mut subscribe = call.subscribe.unwrap_or_default();
        if subscribe.framework_info.principal.is_none() {
            subscribe.framework_info.principal = principal;
        }
        self.subscribe(turn, Connection::Http(stream), true, subscribe);
    }

    pub(crate) fn subscribe_by_driver(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: &Pid,
        force: bool,
        call: Call,
    ) {
        let subscribe = call.subscribe.unwrap_or_default();
        self.subscribe(turn, Connection::Pid(from.clone()), force, subscribe);
    }

    /// `force` is whether to take the place of another connected scheduler (M28).
    fn subscribe(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: Connection,
        force: bool,
        subscribe: Subscribe,
    ) {
        let id = subscribe
            .framework_info
            .id
            .as_ref()
            .filter(|id| !id.value.is_empty())
            .map(FrameworkId::from);
        if id.is_some() {
            self.count().messages_reregister_framework += 1;
        } else {
            self.count().messages_register_framework += 1;
        }
        let subscription = match self.check_subscription(
            subscribe.framework_info,
            &subscribe.suppressed_roles,
            subscribe.offer_constraints,
        ) {
            Ok(subscription) => subscription,
            Err(error) => {
                refuse(turn, &from, &error.to_string());
                return;
            }
        };
        match id {
            None => self.subscribe_new(turn, from, subscription),
            Some(id) => self.subscribe_known(turn, from, force, &id, subscription),
        }
    }

    fn subscribe_new(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: Connection,
        subscription: Subscription,
    ) {
        match from.pid().and_then(|pid| self.frameworks.by_pid(pid)) {
            Some(framework) if framework.is_connected() => {
                // A driver that asks again since the answer got lost.
                let id = framework.id().clone();
                self.welcome_framework(turn, &id, DriverDetail::None);
            }
            Some(framework) if is_asked_for_again(framework, &subscription.info) => {
                let id = framework.id().clone();
                self.change_framework(turn, &id, subscription.of(&id));
                self.reconnect(turn, &id, from, DriverDetail::None);
            }
            _ => self.subscribe_another(turn, from, subscription),
        }
    }

    fn subscribe_another(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: Connection,
        subscription: Subscription,
    ) {
        let id = self.next_framework_id();
        let Subscription {
            info,
            suppressed,
            offer_constraints,
            facts,
        } = subscription.of(&id);
        let mut framework = Framework::new(
            id.clone(),
            Arc::new(info.clone()),
            &self.config,
            turn.env.time,
        );
        framework.update(info, suppressed, offer_constraints);
        self.frameworks.insert(framework);
        self.connect(turn, &id, from);
        turn.allocator(AddFramework {
            framework_id: id.clone(),
            facts,
            active: true,
        });
        self.welcome_framework(turn, &id, DriverDetail::None);
        self.tell_operators_added(turn, &id);
    }

    fn subscribe_known(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: Connection,
        force: bool,
        id: &FrameworkId,
        mut subscription: Subscription,
    ) {
        if let Some(pid) = from.pid()
            && self
                .frameworks
                .by_pid(pid)
                .is_some_and(|other| other.id() != id && other.is_connected())
        {
            tracing::warn!(%id, %pid, "dropping SUBSCRIBE: another framework is connected there");
            return;
        }
        if self.frameworks.get(id).is_none() {
            self.recover_framework(turn, id, &subscription.info);
        }
        let Some(known) = self.frameworks.get(id) else {
            return;
        };
        // What a framework says anew of its user or checkpointing is passed over (M32).
        framework::preserve_immutable(known.info(), &mut subscription.info);
        let update = framework::validate_update(known.info(), &subscription.info);
        if let Err(error) = update {
            refuse(turn, &from, &error.to_string());
            return;
        }
        let was_recovered = known.is_recovered();
        let same_driver =
            from.pid().is_some() && known.connection().and_then(Connection::pid) == from.pid();
        if !was_recovered && !same_driver && !force {
            refuse(turn, &from, FAILED_OVER);
            return;
        }
        self.change_framework(turn, id, subscription);
        let detail = if same_driver && !force && !was_recovered {
            self.take_offers_back(turn, id, true);
            DriverDetail::Reregistered
        } else {
            self.take_offers_back(turn, id, false);
            DriverDetail::None
        };
        if !was_recovered && !same_driver {
            self.tell(turn, id, events::error(FAILED_OVER), DriverDetail::None);
        }
        self.reconnect(turn, id, from, detail);
        self.frameworks.hear_id(id);
    }

    /// Connects a known framework, of which the agents that run its tasks hear.
    fn reconnect(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        to: Connection,
        detail: DriverDetail,
    ) {
        let was_active = self.frameworks.get(id).is_some_and(|it| it.is_active());
        self.connect(turn, id, to);
        if !was_active {
            turn.allocator(ActivateFramework {
                framework_id: id.clone(),
            });
        }
        self.welcome_framework(turn, id, detail);
        self.publish_framework(turn, id);
    }

    /// Connects a framework anew; an old event stream ends.
    fn connect(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId, to: Connection) {
        if let Connection::Pid(pid) = &to {
            turn.push(Effect::Link {
                to: pid.clone(),
                reconnect: false,
            });
        }
        let old = self.frameworks.connect(id, to, turn.env.time);
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.metrics_mut().called(Type::Subscribe);
        }
        if let Some(stream) = old.as_ref().and_then(Connection::stream) {
            turn.push(Effect::CloseStream(stream));
        }
    }

    /// SUBSCRIBED, and by HTTP a HEARTBEAT at once (V10).
    fn welcome_framework(&self, turn: &mut Turn<'_, '_>, id: &FrameworkId, detail: DriverDetail) {
        let event = events::subscribed(id, &self.info);
        self.tell(turn, id, event, detail);
        let connection = self.frameworks.get(id).and_then(|it| it.connection());
        if let Some(stream) = connection.and_then(Connection::stream) {
            self.heartbeat(turn, id, stream);
        }
    }

    /// Time for a HEARTBEAT, unless the stream is not the framework's any more.
    pub(crate) fn heartbeat(&self, turn: &mut Turn<'_, '_>, id: &FrameworkId, stream: StreamId) {
        let current = Connection::Http(stream);
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        if framework.connection() == Some(&current) {
            turn.event(Some(id), &current, events::heartbeat(), DriverDetail::None);
            let timer = Timer::Heartbeat {
                framework: id.clone(),
                stream,
            };
            turn.timer(HEARTBEAT_INTERVAL, timer);
        }
    }

    /// Learns of a framework that has not subscribed with this master yet: from an agent
    /// that runs its tasks, or from itself as it subscribes (M30).
    pub(crate) fn recover_framework(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        info: &v1::FrameworkInfo,
    ) {
        let facts = match FrameworkFacts::new(info, Default::default()) {
            Ok(facts) => facts,
            Err(error) => {
                tracing::warn!(%id, %error, "an agent reports a framework that cannot be");
                return;
            }
        };
        let info = Arc::new(info.clone());
        let framework = Framework::new(id.clone(), info, &self.config, turn.env.time);
        self.frameworks.insert(framework);
        turn.allocator(AddFramework {
            framework_id: id.clone(),
            facts,
            active: false,
        });
        self.tell_operators_added(turn, id);
    }

    /// Learns of those frameworks that are neither known nor over.
    pub(crate) fn recover_frameworks(
        &mut self,
        turn: &mut Turn<'_, '_>,
        frameworks: &[v1::FrameworkInfo],
    ) {
        for info in frameworks {
            let Some(id) = info.id.as_ref().map(FrameworkId::from) else {
                continue;
            };
            if self.frameworks.get(&id).is_none() && !self.frameworks.is_completed(&id) {
                self.recover_framework(turn, &id, info);
            }
        }
    }

    /// Takes on a framework's new description. Offers for roles that it left are
    /// rescinded.
    pub(crate) fn change_framework(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        subscription: Subscription,
    ) {
        let Subscription {
            info,
            suppressed,
            offer_constraints,
            facts,
        } = subscription;
        turn.allocator(UpdateFramework {
            framework_id: id.clone(),
            facts: facts.clone(),
        });
        let left: Vec<_> = self.frameworks.get(id).map_or_else(Vec::new, |framework| {
            let offers = framework
                .offers()
                .iter()
                .filter_map(|id| self.offers.get(id.as_str()));
            let left = offers.filter(|offer| !facts.roles.contains(offer.role()));
            left.map(|offer| offer.id().clone()).collect()
        });
        for offer in &left {
            self.rescind(turn, offer);
        }
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.update(info, suppressed, offer_constraints);
        }
    }

    /// Tells operators, and the agents it has something on, how a framework is now.
    pub(crate) fn publish_framework(&self, turn: &mut Turn<'_, '_>, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        self.operators.tell(turn, || v1::master::Event {
            framework_updated: Some(operator_event::FrameworkUpdated {
                framework: framework.to_proto(),
            }),
            ..operators::event(operator_event::Type::FrameworkUpdated)
        });
        let message = framework.update_message();
        for agent in framework
            .presence()
            .keys()
            .filter_map(|id| self.agents.get(id))
        {
            turn.tell_agent(agent.pid(), ToAgent::UpdateFramework(Arc::clone(&message)));
        }
    }

    /// Frees the resources of all offers that a framework has.
    pub(crate) fn take_offers_back(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        rescind: bool,
    ) {
        let offers: Vec<_> = self
            .frameworks
            .get(id)
            .map_or_else(Vec::new, |it| it.offers().iter().cloned().collect());
        for offer in &offers {
            if rescind {
                self.rescind(turn, offer);
            } else {
                self.discard_offer(turn, offer);
            }
        }
    }

    fn tell_operators_added(&self, turn: &mut Turn<'_, '_>, id: &FrameworkId) {
        if let Some(framework) = self.frameworks.get(id) {
            self.operators.tell(turn, || v1::master::Event {
                framework_added: Some(operator_event::FrameworkAdded {
                    framework: framework.to_proto(),
                }),
                ..operators::event(operator_event::Type::FrameworkAdded)
            });
        }
    }
}

/// Whether a driver that subscribes without an id is that of this framework, whose connection
/// broke before the driver heard of its id. A scheduler that knew it would say it: one that
/// begins at the same address after it must not take over what that has left behind.
fn is_asked_for_again(framework: &Framework, info: &v1::FrameworkInfo) -> bool {
    let known = v1::FrameworkInfo {
        id: info.id.clone(),
        ..framework.info().clone()
    };
    !framework.has_said_id() && known == *info
}

/// Sends ERROR to somebody who wanted to subscribe, and ends the stream.
fn refuse(turn: &mut Turn<'_, '_>, from: &Connection, why: &str) {
    tracing::info!(%from, why, "refusing a subscription");
    turn.event(None, from, events::error(why), DriverDetail::None);
    if let Connection::Http(stream) = from {
        turn.push(Effect::CloseStream(*stream));
    }
}

#[cfg(test)]
mod tests;
