//! What of a body in parts goes out: pieces of it, or what compression makes of them.

use std::future::Future as _;
use std::io::Write as _;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_core::Stream;

use crate::aside;
use crate::http::parts::{Cut, PartsReader};
use crate::http::payload::PIECE;

/// How many pieces go out before the thread looks at its other connections: a client that
/// reads as fast as they come would never let go.
const TURN: usize = 1;

/// The bytes that a client gets of a body in parts.
#[derive(Debug)]
pub(crate) struct Outgoing {
    parts: PartsReader,
    /// Compresses them, if that is wanted; gone when all are compressed.
    encoder: Option<GzEncoder<Vec<u8>>>,
    is_compressed: bool,
    /// What is ready to go.
    ready: Bytes,
    /// How many pieces are left of this turn.
    turn: usize,
}

impl Outgoing {
    pub(crate) fn new(parts: PartsReader, is_compressed: bool) -> Self {
        Self {
            parts,
            encoder: is_compressed.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            is_compressed,
            ready: Bytes::new(),
            turn: TURN,
        }
    }

    /// How long it is, if that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        let length = self.parts.length().filter(|_| !self.is_compressed);
        length.map(|length| length as u64)
    }

    /// The next part that goes out; none after the last.
    pub(crate) fn poll_part(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            let part = match ready!(self.parts.poll_next(cx)).transpose() {
                Ok(part) => part,
                Err(cut) => return Poll::Ready(Some(Err(cut))),
            };
            if !self.is_compressed {
                return Poll::Ready(part.map(Ok));
            }
            // Writing to a vector does not fail.
            let compressed = match (&mut self.encoder, part) {
                (Some(encoder), Some(part)) => {
                    for piece in part.chunks(PIECE) {
                        let _ = encoder.write_all(piece);
                        aside::give_way();
                    }
                    std::mem::take(encoder.get_mut())
                }
                _ => {
                    let rest = self.encoder.take().and_then(|it| it.finish().ok());
                    return Poll::Ready(rest.map(|rest| Ok(rest.into())));
                }
            };
            if !compressed.is_empty() {
                return Poll::Ready(Some(Ok(compressed.into())));
            }
        }
    }
}

impl Stream for Outgoing {
    type Item = Result<Bytes, Cut>;

    /// In small pieces: what the client has not read stays shared, and is not copied for each
    /// client.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.turn == 0 {
            self.turn = TURN;
            // Wakes it when the thread has looked at its sockets; if it were woken at once,
            // it would be its turn again some fifty times before.
            let _ = pin!(tokio::task::yield_now()).poll(cx);
            return Poll::Pending;
        }
        self.turn -= 1;
        if self.ready.is_empty() {
            match ready!(self.poll_part(cx)) {
                Some(part) => self.ready = part?,
                None => return Poll::Ready(None),
            }
        }
        let length = self.ready.len().min(PIECE);
        Poll::Ready(Some(Ok(self.ready.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::task::Waker;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::http::parts::PartsWriter;

    fn all(mut outgoing: Outgoing) -> (Vec<u8>, usize) {
        let (mut all, mut longest) = (Vec::new(), 0);
        let cx = &mut Context::from_waker(Waker::noop());
        loop {
            match Pin::new(&mut outgoing).poll_next(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    longest = longest.max(piece.len());
                    all.extend_from_slice(&piece);
                }
                Poll::Ready(_) => return (all, longest),
                Poll::Pending => {}
            }
        }
    }

    #[test]
    fn parts_go_out_in_pieces_or_compressed() {
        let (mut writer, reader) = PartsWriter::new();
        let parts: Vec<Vec<u8>> = (0..5).map(|part| vec![part; 3 * PIECE + 1]).collect();
        parts.iter().for_each(|part| writer.write(part.clone()));
        assert_eq!(Outgoing::new(reader.clone(), false).length(), None);
        drop(writer);
        let plain = Outgoing::new(reader.clone(), false);
        assert_eq!(plain.length(), Some(5 * (3 * PIECE as u64 + 1)));
        assert_eq!(all(plain), (parts.concat(), PIECE));

        let compressed = Outgoing::new(reader, true);
        assert_eq!(compressed.length(), None);
        let mut read = Vec::new();
        let (compressed, _) = all(compressed);
        GzDecoder::new(&*compressed).read_to_end(&mut read).unwrap();
        assert_eq!(read, parts.concat());
    }
}
