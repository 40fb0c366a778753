//! Messages back to back on a connection (L5-L9).

use bytes::BytesMut;
use runtime_core::Codec;
use runtime_core::http::{HttpError, Limits};
use runtime_core::libprocess::{self, MessageReader, Received};

use crate::pieces;

const LIMITS: Limits = Limits {
    head_bytes: 1 << 10,
    headers: 16,
    body_bytes: 4 << 10,
};

/// What a reader says of a stream, and what it leaves of it when it stops.
#[derive(Debug, PartialEq)]
struct Story {
    messages: Vec<Received>,
    end: Result<Received, HttpError>,
}

fn read<'d>(parts: impl Iterator<Item = &'d [u8]>) -> Story {
    let mut reader = MessageReader::new(LIMITS);
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    for part in parts {
        buffer.extend_from_slice(part);
        loop {
            match reader.read(&mut buffer) {
                Ok(Received::Incomplete) => break,
                Ok(message @ Received::Message { .. }) => messages.push(message),
                end => return Story { messages, end },
            }
        }
    }
    Story {
        messages,
        end: Ok(Received::Incomplete),
    }
}

/// How a stream is cut changes nothing, and a message that was read can be written and
/// read again.
pub(crate) fn run(data: &[u8]) {
    let (seed, data) = pieces::seed(data);
    let story = read(std::iter::once(data));
    assert_eq!(story, read(pieces::cut(seed, data)), "cuts matter");
    for received in &story.messages {
        let Received::Message {
            message: Ok(message),
            ..
        } = received
        else {
            continue;
        };
        let Some(from) = message.from.pid() else {
            continue;
        };
        let to = runtime_core::Pid::new(message.to.clone(), from.address);
        let mut written = Vec::new();
        libprocess::encode(
            from,
            &to,
            &message.name,
            message.codec,
            &message.body,
            &mut written,
        );
        let again = read(std::iter::once(written.as_slice()));
        match again.messages.as_slice() {
            [
                Received::Message {
                    message: Ok(again), ..
                },
            ] => {
                assert_eq!(again.body, message.body);
                assert_eq!(again.to, message.to);
            }
            // A name or a length that only fitted the limits as it was written before.
            _ => assert!(again.end.is_err(), "{message:?} became {again:?}"),
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut plain = Vec::new();
    let address = ([127, 0, 0, 1], 5051).into();
    let from = runtime_core::Pid::new("slave(1)", address);
    let to = runtime_core::Pid::new("master", ([127, 0, 0, 1], 5050).into());
    libprocess::encode(
        &from,
        &to,
        "mesos.internal.PongSlaveMessage",
        Codec::Protobuf,
        b"",
        &mut plain,
    );
    libprocess::encode(
        &from,
        &to,
        "example.Add",
        Codec::MessagePack,
        b"\x81\xa1n\x01",
        &mut plain,
    );
    pieces::with_cuts(&[
        &plain,
        b"POST /master/a.B HTTP/1.1\r\nLibprocess-From: x@10.0.0.1:1\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /m%28/n HTTP/1.1\r\nUser-Agent: libprocess/x@host:1\r\nTransfer-Encoding: chunked\r\n\r\n\
          3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        b"GET /state HTTP/1.1\r\nHost: a\r\n\r\n",
    ])
}
