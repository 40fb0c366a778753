//! Reading messages back to back from one connection.

mod plain;
#[cfg(test)]
mod tests;

use std::mem;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use self::plain::PlainHead;
use super::recent::Recent;
use super::{Answering, ParsePeerError, Peer, RARELY};
use crate::http::{BodyDecoder, Framing, Head, HeadScan, HttpError, Limits, Step};
use crate::percent::{self, PercentError};
use crate::{ActorId, Codec};

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The actor it is for, percent-decoded.
    pub to: ActorId,
    /// Its wire name; may be empty.
    pub name: Arc<str>,
    /// Whom it says it comes from.
    pub from: Peer,
    /// How its body is written: what `Content-Type` names, protobuf if that is absent or
    /// names no codec (`curl -d` sends a form's type, and libprocess does not look at it).
    pub codec: Codec,
    /// How soon its sender needs the answer.
    pub answering: Answering,
    /// Its header `traceparent`, if it is followed by a trace.
    pub traceparent: Option<Box<str>>,
    /// Its body. It shares memory with the buffer it was read from, so do not keep a small
    /// body for long.
    pub body: Bytes,
}

/// Why a message cannot be delivered, though its request was read to the end and the
/// connection goes on. The answer is [`Refusal::status`] and this text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The path does not begin with `/`.
    #[error("Request URL path must start with '/'")]
    RelativePath,
    /// The actor's name in the path cannot be decoded.
    #[error("Failed to decode URL path: {0}")]
    BadPath(#[from] PercentError),
    /// The sender is not `id@host:port`.
    #[error("Failed to determine sender from request headers: {0}")]
    BadSender(#[from] ParsePeerError),
    /// The body is compressed, which libprocess never does.
    #[error("Content-Encoding is not supported for messages")]
    Encoded,
}

impl Refusal {
    /// The status code to answer with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Encoded => 415,
            Self::RelativePath | Self::BadPath(_) | Self::BadSender(_) => 400,
        }
    }
}

/// What a connection's buffer begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Nothing whole until more bytes arrive.
    Incomplete,
    /// The head of a request that is not a message. It is left in the buffer.
    Http,
    /// A whole message, removed from the buffer.
    Message {
        /// The message, or why it cannot be one.
        message: Result<Incoming, Refusal>,
        /// Whether the connection stays open after the answer.
        keep_alive: bool,
    },
}

/// Whether a request is a message (L7).
pub fn is_message(head: &Head<'_>) -> bool {
    head.method == "POST"
        && (head.libprocess_from.is_some()
            || head
                .user_agent
                .is_some_and(|agent| agent.starts_with("libprocess/")))
}

/// Takes messages out of a connection's buffer, however the bytes are cut. No byte is
/// looked at twice, and a body of one chunk is not copied.
#[derive(Debug)]
pub struct MessageReader {
    limits: Limits,
    stage: Stage,
    parts: Parts,
}

#[derive(Debug)]
enum Stage {
    Head(HeadScan),
    /// Boxed, since most connections wait for a head.
    Body(Box<Pending>),
}

/// A message whose head is read.
#[derive(Debug)]
struct Pending {
    /// The message without its body.
    message: Result<Incoming, Refusal>,
    keep_alive: bool,
    decoder: BodyDecoder,
    /// The chunks so far, when there is more than one.
    gathered: Option<BytesMut>,
}

/// What recent heads were made of.
#[derive(Debug)]
struct Parts {
    ids: Recent<ActorId>,
    names: Recent<Arc<str>>,
    senders: Recent<Peer>,
}

impl MessageReader {
    /// A reader for one connection.
    pub fn new(limits: Limits) -> Self {
        let parts = Parts {
            ids: Recent::new(),
            names: Recent::new(),
            senders: Recent::new(),
        };
        Self {
            limits,
            stage: Stage::Head(HeadScan::default()),
            parts,
        }
    }

    /// Removes the next message from the front of `buffer`. Between calls only append to
    /// the buffer, unless the last answer was [`Received::Http`] or a message.
    ///
    /// After an error answer with its status and close the connection.
    pub fn read(&mut self, buffer: &mut BytesMut) -> Result<Received, HttpError> {
        let mut pending = match mem::replace(&mut self.stage, Stage::Head(HeadScan::default())) {
            Stage::Body(pending) => *pending,
            Stage::Head(mut scan) => match self.read_head(&mut scan, buffer)? {
                HeadRead::Incomplete => {
                    self.stage = Stage::Head(scan);
                    return Ok(Received::Incomplete);
                }
                HeadRead::Http => return Ok(Received::Http),
                HeadRead::Message { pending, length } => {
                    buffer.advance(length);
                    pending
                }
            },
        };
        if pending.read_body(buffer)? {
            let Pending {
                mut message,
                keep_alive,
                gathered,
                ..
            } = pending;
            if let (Ok(message), Some(gathered)) = (&mut message, gathered) {
                message.body = gathered.freeze();
            }
            Ok(Received::Message {
                message,
                keep_alive,
            })
        } else {
            self.stage = Stage::Body(Box::new(pending));
            Ok(Received::Incomplete)
        }
    }

    /// Whether the connection may end here: no message is half read.
    pub fn is_between_messages(&self, buffer: &BytesMut) -> bool {
        matches!(self.stage, Stage::Head(_)) && buffer.is_empty()
    }

