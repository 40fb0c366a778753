//! Reading messages back to back from one connection.

use std::mem;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;
use thiserror::Error;

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

/// A head exactly as libprocess and [`super::encode`] write it, which is nearly every head.
struct PlainHead<'b> {
    id: &'b str,
    name: &'b str,
    from: &'b str,
    codec: Codec,
    chunked: bool,
    length: usize,
}

impl<'b> PlainHead<'b> {
    /// None if the head is not whole or deviates in any way; then it must be read the long way.
    fn parse(buffer: &'b [u8]) -> Option<Self> {
        let rest = buffer.strip_prefix(b"POST /")?;
        let (path, rest) = rest.split_at(memchr(b' ', rest)?);
        let (id, name) = path.split_at(memchr(b'/', path)?);
        let rest = rest.strip_prefix(b" HTTP/1.1\r\nUser-Agent: libprocess/")?;
        let (from, rest) = rest.split_at(memchr(b'\r', rest)?);
        let rest = rest
            .strip_prefix(b"\r\nLibprocess-From: ")?
            .strip_prefix(from)?
            .strip_prefix(b"\r\nConnection: Keep-Alive\r\nHost: ")?;
        let (host, rest) = rest.split_at(memchr(b'\r', rest)?);
        let rest = rest.strip_prefix(b"\r\n")?;
        let (codec, rest) = match rest.strip_prefix(b"Content-Type: ") {
            None => (Codec::Protobuf, rest),
            Some(rest) => [Codec::MessagePack, Codec::Json]
                .into_iter()
                .find_map(|codec| {
                    let rest = rest.strip_prefix(codec.content_type().as_bytes())?;
                    Some((codec, rest.strip_prefix(b"\r\n")?))
                })?,
        };
        let (chunked, rest) = match rest.strip_prefix(b"Transfer-Encoding: chunked\r\n\r\n") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix(b"\r\n")?),
        };
        if path.iter().any(|byte| matches!(byte, b'?' | b'#')) || !is_graphic(host) {
            return None;
        }
        Some(Self {
            id: graphic(id)?,
            name: graphic(name.strip_prefix(b"/")?)?,
            from: graphic(from)?,
            codec,
            chunked,
            length: buffer.len() - rest.len(),
        })
    }
}

