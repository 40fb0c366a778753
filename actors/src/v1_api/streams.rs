//! Event streams that are open.

use std::collections::BTreeMap;
use std::fmt::Display;

use messages::table::Described;
use runtime::http::{StreamError, StreamWriter};
use serde::Serialize;
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
}

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
        self.open.insert(id, Open { writer, media });
    }

    /// Ends a stream after what was sent so far.
    pub fn close(&mut self, id: Id) {
        self.open.remove(&id);
    }

    /// Sends one event as one record. False when the reader was too slow, and the stream
    /// has been ended for it (U13).
    pub fn send<E: Described + Serialize>(&mut self, id: Id, event: &E) -> bool {
        self.send_with(id, |media| media.encode(event))
    }

    /// As [`Self::send`], of an event that `encode` writes.
    pub fn send_with(&mut self, id: Id, encode: impl FnOnce(Media) -> Vec<u8>) -> bool {
        let Some(open) = self.open.get(&id) else {
            return true;
        };
        match open
            .writer
            .send(runtime::recordio::encode(&encode(open.media)))
        {
            // A client that has gone is told of by the stream itself.
            Ok(()) | Err(StreamError::Closed) => true,
            Err(StreamError::Full) => {
                info!(stream = %id, queued = open.writer.queued(), "ended a stream that is read too slowly");
                self.open.remove(&id);
                false
            }
        }
    }
}
