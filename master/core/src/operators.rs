//! Operators' event streams (V21).

use std::collections::VecDeque;
use std::sync::Arc;

use messages::v1::master::{Event, event};

use crate::connection::StreamId;
use crate::effect::Effect;
use crate::turn::Turn;

/// The open streams, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Operators {
    streams: VecDeque<StreamId>,
}

impl Operators {
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn contains(&self, stream: StreamId) -> bool {
        self.streams.contains(&stream)
    }

    /// Adds a stream and gives the one that must be cut to keep to `limit`.
    pub(crate) fn add(&mut self, stream: StreamId, limit: usize) -> Option<StreamId> {
        self.streams.push_back(stream);
        if self.streams.len() > limit {
            self.streams.pop_front()
        } else {
            None
        }
    }

    pub(crate) fn remove(&mut self, stream: StreamId) {
        self.streams.retain(|other| *other != stream);
    }

    /// Sends an event to all; it is made only if somebody listens.
    pub(crate) fn tell(&self, turn: &mut Turn<'_, '_>, make: impl FnOnce() -> Event) {
        if self.streams.is_empty() {
            return;
        }
        let event = Arc::new(make());
        for to in &self.streams {
            turn.push(Effect::Operator {
                to: *to,
                event: Arc::clone(&event),
            });
        }
    }
}

/// An empty event of this type.
pub(crate) fn event(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}
