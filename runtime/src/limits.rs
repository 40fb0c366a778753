//! What others may make a node hold: each limit named, with its reason.

use std::time::Duration;

/// Limits of one node. Sizes are bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest request body, after inflating. Larger ones are answered 413.
    pub body: usize,
    /// The largest request head. Larger ones are answered 431.
    pub head: usize,
    /// How long a client may take to send a request's head; then 408 and close.
    pub head_time: Duration,
    /// How long an idle kept-alive connection is kept.
    pub keep_alive: Duration,
    /// Connections served at once; further ones wait in the listen backlog.
    pub connections: usize,
    /// Bytes that wait for one slow reader of a stream; beyond, the stream is ended.
    pub stream: usize,
    /// Bytes that wait for one peer on the wire; beyond, messages to it are dropped.
    pub peer: usize,
    /// How long connecting to a peer may take.
    pub connect_time: Duration,
    /// How long a peer may leave messages without an answer; then its connection counts
    /// as broken. Longer than any protocol's own patience with a busy peer (M16).
    pub peer_silence: Duration,
    /// How long an unlinked peer connection is kept when nothing is sent.
    pub peer_idle: Duration,
}

impl Limits {
    /// The limits of one request, for the readers of the wire.
    pub(crate) fn request(&self) -> runtime_core::http::Limits {
        runtime_core::http::Limits {
            head_bytes: self.head,
            body_bytes: self.body as u64,
            ..runtime_core::http::Limits::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            head: 64 << 10,
            head_time: Duration::from_secs(30),
            // libprocess keeps idle connections, and its clients take an end for a disconnect.
            keep_alive: Duration::from_secs(24 * 60 * 60),
            connections: 50_000,
            stream: 64 << 20,
            peer: 256 << 20,
            connect_time: Duration::from_secs(10),
            peer_silence: Duration::from_secs(120),
            peer_idle: Duration::from_secs(30),
        }
    }
}
