//! What waits for one peer: bytes, bounded.

use crate::limits::FAIR_SHARE;

/// Messages that wait for one connection, written one behind another so that a burst
/// becomes one write.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Vec<u8>,
    messages: u64,
    /// The end of messages whose beginning the socket has taken.
    begun: Vec<u8>,
    /// Given to the socket, which has not taken all of it.
    writing: usize,
    writing_messages: u64,
    sent: u64,
    /// Messages dropped since too much waits; none when there is room.
    dropping: Option<u64>,
    dropped: u64,
}

impl Queue {
    /// Whether `size` more bytes may wait: under `limit` for this peer, and under
    /// `all_limit` for all peers together, of which `all` wait now. Once full, a queue has
    /// room again when half of it is gone, so that it is full for a while or not at all.
    pub(super) fn has_room(&self, size: usize, limit: usize, all: usize, all_limit: usize) -> bool {
        let bytes = self.bytes().saturating_add(size);
        let limit = if self.dropping.is_some() {
            limit / 2
        } else {
            limit
        };
        bytes <= limit && (bytes <= FAIR_SHARE || all.saturating_add(size) <= all_limit)
    }

    /// Counts a message that was not taken. True for the first of a row.
    pub(super) fn drop_one(&mut self) -> bool {
        self.dropped += 1;
        let is_first = self.dropping.is_none();
        *self.dropping.get_or_insert(0) += 1;
        is_first
    }

    /// There is room: how many messages were dropped before, if that has not been told.
    pub(super) fn recovered(&mut self) -> Option<u64> {
        self.dropping.take()
    }

    /// Adds one message. How many bytes it takes.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let before = self.waiting.len();
        write(&mut self.waiting);
        self.messages += 1;
        self.sent += 1;
        self.waiting.len() - before
    }

    /// Moves what is to be written next into `batch`, which is empty: what has been begun, or
    /// all that waits, if it is wanted. How many bytes were written of the batch before.
    pub(super) fn take(&mut self, batch: &mut Vec<u8>, is_wanted: bool) -> usize {
        if !self.begun.is_empty() {
            *batch = std::mem::take(&mut self.begun);
            return 0;
        }
        if self.waiting.is_empty() {
            // Thousands of quiet peers hold no memory for messages.
            self.waiting = Vec::new();
            *batch = Vec::new();
        }
        let written = std::mem::take(&mut self.writing);
        self.writing_messages = 0;
        if !is_wanted {
            return written;
        }
        std::mem::swap(&mut self.waiting, batch);
        self.writing = batch.len();
        self.writing_messages = std::mem::take(&mut self.messages);
        written
    }

    /// Whether the rest of something that was begun is to be written next.
    pub(super) fn has_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    /// What waits, if nothing is being written.
    pub(super) fn next(&self) -> Option<&[u8]> {
        (self.writing == 0 && !self.waiting.is_empty()).then_some(&self.waiting)
    }

    /// The socket took the first `count` bytes of [`Self::next`] at once. The others are
    /// written next, before all that comes.
    pub(super) fn wrote(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let mut rest = std::mem::take(&mut self.waiting);
        let messages = std::mem::take(&mut self.messages);
        rest.drain(..count.min(rest.len()));
        if !rest.is_empty() {
            self.writing = rest.len();
            self.writing_messages = messages;
            self.begun = rest;
        }
    }

    /// Moves what waits, but not what is being written, to a fresh connection's queue.
    pub(super) fn move_waiting(&mut self) -> Self {
        Self {
            waiting: std::mem::take(&mut self.waiting),
            messages: std::mem::take(&mut self.messages),
            ..Self::default()
        }
    }

    /// Bytes that wait or are being written.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.len() + self.writing
    }

    /// Messages that wait or are being written.
    pub(super) fn messages(&self) -> u64 {
        self.messages + self.writing_messages
    }

    /// Nothing waits, nor is being written.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// All messages taken so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// All messages dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn is_full(&self) -> bool {
        self.dropping.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut Queue, size: usize) -> usize {
        queue.push(|out| out.resize(out.len() + size, 0))
    }

    #[test]
    fn a_full_queue_has_room_again_when_half_is_gone() {
        let mut queue = Queue::default();
        let has_room = |queue: &Queue| queue.has_room(10, 100, 0, usize::MAX);
        for _ in 0..10 {
            assert!(has_room(&queue));
            assert_eq!(push(&mut queue, 10), 10);
        }
        assert!(!has_room(&queue));
        assert!(queue.drop_one() && !queue.drop_one());
        let mut batch = Vec::new();
        assert_eq!(queue.take(&mut batch, true), 0);
        assert!(!has_room(&queue), "what is being written counts");
        batch.clear();
        assert_eq!(queue.take(&mut batch, true), 100);
        assert!(has_room(&queue));
        assert_eq!((queue.recovered(), queue.recovered()), (Some(2), None));
        assert_eq!((queue.sent(), queue.dropped()), (10, 2));
    }

    #[test]
    fn what_was_begun_is_written_first_and_never_moves() {
        let mut queue = Queue::default();
        queue.push(|out| out.extend_from_slice(b"first"));
        assert_eq!(queue.next(), Some(&b"first"[..]));
        queue.wrote(0);
        assert_eq!(queue.next(), Some(&b"first"[..]));
        queue.wrote(2);
        queue.push(|out| out.extend_from_slice(b"second"));
        assert_eq!(
            (queue.next(), queue.bytes(), queue.messages()),
            (None, 9, 2)
        );
        let mut moved = queue.move_waiting();
        assert_eq!(moved.next(), Some(&b"second"[..]));
        let mut batch = Vec::new();
        assert_eq!((queue.take(&mut batch, true), &*batch), (0, &b"rst"[..]));
        batch.clear();
        assert_eq!((queue.take(&mut batch, true), &*batch), (3, &b""[..]));
        assert!(queue.is_empty());
        moved.wrote(6);
        assert!(moved.is_empty());
    }

    #[test]
    fn a_small_queue_has_room_whatever_waits_for_others() {
        let mut queue = Queue::default();
        assert!(queue.has_room(FAIR_SHARE, usize::MAX, 1000, 1000));
        push(&mut queue, FAIR_SHARE);
        assert!(!queue.has_room(1, usize::MAX, 1000, 1000));
    }
}
