//! `/api/v1`: operators' calls (V23). Every one is a read but SET_LOGGING_LEVEL, so none
//! is told to the agent.

use std::sync::Arc;

use actors::daemon::FileRoots;
use actors::v1_api::{self, Media, accepted, body_media};
use agent_core::views::{self, JsonAnswer};
use messages::binary;
use messages::json::{self, JsonError};
use messages::v1::agent::{Call, Response as Message, call, response};
use model::validation::agent_call;
use runtime::http::{Help, Published as Endpoint, Request, Responder, Response};
use runtime::{Context, Node, logging};
use tokio::task::spawn_blocking;

use super::About;
use super::containers::Gauge;
use crate::actor::{Agent, Published};

const RECORDIO: &str = "application/recordio";

/// What the answers are made of.
struct Api {
    published: Published,
    about: About,
    files: FileRoots,
    gauge: Gauge,
    node: Node,
}

pub(crate) fn publish(
    published: &Published,
    about: &About,
    files: &FileRoots,
    gauge: &Gauge,
    context: &Context<'_, Agent>,
) {
    let api = Arc::new(Api {
        published: Arc::clone(published),
        about: about.clone(),
        files: files.clone(),
        gauge: gauge.clone(),
        node: context.node().clone(),
    });
    let help = Help::new(
        "Calls of operators.",
        "POST a mesos.v1.agent.Call as JSON or protobuf; it is answered by a \
         mesos.v1.agent.Response.",
    );
    let endpoint = Endpoint::later(help, move |request, responder| match read(&request) {
        Ok((call, media)) => api.serve(call, media, responder),
        Err(response) => responder.answer(response),
    });
    context.publish("api/v1", endpoint);
}

/// Reads a call. Beside the two media types of all APIs this one knows streams of records,
/// and its refusals say so.
fn read(request: &Request) -> Result<(Call, Media), Response> {
    let is_stream = request.header("content-type") == Some(RECORDIO);
    let messages = request.header("message-content-type");
    match (is_stream, messages) {
        (true, None) => {
            let text = "Expecting 'Message-Content-Type' to be set for streaming requests";
            return Err(Response::text(400, text));
        }
        (true, Some(_)) => {
            let text = "Calls that stream records are not supported yet";
            return Err(Response::text(501, text));
        }
        (false, Some(_)) => {
            let text = "Expecting 'Message-Content-Type' to be not set for non-streaming requests";
            return Err(Response::text(415, text));
        }
        (false, None) => {}
    }
    let refusal = |response: Response| match response.status {
        415 => Response::text(
            415,
            format!(
                "Expecting 'Content-Type' of application/json or application/x-protobuf or {RECORDIO}"
            ),
        ),
        406 => Response::text(
            406,
            format!(
                "Expecting 'Accept' to allow application/json or application/x-protobuf or {RECORDIO}"
            ),
        ),
        _ => response,
    };
    let media = body_media(request).map_err(refusal)?;
    if !request.accepts(RECORDIO) {
        accepted(request).map_err(refusal)?;
    }
    let call: Call = match media {
        Media::Protobuf => binary::decode(request.body())
            .map_err(|_| "Failed to parse body into a protobuf object".to_owned()),
        Media::Json => json::from_json(request.body()).map_err(|error: JsonError| match error {
            JsonError::Convert(text) => text,
            JsonError::Syntax(_) => error.refusal("Call"),
        }),
    }
    .map_err(|text| Response::text(400, text))?;
    agent_call::validate(&call)
        .map_err(|error| Response::text(400, format!("Failed to validate agent::Call: {error}")))?;
    Ok((call, accepted(request).map_err(refusal)?))
}

