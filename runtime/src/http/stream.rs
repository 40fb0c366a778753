//! Streams of records to a client, bounded in bytes.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use thiserror::Error;
use tracing::warn;

use crate::limits::{FAIR_SHARE, Limits};
use crate::metrics::{Counter, Metrics};
use crate::sync::lock;
use crate::wakes;

/// Status and headers of a streamed answer.
#[derive(Debug, Clone)]
pub struct StreamHead {
    /// The status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
}

/// A record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StreamError {
    /// The client has gone.
    #[error("the client has gone")]
    Closed,
    /// The client reads too slowly: more bytes wait than the limit allows.
    #[error("the client reads too slowly")]
    Full,
}

/// What the streams of a node hold together, and may hold.
#[derive(Debug)]
pub(crate) struct Streams {
    one: usize,
    all: usize,
    /// Bytes of ordinary records that wait.
    waiting: AtomicUsize,
    /// Bytes of large records that wait.
    large: AtomicUsize,
    open: AtomicUsize,
    ended: Counter,
}

impl Streams {
    pub(crate) fn new(limits: &Limits, metrics: &Metrics) -> Arc<Self> {
        let streams = Arc::new(Self {
            one: limits.stream,
            all: limits.streams,
            waiting: AtomicUsize::new(0),
            large: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            ended: metrics.counter("runtime/streams_ended_reader_slow"),
        });
        let read = Arc::clone(&streams);
        metrics.pull_gauge("runtime/stream_bytes_waiting", move || {
            (read.waiting.load(Ordering::Relaxed) + read.large.load(Ordering::Relaxed)) as f64
        });
        let read = Arc::clone(&streams);
        metrics.pull_gauge("runtime/streams", move || {
            read.open.load(Ordering::Relaxed) as f64
        });
        streams
    }
}

/// A record that waits, and whether it may be larger than the limit.
#[derive(Debug)]
struct Record {
    bytes: Bytes,
    is_large: bool,
}

#[derive(Debug, Default)]
struct Queue {
    records: VecDeque<Record>,
    waiting: usize,
    large: usize,
    /// The writer is gone: after what waits, the stream ends in good order.
    finished: bool,
    /// The reader was too slow: what waited is dropped, and the stream breaks off.
    cut: bool,
    reader_gone: bool,
    reader: Option<Waker>,
}

#[derive(Debug)]
struct Shared {
    streams: Arc<Streams>,
    client: Option<SocketAddr>,
    queue: Mutex<Queue>,
}

impl Shared {
    /// Drops all that waits.
    fn clear(&self, queue: &mut Queue) {
        queue.records = VecDeque::new();
        let waiting = std::mem::take(&mut queue.waiting);
        self.streams.waiting.fetch_sub(waiting, Ordering::Relaxed);
        let large = std::mem::take(&mut queue.large);
        self.streams.large.fetch_sub(large, Ordering::Relaxed);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.streams.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The sending end. Dropping it ends the stream in good order.
#[derive(Debug)]
pub struct StreamWriter {
    shared: Arc<Shared>,
}

impl StreamWriter {
    pub(crate) fn new(
        streams: Arc<Streams>,
        client: Option<SocketAddr>,
        closed: Box<dyn FnOnce() + Send>,
    ) -> (Self, StreamReader) {
        streams.open.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared {
            streams,
            client,
            queue: Mutex::default(),
        });
        let writer = Self {
            shared: Arc::clone(&shared),
        };
        let closed = Closed(Some(closed));
        (writer, StreamReader { shared, closed })
    }

    /// Sends one record, which becomes one HTTP chunk. Refused when more than the limit
    /// waits already: then all that waits is dropped and the stream breaks off, since a
    /// reader must not miss a record without noticing.
    pub fn send(&self, record: impl Into<Bytes>) -> Result<(), StreamError> {
        self.put(record.into(), false)
    }

    /// As [`Self::send`], of a record that may be larger than the limit, such as a whole
    /// state: what comes after it may wait as if it were not there.
    pub fn send_large(&self, record: impl Into<Bytes>) -> Result<(), StreamError> {
        self.put(record.into(), true)
    }

    /// Bytes that the client has not taken yet.
    pub fn queued(&self) -> usize {
        let queue = lock(&self.shared.queue);
        queue.waiting + queue.large
    }

    fn put(&self, bytes: Bytes, is_large: bool) -> Result<(), StreamError> {
        let streams = &self.shared.streams;
        let mut queue = lock(&self.shared.queue);
        if queue.cut {
            return Err(StreamError::Full);
        }
        if queue.reader_gone {
            return Err(StreamError::Closed);
        }
        let all = streams.waiting.load(Ordering::Relaxed);
        let waiting = queue.waiting;
        if waiting > streams.one || (all > streams.all && waiting > FAIR_SHARE) {
            queue.cut = true;
            self.shared.clear(&mut queue);
            let reader = queue.reader.take();
            drop(queue);
            streams.ended.increment();
            let client = self.shared.client.map(|client| client.to_string());
            warn!(client, waiting, "ended a stream: its reader is too slow");
            if let Some(reader) = reader {
                reader.wake();
            }
            return Err(StreamError::Full);
        }
        let (own, total) = if is_large {
            (&mut queue.large, &streams.large)
        } else {
            (&mut queue.waiting, &streams.waiting)
        };
        *own += bytes.len();
        total.fetch_add(bytes.len(), Ordering::Relaxed);
        queue.records.push_back(Record { bytes, is_large });
        if let Some(reader) = queue.reader.take() {
            drop(queue);
            wakes::wake(&reader);
        }
        Ok(())
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        let mut queue = lock(&self.shared.queue);
        queue.finished = true;
        if let Some(reader) = queue.reader.take() {
            drop(queue);
            reader.wake();
        }
    }
}

struct Closed(Option<Box<dyn FnOnce() + Send>>);

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed")
    }
}

