//! `/api/v1/scheduler`: schedulers' calls (V7–V13).

use master_core::Input;
use messages::v1::scheduler::{Call, call};
use model::validation;
use runtime::Context;
use runtime::http::{Help, Published as Endpoint, Request, Response};

use crate::actor::{Master, Published};
use crate::calls::{self, Audience};
use crate::media::{Media, accepted, read_body};

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
            let (call, media) = match read(&request) {
                Ok(read) => read,
                Err(response) => return responder.answer(response),
            };
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

/// Reads a call. Only a stream has a media type that the scheduler may choose.
fn read(request: &Request) -> Result<(Call, Media), Response> {
    let call: Call = read_body(request)?;
    validation::scheduler_call::validate(&call, None).map_err(|error| {
        Response::text(400, format!("Failed to validate scheduler::Call: {error}"))
    })?;
    let media = match call.r#type() {
        call::Type::Subscribe => accepted(request)?,
        _ => Media::Json,
    };
    Ok((call, media))
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
