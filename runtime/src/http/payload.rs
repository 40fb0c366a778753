//! Reading a request's body, and writing an answer's, within the limits.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use futures_core::Stream;
use tokio::time::timeout;

use crate::http::response::Response;
use crate::limits::Limits;
use crate::metrics::{Counter, Metrics};
use crate::node::Node;

/// Compressed bodies from this size on are inflated on a thread aside.
const INFLATE_ASIDE_FROM: usize = 64 << 10;
/// Answers are given to the socket in pieces of this size: what the client has not read
/// of a large one stays shared, and is not copied for each client.
pub(crate) const PIECE: usize = 64 << 10;

/// What request bodies of a node hold together, and may hold.
#[derive(Debug)]
pub(crate) struct Bodies {
    limit: usize,
    held: AtomicUsize,
    /// Answered 413.
    too_large: Counter,
    /// Answered 408.
    too_slow: Counter,
    /// Answered 503.
    no_room: Counter,
}

impl Bodies {
    pub(crate) fn new(limits: &Limits, metrics: &Metrics) -> Arc<Self> {
        let bodies = Arc::new(Self {
            limit: limits.bodies,
            held: AtomicUsize::new(0),
            too_large: metrics.counter("runtime/requests_refused_too_large"),
            too_slow: metrics.counter("runtime/requests_refused_too_slow"),
            no_room: metrics.counter("runtime/requests_refused_no_room"),
        });
        let read = Arc::clone(&bodies);
        metrics.pull_gauge("runtime/request_bytes_held", move || {
            read.held.load(Ordering::Relaxed) as f64
        });
        bodies
    }

    /// Counts a request that is refused with this status.
    pub(crate) fn refused(&self, status: u16) {
        match status {
            408 => self.too_slow.increment(),
            413 | 431 => self.too_large.increment(),
            503 => self.no_room.increment(),
            _ => {}
        }
    }

    /// Nothing held yet.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        Held {
            bodies: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// Bytes that count as held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    bodies: Arc<Bodies>,
    bytes: usize,
}

