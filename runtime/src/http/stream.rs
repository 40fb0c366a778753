//! Streams of records to a client, bounded in bytes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use thiserror::Error;
use tokio::sync::mpsc;

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
    /// The client reads too slowly; more bytes wait than the limit allows.
    #[error("the client reads too slowly")]
    Full,
}

#[derive(Debug)]
struct Shared {
    queued: AtomicUsize,
    finished: AtomicBool,
}

/// The sending end. Dropping it ends the stream in good order.
#[derive(Debug)]
pub struct StreamWriter {
    records: mpsc::UnboundedSender<Bytes>,
    shared: Arc<Shared>,
    limit: usize,
}

impl StreamWriter {
    pub(crate) fn new(limit: usize, closed: Box<dyn FnOnce() + Send>) -> (Self, StreamReader) {
        let (records, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            queued: AtomicUsize::new(0),
            finished: AtomicBool::new(false),
        });
        let writer = Self {
            records,
            shared: Arc::clone(&shared),
            limit,
        };
        (
            writer,
            StreamReader {
                waiting,
                shared,
                closed: Closed(Some(closed)),
            },
        )
    }

    /// Sends one record, which becomes one HTTP chunk. Refused when more than the limit
    /// waits already; the caller then ends the stream by dropping the writer.
    pub fn send(&self, record: impl Into<Bytes>) -> Result<(), StreamError> {
        let record = record.into();
        let size = record.len();
        if self.shared.queued.fetch_add(size, Ordering::AcqRel) > self.limit {
            return Err(StreamError::Full);
        }
        self.records.send(record).map_err(|_| StreamError::Closed)
    }

    /// As [`Self::send`], of a record that may be larger than the limit, such as a whole
    /// state: what comes after it may wait as if it were not there.
    pub fn send_large(&mut self, record: impl Into<Bytes>) -> Result<(), StreamError> {
        let record = record.into();
        self.limit = self.limit.saturating_add(record.len());
        self.send(record)
    }

    /// Bytes that the client has not taken yet.
    pub fn queued(&self) -> usize {
        self.shared.queued.load(Ordering::Acquire)
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.shared.finished.store(true, Ordering::Release);
    }
}

struct Closed(Option<Box<dyn FnOnce() + Send>>);

impl std::fmt::Debug for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closed")
    }
}

/// The server's end: yields records; dropped early, it tells the actor that the client
/// has gone.
#[derive(Debug)]
pub struct StreamReader {
    waiting: mpsc::UnboundedReceiver<Bytes>,
    shared: Arc<Shared>,
    closed: Closed,
}

impl Stream for StreamReader {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let record = self.waiting.poll_recv(cx);
        if let Poll::Ready(Some(bytes)) = &record {
            self.shared.queued.fetch_sub(bytes.len(), Ordering::AcqRel);
        }
        record
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        if !self.shared.finished.load(Ordering::Acquire)
            && let Some(closed) = self.closed.0.take()
        {
            closed();
        }
    }
}
