//! Carrying out what the core decided.

use std::sync::Arc;

use actors::v1_api::SharedEvent;
use master_core::{Connection, Effect, Input, Snapshot, StreamId, ToAgent, ToFramework, Token};
use messages::internal::UpdateFrameworkMessage;
use messages::{binary, v1};
use runtime::http::StreamHead;
use runtime::{Codec, Context, Message as _, Pid};

use crate::actor::Master;
use crate::calls::Audience;
use crate::registrar::messages::Apply;

impl Master {
    pub(crate) fn perform(
        &mut self,
        effect: Effect,
        snapshot: &Arc<Snapshot>,
        context: &mut Context<'_, Self>,
    ) {
        match effect {
            Effect::Answer { token, outcome } => self.calls.answer(token, &outcome),
            Effect::OpenStream { token, stream } => self.open_stream(token, stream, context),
            Effect::CloseStream(stream) => self.streams.close(stream),
            Effect::Framework(event) => self.tell_framework(*event, context),
            Effect::Agent { to, message } => to_agent(&to, message, context),
            Effect::Link {
                to,
                reconnect: false,
            } => context.link(&to),
            Effect::Link {
                to,
                reconnect: true,
            } => context.relink(&to),
            Effect::Allocator(input) => self.tell_allocator(input, context),
            Effect::Write { ticket, operation } => {
                context.send(
                    &self.registrar,
                    Apply {
                        ticket: ticket.0,
                        operation,
                    },
                );
            }
            Effect::Timer { after, timer } => {
                context.after(after, move |master, context| {
                    master.input(Input::Timer(timer), context);
                });
            }
            Effect::Operator { to, event } => self.tell_operator(to, event, context),
            Effect::OperatorSubscribed { to } => self.begin_operator(to, snapshot, context),
            Effect::Exit(reason) => self.exit(reason, context),
        }
    }

    fn open_stream(&mut self, token: Token, stream: StreamId, context: &mut Context<'_, Self>) {
        let Some(call) = self.calls.take(token) else {
            return;
        };
        let mut headers = vec![("Content-Type", call.media.name().to_owned())];
        if call.audience == Audience::Scheduler {
            headers.push(("Mesos-Stream-Id", stream.to_string()));
        }
        let audience = call.audience;
        let head = StreamHead {
            status: 200,
            headers,
        };
        let writer = context.stream(call.responder, head, move |master, context| {
            master.streams.close(stream);
            master.input(closed(audience, stream), context);
        });
        self.streams.open(stream, writer, call.media);
    }

    fn tell_framework(&mut self, event: ToFramework, context: &mut Context<'_, Self>) {
        match &event.to {
            Connection::Http(stream) => {
                if !self.streams.send(*stream, &event.event) {
                    self.input(Input::StreamClosed(*stream), context);
                }
            }
            Connection::Pid(pid) => {
                let pid = pid.clone();
                crate::driver::send(&pid, event, context);
            }
        }
    }

    /// Begins an operator's stream with the whole state, which is written aside: it may
    /// take longer than others can wait for the master.
    fn begin_operator(
        &mut self,
        to: StreamId,
        snapshot: &Arc<Snapshot>,
        context: &Context<'_, Self>,
    ) {
        let Some(media) = self.streams.hold(to) else {
            return;
        };
        let (snapshot, master) = (Arc::clone(snapshot), context.handle());
        context.node().aside(move || {
            let first = crate::api::subscribed(&snapshot, media);
            master.call(move |master, context| {
                if !master.streams.begin(to, &first) {
                    master.input(Input::OperatorClosed(to), context);
                }
            });
        });
    }

    /// Each event goes to all operators in turn.
    fn tell_operator(
        &mut self,
        to: StreamId,
        event: Arc<v1::master::Event>,
        context: &mut Context<'_, Self>,
    ) {
        let told = match &mut self.told {
            Some(told) if told.is(&event) => told,
            told => told.insert(SharedEvent::new(event)),
        };
        if !self.streams.send_shared(to, told) {
            self.input(Input::OperatorClosed(to), context);
        }
    }

    fn tell_allocator(
        &self,
        input: master_core::allocator::messages::Input,
        context: &Context<'_, Self>,
    ) {
        use master_core::allocator::messages::Input::{
            ActivateAgent, ActivateFramework, AddAgent, AddFramework, DeactivateAgent,
            DeactivateFramework, RecoverResources, RemoveAgent, RemoveFramework, ReviveOffers,
            SuppressOffers, UpdateAgent, UpdateAllocation, UpdateFramework, UpdateWeights,
            UpdateWhitelist,
        };
        macro_rules! send {
            ($($variant:ident),+ $(,)?) => {
                match input {
                    $($variant(message) => context.send(&self.allocator, message),)+
                }
            };
        }
        send!(
            AddAgent,
            RemoveAgent,
            UpdateAgent,
            ActivateAgent,
            DeactivateAgent,
            AddFramework,
            RemoveFramework,
            UpdateFramework,
            ActivateFramework,
            DeactivateFramework,
            RecoverResources,
            UpdateAllocation,
            SuppressOffers,
            ReviveOffers,
            UpdateWeights,
            UpdateWhitelist,
        );
    }
}

fn closed(audience: Audience, stream: StreamId) -> Input {
    match audience {
        Audience::Scheduler => Input::StreamClosed(stream),
        Audience::Operator => Input::OperatorClosed(stream),
    }
}

fn to_agent(to: &Pid, message: ToAgent, context: &Context<'_, Master>) {
    match message {
        ToAgent::Registered(message) => context.send(to, message),
        ToAgent::Reregistered(message) => context.send(to, *message),
        ToAgent::Ping(message) => context.send(to, message),
        ToAgent::RunTask(message) => context.send(to, *message),
        ToAgent::RunTaskGroup(message) => context.send(to, *message),
        ToAgent::KillTask(message) => context.send(to, *message),
        ToAgent::Acknowledge(message) => context.send(to, message),
        ToAgent::FrameworkToExecutor(message) => context.send(to, message),
        ToAgent::ShutdownExecutor(message) => context.send(to, message),
        ToAgent::ShutdownFramework(message) => context.send(to, message),
        ToAgent::UpdateFramework(message) => {
            let (name, body) = (UpdateFrameworkMessage::NAME, binary::encode(&*message));
            context.send_encoded(to, name, Codec::Protobuf, &body);
        }
        ToAgent::Shutdown(message) => context.send(to, message),
    }
}
