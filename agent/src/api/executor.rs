//! `/api/v1/executor`: executors' calls (V15, V16).

use actors::v1_api::{Media, accepted, read_body};
use messages::v1::executor::{Call, call};
use model::validation::executor_call;
use runtime::Context;
use runtime::http::{Help, Published, Request, Response};

use crate::actor::{Agent, Waiting};

pub(crate) fn publish(context: &Context<'_, Agent>) {
    let agent = context.handle();
    let help = Help::new(
        "Calls of executors.",
        "POST a mesos.v1.executor.Call as JSON or protobuf. SUBSCRIBE is answered by a stream \
         of events in RecordIO; other calls are answered 202.",
    );
    let endpoint = Published::later(help, move |request, responder| match read(&request) {
        Ok((call, media)) => agent.call(move |agent, context| {
            agent.executor_call(Waiting { responder, media }, Box::new(call), context);
        }),
        Err(response) => responder.answer(response),
    });
    context.publish("api/v1/executor", endpoint);
}

/// Only a stream has a media type that the executor may choose. A call that is no proper one
/// is refused for that, by the agent, whatever its caller accepts.
fn read(request: &Request) -> Result<(Call, Media), Response> {
    let call: Call = read_body(request)?;
    let media = match call.r#type() {
        call::Type::Subscribe if executor_call::validate(&call).is_ok() => accepted(request)?,
        _ => Media::Json,
    };
    Ok((call, media))
}
