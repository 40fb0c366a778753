//! Bodies of a stated length and in chunks.

use bytes::BytesMut;
use runtime_core::http::{BodyEvent, BodyReader, Framing, HttpError};

use crate::pieces;

const LIMIT: u64 = 4 << 10;

/// The body, whether it came to its end, and what stands behind it.
type Read = Result<(Vec<u8>, Option<Vec<u8>>), HttpError>;

fn read<'d>(framing: Framing, parts: impl Iterator<Item = &'d [u8]>) -> Read {
    let mut reader = BodyReader::new(framing, LIMIT);
    let mut buffer = BytesMut::new();
    let mut body = Vec::new();
    let mut behind = None;
    for part in parts {
        buffer.extend_from_slice(part);
        while behind.is_none() {
            match reader.read(&mut buffer)? {
                BodyEvent::Piece(piece) => {
                    assert!(!piece.is_empty());
                    body.extend_from_slice(&piece);
                }
                BodyEvent::End => behind = Some(()),
                BodyEvent::Incomplete => break,
            }
        }
    }
    Ok((body, behind.map(|()| buffer.to_vec())))
}

/// How a body is cut changes nothing, and it is never over its limit.
pub(crate) fn run(data: &[u8]) {
    let (seed, data) = pieces::seed(data);
    let framing = if seed & 0x100 == 0 {
        Framing::Chunked
    } else {
        Framing::Length((seed >> 9) % (LIMIT + 1))
    };
    let whole = read(framing, std::iter::once(data));
    if let Ok((body, _)) = &whole {
        assert!(body.len() as u64 <= LIMIT);
    }
    assert_eq!(whole, read(framing, pieces::cut(seed, data)), "cuts matter");
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let bodies: [&[u8]; 3] = [
        b"5\r\nhello\r\n0\r\n\r\nGET /",
        b"A;name=\"x\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
        b"hello world",
    ];
    bodies
        .iter()
        .flat_map(|body| [[b"\0cut", *body].concat(), [b"\x01\x16ut", *body].concat()])
        .collect()
}
