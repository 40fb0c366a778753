//! Event streams that are open: schedulers' and operators'.

use std::collections::BTreeMap;

use master_core::StreamId;
use messages::table::Described;
use runtime::http::{StreamError, StreamWriter};
use serde::Serialize;
use tracing::info;

use crate::media::Media;

/// All open event streams by id.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: BTreeMap<StreamId, Open>,
}

#[derive(Debug)]
struct Open {
    writer: StreamWriter,
    media: Media,
}

impl Streams {
    pub(crate) fn open(&mut self, id: StreamId, writer: StreamWriter, media: Media) {
        self.open.insert(id, Open { writer, media });
    }

    /// Ends a stream after what was sent so far.
    pub(crate) fn close(&mut self, id: StreamId) {
        self.open.remove(&id);
    }

    /// Sends one event as one record. False when the reader was too slow, and the stream
    /// has been ended for it (U13).
    pub(crate) fn send<E: Described + Serialize>(&mut self, id: StreamId, event: &E) -> bool {
        let Some(open) = self.open.get(&id) else { return true };
        match open.writer.send(open.media.record(event)) {
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
