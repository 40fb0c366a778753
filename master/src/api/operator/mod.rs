//! `/api/v1`: operators' calls (V18-V22).

mod reads;

use master_core::views::Output;
use master_core::views::operator::{self as views, Form};
use master_core::{Input, Snapshot, Token};
use messages::v1::master::{Call, call::Type};
use model::ids::{AgentId, FrameworkId};
use model::validation::master_call;
use runtime::http::{Help, Published as Endpoint, Request, Responder, Response};
use runtime::{Context, Handle};

use self::reads::Reads;
use super::About;
use crate::actor::{Master, Published};
use crate::calls::{self, Audience};
use crate::media::Media;

pub(crate) fn publish(published: &Published, about: &About, context: &Context<'_, Master>) {
    let operator = Operator {
        reads: Reads::new(published, about, context.node()),
        master: context.handle(),
    };
    let help = Help::new(
        "Calls of operators.",
        "POST a mesos.v1.master.Call as JSON or protobuf; the answer is a \
         mesos.v1.master.Response in the same form. SUBSCRIBE is answered by a stream of \
         events in RecordIO.",
    );
    context.publish(
        "api/v1",
        Endpoint::later(help, move |request, responder| {
            operator.serve(&request, responder)
        }),
    );
}

/// The event with which an operator's stream begins: the state as it is.
pub(crate) fn subscribed(snapshot: &Snapshot, media: Media) -> Vec<u8> {
    Output::whole(|out| views::subscribed(snapshot, form(media), out))
}

const fn form(media: Media) -> Form {
    match media {
        Media::Json => Form::Json,
        Media::Protobuf => Form::Protobuf,
    }
}

struct Operator {
    reads: Reads,
    master: Handle<Master>,
}

impl Operator {
    fn serve(&self, request: &Request, responder: Responder) {
        match self.read_call(request) {
            Ok((kind, call, media)) => self.answer(kind, call, media, responder),
            Err(response) => responder.answer(response),
        }
    }

    fn read_call(&self, request: &Request) -> Result<(Type, Call, Media), Response> {
        self.reads.not_leading().map_or(Ok(()), Err)?;
        let call: Call = actors::v1_api::read_body(request)?;
        master_call::validate(&call).map_err(|error| {
            Response::text(400, format!("Failed to validate master::Call: {error}"))
        })?;
        Ok((call.r#type(), call, actors::v1_api::accepted(request)?))
    }

    fn answer(&self, kind: Type, call: Call, media: Media, responder: Responder) {
        match (kind, call) {
            (Type::Subscribe, _) => {
                self.tell(responder, media, |token| Input::OperatorSubscribe { token });
            }
            (
                Type::Teardown,
                Call {
                    teardown: Some(teardown),
                    ..
                },
            ) => {
                let framework = FrameworkId::from(&teardown.framework_id);
                self.tell(responder, media, |token| Input::Teardown {
                    token,
                    framework,
                });
            }
            (
                Type::MarkAgentGone,
                Call {
                    mark_agent_gone: Some(gone),
                    ..
                },
            ) => {
                let agent = AgentId::from(&gone.agent_id);
                self.tell(responder, media, |token| Input::MarkAgentGone {
                    token,
                    agent,
                });
            }
            (kind, call) => self.reads.answer(kind, call, media, responder),
        }
    }

    fn tell(
        &self,
        responder: Responder,
        media: Media,
        input: impl FnOnce(Token) -> Input + Send + 'static,
    ) {
        let waiting = calls::Call {
            responder,
            media,
            audience: Audience::Operator,
        };
        self.master
            .call(move |master, context| master.call(waiting, input, context));
    }
}