impl Api {
    fn serve(&self, call: Call, media: Media, responder: Responder) {
        match call.r#type() {
            call::Type::GetHealth => responder.answer(media.answer(&Message {
                get_health: Some(response::GetHealth { healthy: true }),
                ..message(response::Type::GetHealth)
            })),
            call::Type::GetFlags => responder.answer(media.answer(&Message {
                get_flags: Some(response::GetFlags {
                    flags: v1_api::flags(&self.about.flags),
                }),
                ..message(response::Type::GetFlags)
            })),
            call::Type::GetVersion => {
                let version_info = v1_api::version(&self.about.build);
                responder.answer(media.answer(&Message {
                    get_version: Some(response::GetVersion { version_info }),
                    ..message(response::Type::GetVersion)
                }));
            }
            call::Type::GetMetrics => {
                let metrics = v1_api::metrics(self.node.metrics());
                responder.answer(media.answer(&Message {
                    get_metrics: Some(response::GetMetrics { metrics }),
                    ..message(response::Type::GetMetrics)
                }));
            }
            call::Type::GetLoggingLevel => {
                let level = u32::from(logging::verbosity());
                responder.answer(media.answer(&Message {
                    get_logging_level: Some(response::GetLoggingLevel { level }),
                    ..message(response::Type::GetLoggingLevel)
                }));
            }
            call::Type::SetLoggingLevel => responder.answer(set_logging_level(&call)),
            call::Type::ListFiles | call::Type::ReadFile => {
                let files = self.files.clone();
                // Disks may be slow.
                spawn_blocking(move || {
                    let answer = of_files(&files, &call);
                    responder.answer(match answer {
                        Ok(message) => media.answer(&message),
                        Err(response) => response,
                    });
                });
            }
            call::Type::GetContainers => {
                self.gauge.answer(responder, move |snapshot, usages| {
                    media.answer(&views::get_containers(snapshot, usages))
                });
            }
            kind => self.serve_state(kind, media, responder),
        }
    }

    /// Calls that are answered from the snapshot alone, and those of features that do not
    /// exist.
    fn serve_state(&self, kind: call::Type, media: Media, responder: Responder) {
        let snapshot = self.published.load_full();
        if JsonAnswer::new(&snapshot, kind).is_none() {
            let text = match kind {
                call::Type::Unknown => "501 Not Implemented.".to_owned(),
                kind => format!("{} is not supported yet", kind.as_str_name()),
            };
            return responder.answer(Response::text(501, text));
        }
        // The state may be large.
        spawn_blocking(move || {
            let response = match media {
                Media::Json => {
                    JsonAnswer::new(&snapshot, kind).map(|answer| Response::json(&answer))
                }
                Media::Protobuf => {
                    views::answer(&snapshot, kind).map(|answer| media.answer(&answer))
                }
            };
            responder.answer(response.unwrap_or_else(|| Response::empty(501)));
        });
    }
}

/// An answer with only its type set.
fn message(kind: response::Type) -> Message {
    Message {
        r#type: Some(kind.into()),
        ..Message::default()
    }
}

fn set_logging_level(call: &Call) -> Response {
    match &call.set_logging_level {
        Some(set) => v1_api::set_logging_level(set.level, &set.duration),
        None => missing("set_logging_level"),
    }
}

fn of_files(files: &FileRoots, call: &Call) -> Result<Message, Response> {
    if call.r#type() == call::Type::ListFiles {
        let path = &call
            .list_files
            .as_ref()
            .ok_or_else(|| missing("list_files"))?
            .path;
        let file_infos = v1_api::list_files(files, path)?;
        return Ok(Message {
            list_files: Some(response::ListFiles { file_infos }),
            ..message(response::Type::ListFiles)
        });
    }
    let read = call
        .read_file
        .as_ref()
        .ok_or_else(|| missing("read_file"))?;
    let (size, data) = v1_api::read_file(files, &read.path, read.offset, read.length)?;
    Ok(Message {
        read_file: Some(response::ReadFile {
            size,
            data: data.into(),
        }),
        ..message(response::Type::ReadFile)
    })
}

fn missing(field: &str) -> Response {
    Response::text(
        400,
        format!("Failed to validate agent::Call: Expecting '{field}' to be present"),
    )
}
