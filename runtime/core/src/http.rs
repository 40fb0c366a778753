//! HTTP/1 request framing for the one port: where a head ends, what it says, and where
//! its body ends, fed in any pieces. Pure: bytes in, decisions out.
//!
//! It is strict where two readers could disagree about a request's end, since the bytes
//! may go on to another reader: a length stated twice, a length beside chunks, an unknown
//! transfer coding and bare line feeds in chunk framing are all refused.

mod body;
mod boundary;
mod head;

use thiserror::Error;

pub(crate) use body::{BodyDecoder, Step};
pub use body::{BodyEvent, BodyReader, Framing};
pub use boundary::Boundary;
pub use head::{Head, HeadScan, MAX_HEADERS};

/// What is accepted of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, its blank line included.
    pub head_bytes: usize,
    /// Header lines, at most [`MAX_HEADERS`].
    pub headers: usize,
    /// Bytes of a body, chunk framing not counted.
    pub body_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 << 10,
            headers: MAX_HEADERS,
            body_bytes: 64 << 20,
        }
    }
}

/// Why a connection cannot be read further. Answer with [`HttpError::status`] and close it:
/// where the next request begins is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// The head is not that of an HTTP/1 request.
    #[error("the request head is malformed: {0}")]
    BadHead(httparse::Error),
    /// `CONNECT` asks for a tunnel, which has no end.
    #[error("CONNECT is not supported")]
    Tunnel,
    /// The head is over the limit.
    #[error("the request head is over {0} bytes")]
    HeadTooLong(usize),
    /// There are more header lines than the limit.
    #[error("the request has more than {0} headers")]
    TooManyHeaders(usize),
    /// `Content-Length` is not one decimal number.
    #[error("Content-Length must be one decimal number")]
    BadLength,
    /// `Content-Length` is given twice.
    #[error("Content-Length is given more than once")]
    RepeatedLength,
    /// Both `Content-Length` and `Transfer-Encoding` are given.
    #[error("Content-Length and Transfer-Encoding exclude each other")]
    LengthAndCoding,
    /// The transfer coding is something else than `chunked`, or comes with HTTP/1.0.
    #[error("the only Transfer-Encoding supported is 'chunked', with HTTP/1.1")]
    UnknownCoding,
    /// The chunk framing is broken; the text says where.
    #[error("malformed chunk: {0}")]
    BadChunk(&'static str),
    /// The body is over the limit.
    #[error("the request body is over {0} bytes")]
    BodyTooLong(u64),
    /// The trailers after the last chunk are over their limit.
    #[error("the request trailers are over {0} bytes")]
    TrailersTooLong(usize),
}

impl HttpError {
    /// The status code to answer with: 400, 413 or 431.
    pub fn status(&self) -> u16 {
        match self {
            Self::BodyTooLong(_) => 413,
            Self::HeadTooLong(_) | Self::TooManyHeaders(_) | Self::TrailersTooLong(_) => 431,
            _ => 400,
        }
    }
}
