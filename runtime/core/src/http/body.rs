//! Request bodies: a stated length, or chunks.

use bytes::{Buf, Bytes, BytesMut};

use super::HttpError;
use crate::percent::hex_digit;

/// Digits of a chunk's size; more cannot be a size that any limit allows.
const SIZE_DIGITS: u8 = 16;

/// Bytes of a chunk's extension, which is dropped.
const EXTENSION_BYTES: usize = 1 << 10;

/// Bytes of all trailers of a body, which are dropped.
const TRAILER_BYTES: usize = 8 << 10;

/// How a request's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks, up to an empty one.
    Chunked,
}

/// What comes next in a body's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// All input, of `skip` bytes, is framing; more input is needed.
    More { skip: usize },
    /// After `skip` bytes of framing come `length` bytes of body, of which the input may
    /// hold only a part. Say with [`BodyDecoder::take`] how many were taken.
    Data { skip: usize, length: u64 },
    /// After `skip` bytes of framing the body ends.
    End { skip: usize },
}

/// The state of a body being read. It holds no bytes.
#[derive(Debug, Clone)]
pub(crate) struct BodyDecoder {
    state: State,
    /// How much more body the limit allows.
    allowed: u64,
    limit: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Inside a body of stated length.
    Whole { left: u64 },
    /// Inside a chunk's size.
    Size { size: u64, digits: u8 },
    /// After a chunk's size, up to its line's end.
    Extension { size: u64, length: usize },
    /// Before the line feed after a chunk's size.
    SizeFeed { size: u64 },
    /// Inside a chunk's data.
    Chunk { left: u64 },
    /// Before the carriage return after a chunk's data.
    ChunkReturn,
    /// Before the line feed after a chunk's data.
    ChunkFeed,
    /// At the start of a line after the last chunk; `length` counts all such lines.
    TrailerStart { length: usize },
    /// Inside such a line.
    Trailer { length: usize },
    /// Before the line feed of such a line.
    TrailerFeed { length: usize },
    /// Before the line feed of the blank line that ends the body.
    LastFeed,
    /// After the body.
    Done,
}

impl BodyDecoder {
    /// A decoder of a body of at most `limit` bytes.
    pub(crate) fn new(framing: Framing, limit: u64) -> Self {
        let state = match framing {
            Framing::None => State::Done,
            Framing::Length(left) => State::Whole { left },
            Framing::Chunked => State::Size { size: 0, digits: 0 },
        };
        Self {
            state,
            allowed: limit,
            limit,
        }
    }

    /// Says what `input` begins with: the bytes after those that earlier steps told to skip
    /// or that were taken.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Step, HttpError> {
        let mut skip = 0;
        loop {
            match self.state {
                State::Done | State::Whole { left: 0 } => return Ok(Step::End { skip }),
                State::Whole { left: length } | State::Chunk { left: length } => {
                    let arrived = skip < input.len();
                    return Ok(if arrived {
                        Step::Data { skip, length }
                    } else {
                        Step::More { skip }
                    });
                }
                _ => {}
            }
            let Some(&byte) = input.get(skip) else {
                return Ok(Step::More { skip });
            };
            skip += 1;
            self.state = self.after(byte)?;
        }
    }

    /// Notes that so many bytes of body were taken.
    pub(crate) fn take(&mut self, count: u64) {
        if let State::Whole { left } | State::Chunk { left } = &mut self.state {
            *left = left.saturating_sub(count);
        }
        if let State::Chunk { left: 0 } = self.state {
            self.state = State::ChunkReturn;
        }
    }

    /// The state after one byte of framing.
    fn after(&mut self, byte: u8) -> Result<State, HttpError> {
        Ok(match (self.state, byte) {
            (State::Size { size, digits }, _) => match (hex_digit(byte), byte) {
                (Some(_), _) if digits == SIZE_DIGITS => {
                    return Err(HttpError::BadChunk("its size has too many digits"));
                }
                (Some(digit), _) => State::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                },
                (None, b'\r') if digits > 0 => State::SizeFeed { size },
                (None, b';' | b' ' | b'\t') if digits > 0 => State::Extension { size, length: 0 },
                _ => return Err(HttpError::BadChunk("its size is not hexadecimal")),
            },
            (State::Extension { size, .. }, b'\r') => State::SizeFeed { size },
            (State::Extension { .. }, b'\n') => {
                return Err(HttpError::BadChunk("a bare line feed ends its size"));
            }
            (
                State::Extension {
                    length: EXTENSION_BYTES..,
                    ..
                },
                _,
            ) => {
                return Err(HttpError::BadChunk("its extension is too long"));
            }
            (State::Extension { size, length }, _) => State::Extension {
                size,
                length: length + 1,
            },
            (State::SizeFeed { size: 0 }, b'\n') => State::TrailerStart { length: 0 },
            (State::SizeFeed { size }, b'\n') => {
                self.allowed = self
                    .allowed
                    .checked_sub(size)
                    .ok_or(HttpError::BodyTooLong(self.limit))?;
                State::Chunk { left: size }
            }
            (State::ChunkReturn, b'\r') => State::ChunkFeed,
            (State::ChunkFeed, b'\n') => State::Size { size: 0, digits: 0 },
            (State::ChunkReturn | State::ChunkFeed, _) => {
                return Err(HttpError::BadChunk("its data is longer than its size"));
            }
            (State::TrailerStart { .. }, b'\r') => State::LastFeed,
            (State::LastFeed, b'\n') => State::Done,
            (State::Trailer { length }, b'\r') => State::TrailerFeed { length },
            (State::TrailerFeed { length }, b'\n') => State::TrailerStart { length },
            (State::TrailerStart { .. } | State::Trailer { .. }, b'\n') => {
                return Err(HttpError::BadChunk("a bare line feed ends a trailer"));
            }
            (State::TrailerStart { length } | State::Trailer { length }, _) => {
                if length == TRAILER_BYTES {
                    return Err(HttpError::TrailersTooLong(TRAILER_BYTES));
                }
                State::Trailer { length: length + 1 }
            }
            (State::SizeFeed { .. } | State::TrailerFeed { .. } | State::LastFeed, _) => {
                return Err(HttpError::BadChunk(
                    "a carriage return without its line feed",
                ));
            }
            (State::Whole { .. } | State::Chunk { .. } | State::Done, _) => self.state,
        })
    }
}

