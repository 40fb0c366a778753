//! Calls of schedulers, by HTTP or from drivers: who may call what (V8), and which
//! conversation it belongs to.

use messages::v1::scheduler::Call;
use messages::v1::scheduler::call::Type;
use model::ids::FrameworkId;
use runtime_core::Pid;

use crate::connection::{Connection, Outcome, Token};
use crate::effect::DriverDetail;
use crate::events;
use crate::limits::STREAM_ID_LENGTH_MAX;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// A call by HTTP. Everything but its content is checked here.
    pub(crate) fn scheduler_call(
        &mut self,
        turn: &mut Turn<'_, '_>,
        token: Token,
        stream: Option<String>,
        principal: Option<String>,
        call: Call,
    ) {
        if call.r#type() == Type::Subscribe {
            if stream.is_some() {
                let why = "Subscribe calls should not include the 'Mesos-Stream-Id' header";
                turn.answer(token, Outcome::BadRequest(why.to_owned()));
            } else {
                self.subscribe_by_http(turn, token, principal, call);
            }
            return;
        }
        match self.http_caller(stream.as_deref(), principal.as_deref(), &call) {
            Err(outcome) => turn.answer(token, outcome),
            Ok(framework) => {
                let outcome = self.call(turn, &framework, call);
                turn.answer(token, outcome);
            }
        }
    }

    /// A call from a driver. There is no answer; a driver that was cut off without
    /// knowing it is told so, which makes it abort.
    pub(crate) fn driver_call(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: &Pid,
        force: bool,
        call: Call,
    ) {
        if call.r#type() == Type::Subscribe {
            self.subscribe_by_driver(turn, from, force, call);
            return;
        }
        let id = call.framework_id.as_ref().map(FrameworkId::from);
        let framework = id.and_then(|id| self.frameworks.get(&id));
        let Some(framework) = framework else {
            tracing::warn!(%from, "dropping a call: Framework cannot be found");
            return;
        };
        if framework.connection().and_then(Connection::pid) != Some(from) {
            tracing::warn!(%from, "dropping a call: it is not from the registered framework");
            return;
        }
        let (id, is_connected) = (framework.id().clone(), framework.is_connected());
        self.frameworks.hear_id(&id);
        if !is_connected {
            let event = events::error("Framework disconnected");
            let to = Connection::Pid(from.clone());
            turn.event(Some(&id), &to, event, DriverDetail::None);
            return;
        }
        if matches!(
            call.r#type(),
            Type::AcknowledgeOperationStatus | Type::ReconcileOperations
        ) {
            tracing::warn!(%from, "dropping a call that drivers cannot make");
            return;
        }
        let outcome = self.call(turn, &id, call);
        if let Outcome::BadRequest(why) = outcome {
            let (event, to) = (events::error(why), Connection::Pid(from.clone()));
            turn.event(Some(&id), &to, event, DriverDetail::None);
        }
    }

    /// The framework that makes a call by HTTP, if it may (V8).
    fn http_caller(
        &self,
        stream: Option<&str>,
        principal: Option<&str>,
        call: &Call,
    ) -> Result<FrameworkId, Outcome> {
        let id = call.framework_id.as_ref().map(FrameworkId::from);
        let framework = id
            .and_then(|id| self.frameworks.get(&id))
            .ok_or_else(|| Outcome::BadRequest("Framework cannot be found".to_owned()))?;
        let own = framework.info().principal();
        if let Some(principal) = principal
            && principal != own
        {
            return Err(Outcome::BadRequest(format!(
                "Authenticated principal '{principal}' does not match principal '{own}' set \
                 in `FrameworkInfo`"
            )));
        }
        if !framework.is_connected() {
            return Err(Outcome::Forbidden("Framework is not subscribed".to_owned()));
        }
        let Some(Connection::Http(own)) = framework.connection() else {
            return Err(Outcome::Forbidden(
                "Framework is not connected via HTTP".to_owned(),
            ));
        };
        let Some(stream) = stream else {
            let why = "All non-subscribe calls should include the 'Mesos-Stream-Id' header";
            return Err(Outcome::BadRequest(why.to_owned()));
        };
        if stream.len() > STREAM_ID_LENGTH_MAX {
            return Err(Outcome::BadRequest(format!(
                "The stream ID included in this request is longer than \
                 {STREAM_ID_LENGTH_MAX} bytes"
            )));
        }
        if !own.is_text(stream) {
            return Err(Outcome::BadRequest(format!(
                "The stream ID '{stream}' included in this request didn't match the stream \
                 ID currently associated with framework ID {}",
                framework.id()
            )));
        }
        Ok(framework.id().clone())
    }

    /// Hands a call of a connected framework to its conversation.
    fn call(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId, call: Call) -> Outcome {
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.metrics_mut().called(call.r#type());
        }
        match call.r#type() {
            Type::Teardown => self.teardown(turn, id),
            Type::Accept => self.accept(turn, id, call.accept.unwrap_or_default()),
            Type::Decline => self.decline(turn, id, &call.decline.unwrap_or_default()),
            Type::Revive => self.revive(turn, id, &call.revive.unwrap_or_default().roles),
            Type::Suppress => {
                self.suppress(turn, id, &call.suppress.unwrap_or_default().roles);
            }
            Type::Kill => self.kill(turn, id, call.kill.unwrap_or_default()),
            Type::Shutdown => {
                self.shutdown_executor(turn, id, &call.shutdown.unwrap_or_default());
            }
            Type::Acknowledge => {
                self.acknowledge(turn, id, call.acknowledge.unwrap_or_default());
            }
            Type::Reconcile => {
                self.reconcile(turn, id, &call.reconcile.unwrap_or_default().tasks);
            }
            Type::Message => {
                self.framework_message(turn, id, call.message.unwrap_or_default());
            }
            Type::AcknowledgeOperationStatus => {
                self.acknowledge_operation();
            }
            Type::ReconcileOperations => {
                let call = call.reconcile_operations.unwrap_or_default();
                self.reconcile_operations(turn, id, call);
            }
            Type::UpdateFramework => {
                return self.update_framework(turn, id, call.update_framework.unwrap_or_default());
            }
            // The allocator hears no requests, as upstream's does not (V11).
            Type::Request => self.count().messages_resource_request += 1,
            // There are no inverse offers that could be meant.
            Type::AcceptInverseOffers | Type::DeclineInverseOffers => {}
            Type::Subscribe | Type::Unknown => {
                return Outcome::NotImplemented("Unknown call".to_owned());
            }
        }
        Outcome::Accepted
    }
}

#[cfg(test)]
mod tests;