    /// Whether the head of a message has been read, and its body not.
    pub fn is_in_body(&self) -> bool {
        matches!(self.stage, Stage::Body(_))
    }

    fn read_head(&mut self, scan: &mut HeadScan, buffer: &[u8]) -> Result<HeadRead, HttpError> {
        if scan.is_fresh()
            && let Some(read) = self.read_plain_head(buffer)
        {
            return Ok(read);
        }
        let Some(length) = scan.find(buffer, &self.limits)? else {
            return Ok(HeadRead::Incomplete);
        };
        // One that came in pieces.
        if let Some(read) = self.read_plain_head(buffer) {
            return Ok(read);
        }
        let head = Head::parse(buffer.get(..length).unwrap_or_default(), &self.limits)?;
        if !is_message(&head) {
            return Ok(HeadRead::Http);
        }
        let message = self.parts.read(&head);
        let pending = Pending::new(message, head.keep_alive, head.framing, &self.limits);
        Ok(HeadRead::Message { pending, length })
    }

    fn read_plain_head(&mut self, buffer: &[u8]) -> Option<HeadRead> {
        let head = PlainHead::parse(buffer)?;
        if head.length > self.limits.head_bytes {
            return None;
        }
        let message = self
            .parts
            .assemble(head.id, head.name, head.from, head.codec);
        let framing = if head.chunked {
            Framing::Chunked
        } else {
            Framing::None
        };
        let pending = Pending::new(message, true, framing, &self.limits);
        Some(HeadRead::Message {
            pending,
            length: head.length,
        })
    }
}

#[expect(
    clippy::large_enum_variant,
    reason = "a box would be an allocation per message"
)]
enum HeadRead {
    Incomplete,
    Http,
    Message { pending: Pending, length: usize },
}

impl Parts {
    fn read(&mut self, head: &Head<'_>) -> Result<Incoming, Refusal> {
        if head
            .content_encoding
            .is_some_and(|coding| !coding.eq_ignore_ascii_case("identity"))
        {
            return Err(Refusal::Encoded);
        }
        let path = head.target.split(['?', '#']).next().unwrap_or_default();
        let path = path.strip_prefix('/').ok_or(Refusal::RelativePath)?;
        let (id, name) = path.split_once('/').unwrap_or((path, ""));
        let from = head.libprocess_from.unwrap_or_else(|| {
            let agent = head.user_agent.unwrap_or_default();
            agent.strip_prefix("libprocess/").unwrap_or(agent)
        });
        let codec = head
            .content_type
            .and_then(Codec::from_content_type)
            .unwrap_or(Codec::Protobuf);
        let mut message = self.assemble(id, name, from, codec)?;
        let wants_few = head.libprocess_answers == Some(RARELY);
        message.answering = if wants_few {
            Answering::Rarely
        } else {
            Answering::AtOnce
        };
        message.traceparent = head.traceparent.map(Box::from);
        Ok(message)
    }

    fn assemble(
        &mut self,
        id: &str,
        name: &str,
        from: &str,
        codec: Codec,
    ) -> Result<Incoming, Refusal> {
        let to = self.ids.get(id.as_bytes(), |_| {
            Ok::<_, PercentError>(ActorId::new(percent::decode(id)?))
        })?;
        let name = self
            .names
            .get(name.as_bytes(), |_| Ok::<_, Refusal>(Arc::from(name)))?;
        let from = self.senders.get(from.as_bytes(), |_| from.parse())?;
        Ok(Incoming {
            to,
            name,
            from,
            codec,
            answering: Answering::AtLeisure,
            traceparent: None,
            body: Bytes::new(),
        })
    }
}

impl Pending {
    fn new(
        message: Result<Incoming, Refusal>,
        keep_alive: bool,
        framing: Framing,
        limits: &Limits,
    ) -> Self {
        let decoder = BodyDecoder::new(framing, limits.body_bytes);
        Self {
            message,
            keep_alive,
            decoder,
            gathered: None,
        }
    }

    /// Takes what has arrived of the body; true when it is whole. A chunk is taken only
    /// when all of it is there, so that one chunk alone is never copied.
    fn read_body(&mut self, buffer: &mut BytesMut) -> Result<bool, HttpError> {
        loop {
            match self.decoder.step(buffer)? {
                Step::More { skip } => {
                    buffer.advance(skip);
                    return Ok(false);
                }
                Step::End { skip } => {
                    buffer.advance(skip);
                    return Ok(true);
                }
                Step::Data { skip, length } => {
                    buffer.advance(skip);
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    let Ok(message) = &mut self.message else {
                        let count = length.min(buffer.len());
                        buffer.advance(count);
                        self.decoder.take(count as u64);
                        continue;
                    };
                    if buffer.len() < length {
                        return Ok(false);
                    }
                    self.decoder.take(length as u64);
                    let chunk = buffer.split_to(length);
                    if let Some(gathered) = &mut self.gathered {
                        gathered.extend_from_slice(&chunk);
                    } else if message.body.is_empty() {
                        message.body = chunk.freeze();
                    } else {
                        let mut gathered = BytesMut::with_capacity(message.body.len() + length);
                        gathered.extend_from_slice(&message.body);
                        gathered.extend_from_slice(&chunk);
                        self.gathered = Some(gathered);
                    }
                }
            }
        }
    }
}