/// What a [`BodyReader`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEvent {
    /// The next piece of the body, not empty.
    Piece(Bytes),
    /// The body is over. What is left in the buffer belongs to the next request.
    End,
    /// Nothing until more bytes arrive.
    Incomplete,
}

/// Takes a body out of a connection's buffer piece by piece, without copying.
#[derive(Debug, Clone)]
pub struct BodyReader {
    decoder: BodyDecoder,
}

impl BodyReader {
    /// A reader of a body of at most `limit` bytes, chunk framing not counted.
    pub fn new(framing: Framing, limit: u64) -> Self {
        Self {
            decoder: BodyDecoder::new(framing, limit),
        }
    }

    /// Removes framing and at most one piece of body from the front of `buffer`.
    pub fn read(&mut self, buffer: &mut BytesMut) -> Result<BodyEvent, HttpError> {
        match self.decoder.step(buffer)? {
            Step::More { skip } => {
                buffer.advance(skip);
                Ok(BodyEvent::Incomplete)
            }
            Step::End { skip } => {
                buffer.advance(skip);
                Ok(BodyEvent::End)
            }
            Step::Data { skip, length } => {
                buffer.advance(skip);
                let count = usize::try_from(length)
                    .unwrap_or(usize::MAX)
                    .min(buffer.len());
                self.decoder.take(count as u64);
                Ok(BodyEvent::Piece(buffer.split_to(count).freeze()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `data` in pieces of `cut` bytes; gives the body and what is left over.
    fn read(framing: Framing, data: &[u8], cut: usize) -> Result<(Vec<u8>, Vec<u8>), HttpError> {
        let mut reader = BodyReader::new(framing, 100);
        let mut buffer = BytesMut::new();
        let mut body = Vec::new();
        let mut ended = false;
        for piece in data.chunks(cut) {
            buffer.extend_from_slice(piece);
            while !ended {
                match reader.read(&mut buffer)? {
                    BodyEvent::Piece(piece) => body.extend_from_slice(&piece),
                    BodyEvent::End => ended = true,
                    BodyEvent::Incomplete => break,
                }
            }
        }
        assert!(ended, "the body did not end");
        Ok((body, buffer.to_vec()))
    }

    #[test]
    fn chunks_extensions_and_trailers_are_read_at_any_split() {
        let data =
            b"5\r\nhello\r\n001;name=\"value\"\r\n \r\n5 \r\nworld\r\n0\r\nA: b\r\nC: d\r\n\r\nGET";
        for cut in 1..data.len() {
            let (body, rest) = read(Framing::Chunked, data, cut).unwrap();
            assert_eq!(
                (body.as_slice(), rest.as_slice()),
                (&b"hello world"[..], &b"GET"[..])
            );
        }
    }

    #[test]
    fn a_stated_length_is_kept() {
        let (body, rest) = read(Framing::Length(3), b"abcGET", 2).unwrap();
        assert_eq!(
            (body.as_slice(), rest.as_slice()),
            (&b"abc"[..], &b"GET"[..])
        );
        let (body, rest) = read(Framing::None, b"GET", 1).unwrap();
        assert_eq!((body.as_slice(), rest.as_slice()), (&b""[..], &b"GET"[..]));
    }

    #[test]
    fn broken_chunks_are_refused() {
        for data in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "1\n",
            "1;\n",
            ";a\r\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "1\rX",
            "0\r\n\n",
            "0\r\nA\n",
            "0\r\n\rX",
            "00000000000000001\r\n",
        ] {
            let error = read(Framing::Chunked, data.as_bytes(), 100).unwrap_err();
            assert!(matches!(error, HttpError::BadChunk(_)), "{data:?}: {error}");
        }
    }

    #[test]
    fn limits_hold_for_all_chunks_together() {
        let chunk = format!("28\r\n{}\r\n", "x".repeat(40));
        let error = read(Framing::Chunked, chunk.repeat(3).as_bytes(), 7).unwrap_err();
        assert_eq!(error, HttpError::BodyTooLong(100));
        let error = read(Framing::Chunked, b"ffffffffffffffff\r\n", 7).unwrap_err();
        assert_eq!(error, HttpError::BodyTooLong(100));
        let extension = format!("1;{}", "x".repeat(EXTENSION_BYTES + 1));
        assert!(matches!(
            read(Framing::Chunked, extension.as_bytes(), 99),
            Err(HttpError::BadChunk(_))
        ));
        let trailers = format!("0\r\n{}", "A: b\r\n".repeat(TRAILER_BYTES));
        let error = read(Framing::Chunked, trailers.as_bytes(), 99).unwrap_err();
        assert_eq!(error, HttpError::TrailersTooLong(TRAILER_BYTES));
    }

    proptest! {
        #[test]
        fn garbage_is_read_or_refused(data in "[0-9a-f;\r\nx]{0,80}") {
            let mut reader = BodyReader::new(Framing::Chunked, 100);
            let mut buffer = BytesMut::from(data.as_bytes());
            while let Ok(BodyEvent::Piece(_)) = reader.read(&mut buffer) {}
        }
    }
}
