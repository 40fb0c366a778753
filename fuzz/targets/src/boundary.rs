//! Where one HTTP request ends and the next begins.

use bytes::BytesMut;
use runtime_core::http::{BodyEvent, BodyReader, Boundary, Head, HeadScan, HttpError, Limits};

use crate::pieces;

const LIMITS: Limits = Limits {
    head_bytes: 1 << 10,
    headers: 16,
    body_bytes: 4 << 10,
};

/// Where the requests of a stream end, and the error that ended the reading.
fn ends<'d>(parts: impl Iterator<Item = &'d [u8]>) -> (Vec<usize>, Option<HttpError>) {
    let mut boundary = Boundary::new(LIMITS);
    let mut ends = Vec::new();
    let mut at = 0;
    for part in parts {
        let mut rest = part;
        while !rest.is_empty() {
            let taken = match boundary.advance(rest) {
                Ok(taken) => taken,
                Err(error) => return (ends, Some(error)),
            };
            at += taken;
            rest = rest.get(taken..).expect("no more than there is");
            if boundary.is_complete() {
                ends.push(at);
                boundary.next_request();
                assert!(boundary.is_idle());
            } else {
                assert!(
                    rest.is_empty(),
                    "bytes are withheld from an unfinished request"
                );
            }
        }
    }
    (ends, None)
}

/// The end of the first request, found by reading it.
fn first_end(data: &[u8]) -> Option<usize> {
    let length = HeadScan::default().find(data, &LIMITS).ok()??;
    let head = Head::parse(data.get(..length)?, &LIMITS).ok()?;
    let mut body = BodyReader::new(head.framing, LIMITS.body_bytes);
    let mut buffer = BytesMut::from(data.get(length..)?);
    loop {
        match body.read(&mut buffer).ok()? {
            BodyEvent::Piece(_) => {}
            BodyEvent::End => return Some(data.len() - buffer.len()),
            BodyEvent::Incomplete => return None,
        }
    }
}

/// How a stream is cut changes nothing, and the reader of requests agrees on the first end.
pub(crate) fn run(data: &[u8]) {
    let (seed, data) = pieces::seed(data);
    let (found, error) = ends(std::iter::once(data));
    assert_eq!(
        (found.clone(), error),
        ends(pieces::cut(seed, data)),
        "cuts matter"
    );
    assert_eq!(found.first().copied(), first_end(data));
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    pieces::with_cuts(&[
        b"GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\nPOST /b HTTP/1.0\r\nContent-Length: 2\r\n\r\nxyGET",
        b"\r\nPUT / HTTP/1.1\nTransfer-Encoding: chunked\nExpect: 100-continue\n\n1\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nConnection: close, keep-alive\r\n\r\n",
    ])
}