/// The server's end: yields records; dropped early, it tells the actor that the client
/// has gone.
#[derive(Debug)]
pub struct StreamReader {
    shared: Arc<Shared>,
    closed: Closed,
}

impl StreamReader {
    /// The next record; none after the last.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, StreamError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next record if it is there already.
    pub(crate) fn next_ready(&mut self) -> Option<Result<Bytes, StreamError>> {
        let cx = &mut Context::from_waker(Waker::noop());
        match Pin::new(self).poll_next(cx) {
            Poll::Ready(record) => record,
            Poll::Pending => None,
        }
    }
}

impl Stream for StreamReader {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let streams = &self.shared.streams;
        let mut queue = lock(&self.shared.queue);
        if queue.cut {
            return Poll::Ready(Some(Err(StreamError::Full)));
        }
        let Some(Record { bytes, is_large }) = queue.records.pop_front() else {
            if queue.finished {
                return Poll::Ready(None);
            }
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let (own, total) = if is_large {
            (&mut queue.large, &streams.large)
        } else {
            (&mut queue.waiting, &streams.waiting)
        };
        *own -= bytes.len();
        total.fetch_sub(bytes.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(bytes)))
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        let mut queue = lock(&self.shared.queue);
        queue.reader_gone = true;
        self.shared.clear(&mut queue);
        let is_early = !queue.finished;
        drop(queue);
        if is_early && let Some(closed) = self.closed.0.take() {
            closed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn streams(one: usize, all: usize) -> Arc<Streams> {
        let limits = Limits {
            stream: one,
            streams: all,
            ..Limits::default()
        };
        Streams::new(&limits, &Metrics::new())
    }

    fn open(streams: &Arc<Streams>) -> (StreamWriter, StreamReader) {
        StreamWriter::new(Arc::clone(streams), None, Box::new(|| {}))
    }

    fn next(reader: &mut StreamReader) -> Poll<Option<Result<Bytes, StreamError>>> {
        Pin::new(reader).poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_slow_reader_is_cut_and_holds_nothing() {
        let streams = streams(100, usize::MAX);
        let (writer, mut reader) = open(&streams);
        writer.send_large(vec![0; 1000]).unwrap();
        for _ in 0..11 {
            writer.send(vec![0; 10]).unwrap();
        }
        assert_eq!(writer.queued(), 1110);
        assert_eq!(writer.send(vec![0; 1]), Err(StreamError::Full));
        assert_eq!(writer.queued(), 0);
        assert_eq!(streams.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(streams.large.load(Ordering::Relaxed), 0);
        let cut = Poll::Ready(Some(Err(StreamError::Full)));
        assert_eq!(next(&mut reader), cut);
        drop(writer);
        assert_eq!(next(&mut reader), cut, "it never ends in good order");
        assert_eq!(streams.ended.get(), 1);
    }

    #[test]
    fn together_they_are_bounded_and_small_ones_go_on() {
        let streams = streams(usize::MAX, 4 * FAIR_SHARE);
        let open: Vec<_> = (0..4).map(|_| open(&streams)).collect();
        for (writer, _) in &open {
            writer.send(vec![0; FAIR_SHARE + 1]).unwrap();
        }
        let (small, _reader) = self::open(&streams);
        for _ in 0..10 {
            small.send(vec![0; 10]).unwrap();
        }
        assert_eq!(open[0].0.send(vec![0]), Err(StreamError::Full));
        assert_eq!(open[1].0.send(vec![0]), Ok(()), "there is room again");
    }

    #[test]
    fn an_end_in_good_order_comes_after_what_waits() {
        let streams = streams(100, 100);
        let (writer, mut reader) = open(&streams);
        assert_eq!(next(&mut reader), Poll::Pending);
        writer.send(&b"last"[..]).unwrap();
        drop(writer);
        let last = Poll::Ready(Some(Ok(Bytes::from_static(b"last"))));
        assert_eq!(next(&mut reader), last);
        assert_eq!(next(&mut reader), Poll::Ready(None));
    }

    #[test]
    fn a_client_that_leaves_is_told_of_once() {
        let told = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&told);
        let streams = streams(100, 100);
        let closed = Box::new(move || assert!(!tell.swap(true, Ordering::Relaxed)));
        let (writer, reader) = StreamWriter::new(streams, None, closed);
        drop(reader);
        assert!(told.load(Ordering::Relaxed));
        assert_eq!(writer.send(&b"x"[..]), Err(StreamError::Closed));
    }
}
