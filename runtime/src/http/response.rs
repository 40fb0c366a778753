//! An answer to a request.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::http::parts::{Cut, PartsReader};
use crate::http::stream::{StreamHead, StreamReader, StreamWriter, Streams};
use crate::node::Node;

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Full(Bytes),
    /// All of it, as it is written.
    Parts(PartsReader),
    /// Records as they come; each becomes one HTTP chunk.
    Stream(StreamReader),
    /// `length` bytes of an open file from its present position.
    File {
        /// The open file.
        file: std::fs::File,
        /// How many bytes of it are the body.
        length: u64,
    },
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers beside those that the server adds (`Date`, `Content-Length` …).
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
}

impl Response {
    /// An answer with no body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Full(Bytes::new()),
        }
    }

    /// An answer in plain text, as upstream's errors are.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::of(
            status,
            "text/plain; charset=utf-8",
            text.into().into_bytes(),
        )
    }

    /// A web page.
    pub fn html(text: impl Into<String>) -> Self {
        Self::of(200, "text/html; charset=utf-8", text.into().into_bytes())
    }

    /// 200 with bytes that are JSON already.
    pub fn json_bytes(body: impl Into<Bytes>) -> Self {
        Self::of(200, "application/json", body)
    }

    /// 200 with a value as JSON.
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::json_bytes(body),
            Err(error) => Self::text(500, format!("The answer could not be written: {error}")),
        }
    }

    /// An answer with a body of some media type.
    pub fn of(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: Body::Full(body.into()),
        }
    }

    /// 200 with a body of some media type that may still be being written. Only if it is short
    /// does the client have to wait for its end.
    pub fn parts(content_type: &str, parts: PartsReader) -> Self {
        Self {
            body: Body::Parts(parts),
            ..Self::of(200, content_type, Bytes::new())
        }
    }

    /// 404, in upstream's words.
    pub fn not_found() -> Self {
        Self::text(404, "404 Not Found.")
    }

    /// 405 with the methods that would do, in upstream's words (L34).
    pub fn method_not_allowed(allowed: &[&str], received: &str) -> Self {
        let list = allowed
            .iter()
            .map(|name| format!("'{name}'"))
            .collect::<Vec<_>>()
            .join(", ");
        Self::text(
            405,
            format!(
                "405 Method Not Allowed. Expecting one of {{ {list} }}, but received '{received}'."
            ),
        )
        .with("Allow", allowed.join(", "))
    }

    /// The answer with its body whole where it has to be: since it is short, or `must_be_whole`.
    pub(crate) async fn settle(mut self, node: &Node, must_be_whole: bool) -> Self {
        if let Body::Parts(parts) = self.body {
            node.inner.sent_parts.add(&parts);
            self.body = match parts.settle(must_be_whole).await {
                Ok(body) => body,
                Err(Cut) => return Self::text(503, "Too many large answers at once. Try again."),
            };
        }
        self
    }

    /// The answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Owes a request its answer. Dropped unanswered (its actor ended, say), the client gets
/// a 503.
#[derive(Debug)]
pub struct Responder {
    answer: oneshot::Sender<Response>,
    client: Option<SocketAddr>,
    streams: Arc<Streams>,
}

impl Responder {
    pub(crate) fn new(
        node: &Node,
        client: Option<SocketAddr>,
    ) -> (Self, oneshot::Receiver<Response>) {
        let (answer, answered) = oneshot::channel();
        let streams = Arc::clone(&node.inner.streams);
        let responder = Self {
            answer,
            client,
            streams,
        };
        (responder, answered)
    }

    /// Answers. A client that has gone meanwhile is no error.
    pub fn answer(self, response: Response) {
        let _ = self.answer.send(response);
    }

    pub(crate) fn stream(self, head: StreamHead, closed: Box<dyn FnOnce() + Send>) -> StreamWriter {
        let (writer, reader) = StreamWriter::new(self.streams, self.client, closed);
        let StreamHead { status, headers } = head;
        // An unsent answer comes back and is dropped: the reader's end tells the writer.
        let _ = self.answer.send(Response {
            status,
            headers,
            body: Body::Stream(reader),
        });
        writer
    }
}
