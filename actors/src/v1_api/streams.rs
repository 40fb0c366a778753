//! Event streams that are open.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use messages::table::Described;
use runtime::http::{StreamError, StreamWriter};
use tracing::info;

use super::Media;

/// All open event streams by id.
#[derive(Debug)]
pub struct Streams<Id> {
    open: BTreeMap<Id, Open>,
}

#[derive(Debug)]
struct Open {
    writer: StreamWriter,
    media: Media,
    /// What is sent after the first record, while that is still being written.
    held: Option<Vec<Vec<u8>>>,
}

/// An event for many streams, encoded once in each form that one of them wants.
#[derive(Debug)]
pub struct SharedEvent<E> {
    event: Arc<E>,
    json: Option<Vec<u8>>,
    protobuf: Option<Vec<u8>>,
}

impl<E: Described> SharedEvent<E> {
    /// Not encoded yet.
    pub fn new(event: Arc<E>) -> Self {
        Self {
            event,
            json: None,
            protobuf: None,
        }
    }

    /// Whether it is this very event.
    pub fn is(&self, event: &Arc<E>) -> bool {
        Arc::ptr_eq(&self.event, event)
    }

    fn record(&mut self, media: Media) -> &[u8] {
        let record = match media {
            Media::Json => &mut self.json,
            Media::Protobuf => &mut self.protobuf,
        };
        record.get_or_insert_with(|| media.record(&*self.event))
    }
}

/// How many records wait for the first one; with more, the stream is ended.
const HELD_MAX: usize = 100_000;

impl<Id> Default for Streams<Id> {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
        }
    }
}

impl<Id: Copy + Ord + Display> Streams<Id> {
    /// Notes a stream whose head has been sent.
    pub fn open(&mut self, id: Id, writer: StreamWriter, media: Media) {
        let held = None;
        self.open.insert(
            id,
            Open {
                writer,
                media,
                held,
            },
        );
    }

    /// Ends a stream after what was sent so far.
    pub fn close(&mut self, id: Id) {
        self.open.remove(&id);
    }

    /// Holds back what is sent until [`Self::begin`] gives the stream its first record,
    /// and says what that is to be written in. None if the stream is not open.
    pub fn hold(&mut self, id: Id) -> Option<Media> {
        let open = self.open.get_mut(&id)?;
        open.held = Some(Vec::new());
        Some(open.media)
    }

    /// Sends the first record of a stream, which may be large, and what was held back for
    /// it. The answer is that of [`Self::send`].
    pub fn begin(&mut self, id: Id, first: &[u8]) -> bool {
        let Some(open) = self.open.get_mut(&id) else {
            return true;
        };
        let mut sent = open.writer.send_large(runtime::recordio::encode(first));
        for record in open.held.take().unwrap_or_default() {
            sent = sent.and_then(|()| open.writer.send(record));
        }
        self.is_open_after(id, sent)
    }

    /// Sends one event as one record. False when the reader was too slow, and the stream
    /// has been ended for it (U13).
    pub fn send<E: Described>(&mut self, id: Id, event: &E) -> bool {
        self.send_record(id, |media| media.record(event))
    }

    /// As [`Self::send`], of an event that goes to other streams, too.
    pub fn send_shared<E: Described>(&mut self, id: Id, event: &mut SharedEvent<E>) -> bool {
        self.send_record(id, |media| event.record(media).to_vec())
    }

    fn send_record(&mut self, id: Id, record: impl FnOnce(Media) -> Vec<u8>) -> bool {
        let Some(open) = self.open.get_mut(&id) else {
            return true;
        };
        let record = record(open.media);
        let sent = match &mut open.held {
            Some(held) if held.len() >= HELD_MAX => Err(StreamError::Full),
            Some(held) => {
                held.push(record);
                Ok(())
            }
            None => open.writer.send(record),
        };
        self.is_open_after(id, sent)
    }

    fn is_open_after(&mut self, id: Id, sent: Result<(), StreamError>) -> bool {
        match sent {
            // A client that has gone is told of by the stream itself.
            Ok(()) | Err(StreamError::Closed) => true,
            Err(StreamError::Full) => {
                info!(stream = %id, "ended a stream that is read too slowly");
                self.open.remove(&id);
                false
            }
        }
    }
}