fn is_graphic(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

fn graphic(text: &[u8]) -> Option<&str> {
    if is_graphic(text) {
        std::str::from_utf8(text).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Pid;
    use crate::libprocess::encode;

    /// Everything received when `stream` arrives in pieces of `cut` bytes.
    fn receive(stream: &[u8], cut: usize) -> Result<Vec<Received>, HttpError> {
        let limits = Limits {
            body_bytes: 1000,
            ..Limits::default()
        };
        let mut reader = MessageReader::new(limits);
        let mut buffer = BytesMut::new();
        let mut received = Vec::new();
        for piece in stream.chunks(cut) {
            buffer.extend_from_slice(piece);
            loop {
                match reader.read(&mut buffer)? {
                    Received::Incomplete => break,
                    Received::Http => {
                        received.push(Received::Http);
                        return Ok(received);
                    }
                    message => received.push(message),
                }
            }
        }
        assert!(
            reader.is_between_messages(&buffer),
            "a message is left half read"
        );
        Ok(received)
    }

    fn one(stream: &str) -> (Result<Incoming, Refusal>, bool) {
        match receive(stream.as_bytes(), 7).unwrap().as_slice() {
            [
                Received::Message {
                    message,
                    keep_alive,
                },
            ] => (message.clone(), *keep_alive),
            other => panic!("not one message: {other:?}"),
        }
    }

    #[test]
    fn a_message_of_libprocess_takes_the_short_way() {
        let head = "POST /slave(1)/mesos.internal.PingSlaveMessage HTTP/1.1\r\n\
                    User-Agent: libprocess/slave-observer(1)@127.0.0.1:5050\r\n\
                    Libprocess-From: slave-observer(1)@127.0.0.1:5050\r\n\
                    Connection: Keep-Alive\r\n\
                    Host: 127.0.0.1:5051\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        let plain = PlainHead::parse(head.as_bytes()).unwrap();
        assert_eq!(plain.length, head.len());
        assert_eq!(
            (plain.id, plain.name),
            ("slave(1)", "mesos.internal.PingSlaveMessage")
        );
        for cut in 0..head.len() {
            assert!(PlainHead::parse(&head.as_bytes()[..cut]).is_none());
        }
        for (from, to) in [
            ("POST", "PUT"),
            ("/mesos", "/?mesos"),
            ("Host: ", "Host: \u{7f}"),
        ] {
            assert!(
                PlainHead::parse(head.replacen(from, to, 1).as_bytes()).is_none(),
                "{to}"
            );
        }
    }

    #[test]
    fn a_body_of_one_chunk_is_not_copied() {
        let pid: Pid = "a@127.0.0.1:1".parse().unwrap();
        let mut stream = Vec::new();
        encode(&pid, &pid, "x", Codec::Protobuf, b"body", &mut stream);
        let mut buffer = BytesMut::from(stream.as_slice());
        let range = buffer.as_ptr_range();
        let mut reader = MessageReader::new(Limits::default());
        let Ok(Received::Message {
            message: Ok(message),
            ..
        }) = reader.read(&mut buffer)
        else {
            panic!("no message");
        };
        assert_eq!(message.body, "body");
        assert!(range.contains(&message.body.as_ptr()));
    }

    #[test]
    fn plain_clients_may_send_messages() {
        let (message, keep_alive) = one(
            "POST /slave%281%29/name?q HTTP/1.0\r\nlibprocess-from: x@host:5\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nabc",
        );
        let message = message.unwrap();
        assert_eq!((message.to.as_str(), &*message.name), ("slave(1)", "name"));
        assert_eq!(message.from.to_string(), "x@host:5");
        assert_eq!(message.codec, Codec::Protobuf);
        assert_eq!(message.body, "abc");
        assert!(!keep_alive);
        let (message, _) = one(
            "POST /m/a/b HTTP/1.1\r\nUser-Agent: libprocess/x@1.2.3.4:5\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\n{\"\r\n3\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n",
        );
        let message = message.unwrap();
        assert_eq!(&*message.name, "a/b");
        assert_eq!(message.codec, Codec::Json);
        assert_eq!(message.body, "{\"a\":1}");
    }

    #[test]
    fn old_drivers_send_chunks_with_http_1_0() {
        let (message, keep_alive) = one(
            "POST /slave(1)/mesos.internal.RegisterExecutorMessage HTTP/1.0\r\n\
             User-Agent: libprocess/executor@host:5\r\nConnection: Keep-Alive\r\n\
             Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        );
        let message = message.unwrap();
        assert_eq!(message.from.to_string(), "executor@host:5");
        assert_eq!(message.body, "abc");
        assert!(keep_alive);
    }

    #[test]
    fn paths_are_split_at_the_second_slash() {
        for (path, to, name) in [
            ("/m/n", "m", "n"),
            ("/m", "m", ""),
            ("//n", "", "n"),
            ("/", "", ""),
            ("/m/", "m", ""),
        ] {
            let (message, _) = one(&format!(
                "POST {path} HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5\r\n\r\n"
            ));
            let message = message.unwrap();
            assert_eq!((message.to.as_str(), &*message.name), (to, name), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_delivered_is_refused_and_the_next_message_read() {
        let good = "POST /m/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5\r\n\r\n";
        for (request, status) in [
            ("POST /%ZZ/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5", 400),
            ("POST m/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5", 400),
            ("POST /m/n HTTP/1.1\r\nLibprocess-From: nobody", 400),
            (
                "POST /m/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5\r\nContent-Encoding: gzip",
                415,
            ),
        ] {
            let stream = format!("{request}\r\nContent-Length: 5\r\n\r\nPOST {good}");
            let received = receive(stream.as_bytes(), 10).unwrap();
            let [
                Received::Message {
                    message: Err(refusal),
                    keep_alive: true,
                },
                Received::Message { message: Ok(_), .. },
            ] = received.as_slice()
            else {
                panic!("{request}: {received:?}");
            };
            assert_eq!(refusal.status(), status, "{request}");
        }
    }

    #[test]
    fn other_requests_are_left_in_the_buffer() {
        let mut reader = MessageReader::new(Limits::default());
        for request in [
            "GET /state HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\n\r\n",
            "POST /api/v1 HTTP/1.1\r\nUser-Agent: curl\r\n\r\n",
        ] {
            let mut buffer = BytesMut::from(request);
            assert_eq!(reader.read(&mut buffer), Ok(Received::Http));
            assert_eq!(buffer, request);
        }
    }

    #[test]
    fn a_message_over_the_limit_ends_the_connection() {
        let head = "POST /m/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5\r\n";
        let stream = format!("{head}Content-Length: 1001\r\n\r\n");
        assert_eq!(
            receive(stream.as_bytes(), 9),
            Err(HttpError::BodyTooLong(1000))
        );
        let stream = format!("{head}Transfer-Encoding: chunked\r\n\r\n3e9\r\n");
        assert_eq!(
            receive(stream.as_bytes(), 9),
            Err(HttpError::BodyTooLong(1000))
        );
    }

    proptest! {
        #[test]
        fn any_split_gives_the_messages_that_were_sent(
            messages in prop::collection::vec(
                ("[a-z()%/ é]{0,5}", "[a-z.]{1,8}", 0u8..3, prop::collection::vec(any::<u8>(), 0..50)),
                0..6,
            ),
            cut in 1usize..200,
        ) {
            let from: Pid = "scheduler-1@10.0.0.1:5050".parse().unwrap();
            let mut stream = Vec::new();
            for (id, name, codec, body) in &messages {
                let to = Pid::new(id.as_str(), from.address);
                let codec = [Codec::Protobuf, Codec::MessagePack, Codec::Json][usize::from(*codec)];
                // An empty id has no path segment, so nobody can be addressed by it.
                if !id.is_empty() {
                    encode(&from, &to, name, codec, body, &mut stream);
                }
            }
            let received = receive(&stream, cut).unwrap();
            let sent: Vec<_> = messages.into_iter().filter(|message| !message.0.is_empty()).collect();
            prop_assert_eq!(received.len(), sent.len());
            for (received, (id, name, codec, body)) in received.into_iter().zip(sent) {
                let Received::Message { message: Ok(message), keep_alive: true } = received else {
                    panic!("{received:?}");
                };
                prop_assert_eq!(message.to.as_str(), id);
                prop_assert_eq!(&*message.name, name);
                prop_assert_eq!(message.from.pid(), Some(&from));
                prop_assert_eq!(message.codec as u8, codec);
                prop_assert_eq!(message.body, body);
            }
        }

        #[test]
        fn garbage_is_read_or_refused(
            start in prop::sample::select(vec!["", "POST /a/b HTTP/1.1\r\nLibprocess-From: a@b:1\r\n"]),
            data in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut buffer = BytesMut::from(start);
            buffer.extend_from_slice(&data);
            let mut reader = MessageReader::new(Limits::default());
            while let Ok(Received::Message { .. }) = reader.read(&mut buffer) {}
        }
    }
}