impl Held {
    /// Holds more. False when all bodies together would hold too much.
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        let before = self.bodies.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before.saturating_add(bytes) <= self.bodies.limit
    }

    /// Holds so many bytes in all.
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes {
            self.add(bytes - self.bytes)
        } else {
            let gone = self.bytes - bytes;
            self.bodies.held.fetch_sub(gone, Ordering::Relaxed);
            self.bytes = bytes;
            true
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.bodies.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body and its place among those that the node holds.
struct Owned {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the whole body of a request, inflated if it is compressed.
pub(crate) async fn read<E: std::fmt::Display>(
    node: &Node,
    payload: impl Stream<Item = Result<Bytes, E>>,
    is_gzip: bool,
) -> Result<Bytes, Box<Response>> {
    let read = read_within(node, payload, is_gzip).await;
    read.map_err(|response| {
        node.inner.bodies.refused(response.status);
        Box::new(response)
    })
}

async fn read_within<E: std::fmt::Display>(
    node: &Node,
    payload: impl Stream<Item = Result<Bytes, E>>,
    is_gzip: bool,
) -> Result<Bytes, Response> {
    let limits = node.limits();
    let mut held = node.inner.bodies.hold();
    let body = timeout(limits.body_time, gather(payload, limits.body, &mut held));
    let body = body.await.unwrap_or_else(|_| {
        Err(Response::text(
            408,
            format!(
                "The body did not come whole within {} seconds.",
                limits.body_time.as_secs_f64()
            ),
        ))
    })?;
    let body = if is_gzip {
        inflated(node, body, limits.body, &mut held).await?
    } else {
        body
    };
    if body.is_empty() {
        return Ok(body);
    }
    Ok(Bytes::from_owner(Owned {
        bytes: body,
        _held: held,
    }))
}

async fn gather<E: std::fmt::Display>(
    payload: impl Stream<Item = Result<Bytes, E>>,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, Response> {
    let mut payload = pin!(payload);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(piece) = std::future::poll_fn(|cx| payload.as_mut().poll_next(cx)).await {
        let piece = piece
            .map_err(|error| Response::text(400, format!("Failed to read the body: {error}")))?;
        if first.len() + all.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        if !held.add(piece.len()) {
            return Err(no_room());
        }
        if first.is_empty() && all.is_empty() {
            // Most bodies are of one piece, which is not copied.
            first = piece;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

async fn inflated(
    node: &Node,
    body: Bytes,
    limit: usize,
    held: &mut Held,
) -> Result<Bytes, Response> {
    let inflated = if body.len() >= INFLATE_ASIDE_FROM && node.world().has_threads() {
        tokio::task::spawn_blocking(move || inflate(&body, limit))
            .await
            .map_err(|_| Response::empty(500))?
    } else {
        inflate(&body, limit)
    };
    let inflated = inflated.map_err(|error| match error {
        InflateError::TooLarge => too_large(limit),
        InflateError::Malformed(text) => {
            Response::text(400, format!("Failed to decompress the body: {text}"))
        }
    })?;
    if held.set(inflated.len()) {
        Ok(inflated)
    } else {
        Err(no_room())
    }
}

fn too_large(limit: usize) -> Response {
    Response::text(413, format!("The body is larger than {limit} bytes."))
}

fn no_room() -> Response {
    Response::text(503, "Too many large requests at once. Try again.")
}

enum InflateError {
    TooLarge,
    Malformed(String),
}

/// Inflates at most `limit` bytes, whatever the compressed size promises.
fn inflate(body: &[u8], limit: usize) -> Result<Bytes, InflateError> {
    struct Bounded {
        bytes: Vec<u8>,
        limit: usize,
        is_over: bool,
    }
    impl std::io::Write for Bounded {
        fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
            if self.bytes.len() + part.len() > self.limit {
                self.is_over = true;
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            self.bytes.extend_from_slice(part);
            Ok(part.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut decoder = MultiGzDecoder::new(Bounded {
        bytes: Vec::new(),
        limit,
        is_over: false,
    });
    let written = std::io::Write::write_all(&mut decoder, body).and_then(|()| decoder.try_finish());
    match written {
        Ok(()) => Ok(Bytes::from(std::mem::take(&mut decoder.get_mut().bytes))),
        Err(_) if decoder.get_ref().is_over => Err(InflateError::TooLarge),
        Err(error) => Err(InflateError::Malformed(error.to_string())),
    }
}

/// An answer's body in pieces.
pub(crate) struct Pieces(pub(crate) Bytes);

impl Pieces {
    /// Whether a body is large enough to be written so.
    pub(crate) fn suit(body: &Bytes) -> bool {
        body.len() > PIECE
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let length = self.0.len().min(PIECE);
        let piece = self.0.split_to(length);
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_bomb_is_found_at_the_limit() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&[0; 1 << 20]).unwrap();
        let bomb = bomb.finish().unwrap();
        assert!(bomb.len() < 2 << 10);
        assert!(matches!(
            inflate(&bomb, (1 << 20) - 1),
            Err(InflateError::TooLarge)
        ));
        assert!(inflate(&bomb, 1 << 20).is_ok_and(|inflated| inflated.len() == 1 << 20));
        assert!(matches!(
            inflate(b"not gzip", 100),
            Err(InflateError::Malformed(_))
        ));
    }

    #[test]
    fn what_is_held_is_bounded_and_given_back() {
        let limits = Limits {
            bodies: 100,
            ..Limits::default()
        };
        let bodies = Bodies::new(&limits, &Metrics::new());
        let (mut one, mut other) = (bodies.hold(), bodies.hold());
        assert!(one.add(60) && other.add(40));
        assert!(!other.add(1));
        drop(other);
        assert!(one.set(100) && one.set(10));
        assert_eq!(bodies.held.load(Ordering::Relaxed), 10);
    }
}
