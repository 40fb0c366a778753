//! `/api/v1/scheduler`: schedulers' calls (V7–V13).

use master_core::Input;
use messages::v1::scheduler::{Call, call};
use model::validation;
use runtime::Context;
use runtime::http::{Help, Published as Endpoint, Response};

use crate::actor::{Master, Published};
use crate::calls::{self, Audience};
use crate::media::read_call;

/// The longest `Mesos-Stream-Id` that is looked at (V8).
const STREAM_ID_LENGTH_MAX: usize = 128;

pub(crate) fn publish(published: &Published, context: &Context<'_, Master>) {
    let master = context.handle();
    let published = published.clone();
    let help = Help::new(
        "Calls of schedulers.",
        "POST a mesos.v1.scheduler.Call as JSON or protobuf. SUBSCRIBE is answered by a \
         stream of events in RecordIO; other calls carry its Mesos-Stream-Id and are \
         answered 202.",
    );
    context.publish(
        "api/v1/scheduler",
        Endpoint::later(help, move |request, responder| {
            if let Some(response) = super::reads::not_leading(&published.load()) {
                return responder.answer(response);
            }
            let (call, media) = match read_call::<Call>(&request) {
                Ok(read) => read,
                Err(response) => return responder.answer(response),
            };
            if let Err(error) = validation::scheduler_call::validate(&call, None) {
                let text = format!("Failed to validate scheduler::Call: {error}");
                return responder.answer(Response::text(400, text));
            }
            let stream = request.header("mesos-stream-id").map(str::to_owned);
            if let Some(response) = check_stream(&call, stream.as_deref()) {
                return responder.answer(response);
            }
            let call = Box::new(call);
            let waiting = calls::Call {
                responder,
                media,
                audience: Audience::Scheduler,
            };
            master.call(move |master, context| {
                master.call(
                    waiting,
                    |token| Input::SchedulerCall {
                        token,
                        stream,
                        principal: None,
                        call,
                    },
                    context,
                );
            });
        }),
    );
}

/// The refusals of a stream id that need no look at the framework.
fn check_stream(call: &Call, stream: Option<&str>) -> Option<Response> {
    let is_subscribe = call.r#type() == call::Type::Subscribe;
    match stream {
        Some(_) if is_subscribe => Some(Response::text(
            400,
            "Subscribe calls should not include the 'Mesos-Stream-Id' header",
        )),
        Some(id) if id.len() > STREAM_ID_LENGTH_MAX => Some(Response::text(
            400,
            format!("The 'Mesos-Stream-Id' header is longer than {STREAM_ID_LENGTH_MAX} bytes"),
        )),
        _ => None,
    }
}
