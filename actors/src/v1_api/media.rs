//! The two media types of the v1 APIs, and what a request says of them (V1).

use messages::json::JsonError;
use messages::table::Described;
use messages::{binary, json};
use runtime::http::{Method, Request, Response};

/// How a v1 message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/json`
    Json,
    /// `application/x-protobuf`
    Protobuf,
}

impl Media {
    /// The name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// The media type that a header's value names, parameters aside.
    fn of(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        [Self::Json, Self::Protobuf]
            .into_iter()
            .find(|media| essence.eq_ignore_ascii_case(media.name()))
    }

    /// Writes a message.
    pub fn encode<M: Described>(self, message: &M) -> Vec<u8> {
        match self {
            Self::Json => {
                let mut text = Vec::new();
                // What was encoded just before is well formed.
                let _ = json::append::<M>(&message.encode_to_vec(), &mut text);
                text
            }
            Self::Protobuf => binary::encode(message).to_vec(),
        }
    }

    /// Writes a message as one RecordIO record (V5).
    pub fn record<M: Described>(self, message: &M) -> Vec<u8> {
        match self {
            Self::Json => runtime::recordio::encode(&self.encode(message)),
            Self::Protobuf => {
                let length = message.encoded_len();
                let mut record = length.to_string().into_bytes();
                record.push(b'\n');
                record.reserve_exact(length);
                message.encode_raw(&mut record);
                record
            }
        }
    }

    /// A 200 with one message.
    pub fn answer<M: Described>(self, message: &M) -> Response {
        Response::of(200, self.name(), self.encode(message))
    }
}

/// Reads a v1 call without asking what its caller accepts; the answer to what is none
/// (V1, V8).
pub fn read_body<M: Described>(request: &Request) -> Result<M, Response> {
    match body_media(request)? {
        Media::Protobuf => binary::decode(request.body())
            .map_err(|_| Response::text(400, "Failed to parse body into Call protobuf")),
        Media::Json => json::from_json(request.body())
            .map_err(|error: JsonError| Response::text(400, error.refusal("Call"))),
    }
}

/// What the body of a POST is written in.
pub fn body_media(request: &Request) -> Result<Media, Response> {
    if *request.method() != Method::Post {
        return Err(Response::method_not_allowed(
            &["POST"],
            request.method().name(),
        ));
    }
    let content_type = request
        .header("content-type")
        .ok_or_else(|| Response::text(400, "Expecting 'Content-Type' to be present"))?;
    Media::of(content_type).ok_or_else(|| {
        Response::text(
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        )
    })
}

/// What an answer shall be written in: JSON if the client takes it.
pub fn accepted(request: &Request) -> Result<Media, Response> {
    [Media::Json, Media::Protobuf]
        .into_iter()
        .find(|media| request.accepts(media.name()))
        .ok_or_else(|| {
            Response::text(
                406,
                "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
            )
        })
}
