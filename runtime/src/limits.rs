//! What others may make a node hold: each limit named, with its reason.

use std::time::Duration;

use runtime_core::units::Bytes;

use crate::flags::{Flag, FlagError, Flags};

/// Whatever waits for others, this much may wait for each peer and each reader of a
/// stream: limits on all of them together end only those that hold much.
pub(crate) const FAIR_SHARE: usize = 1 << 20;

/// The limits that an operator may move.
pub const FLAGS: &[Flag] = &[
    Flag::integer(
        "max_connections",
        "Connections served at once; further ones wait until one of them ends.",
    )
    .default("50000"),
    Flag::bytes(
        "max_answer_backlog",
        "Bytes of large answers that may wait for those that read them, all together but for \
         the answer that was begun last; beyond, the largest break off.",
    )
    .default("1GB"),
    Flag::bytes(
        "max_peer_backlog",
        "Bytes that may wait for one peer; beyond, messages to it are dropped.",
    )
    .default("64MB"),
    Flag::bytes(
        "max_request_body",
        "The largest request body, also after inflating; larger ones are answered 413.",
    )
    .default("64MB"),
    Flag::bytes(
        "max_stream_backlog",
        "Bytes that may wait for one reader of an event stream; beyond, it is disconnected.",
    )
    .default("16MB"),
    Flag::duration(
        "request_body_timeout",
        "Time within which a request's body is to arrive whole; then 408.",
    )
    .default("2mins"),
    Flag::duration(
        "request_head_timeout",
        "Time within which a request's head is to arrive whole; then 408.",
    )
    .default("30secs"),
];

/// Limits of one node. Sizes are bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest request body, also after inflating. Larger ones are answered 413.
    pub body: usize,
    /// Bytes of all request bodies that are being read or used. A request that would need
    /// more is answered 503.
    pub bodies: usize,
    /// How long a client may take to send a request's body; then 408 and close.
    pub body_time: Duration,
    /// The largest request head. Larger ones are answered 431.
    pub head: usize,
    /// How long a client may take to send a request's head; then 408 and close.
    pub head_time: Duration,
    /// How long an idle kept-alive connection is kept.
    pub keep_alive: Duration,
    /// How long a client may leave an answer unread; then its connection is closed.
    pub write_time: Duration,
    /// Bytes of large answers that wait for those that read them, all together but for the one
    /// that was begun last, which may have any size; beyond, the largest are ended.
    pub answers: usize,
    /// Calls of one connection that wait for their answers; beyond, TCP holds the client
    /// back.
    pub pipelined: usize,
    /// Connections served at once; further ones wait in the listen backlog.
    pub connections: usize,
    /// Bytes that wait for one slow reader of a stream; beyond, the stream is ended.
    pub stream: usize,
    /// Bytes that wait for all readers of streams together; beyond, the streams for which
    /// more than a megabyte waits are ended.
    pub streams: usize,
    /// Events that wait for an actor; beyond, connections that bring more are not read.
    pub mailbox: usize,
    /// Bytes of messages that one connection has brought and the actor has not taken;
    /// beyond, the connection is not read.
    pub untaken: usize,
    /// Bytes that wait for one peer on the wire; beyond, messages to it are dropped.
    pub peer: usize,
    /// Bytes that wait for all peers together; beyond, messages to those for whom more
    /// than a megabyte waits are dropped.
    pub peers: usize,
    /// How long connecting to a peer may take.
    pub connect_time: Duration,
    /// How long a peer may leave messages without an answer; then its connection counts
    /// as broken. Longer than any protocol's own patience with a busy peer (M16).
    pub peer_silence: Duration,
    /// How long an unlinked peer connection is kept when nothing is sent.
    pub peer_idle: Duration,
}

impl Limits {
    /// The usual limits, but for what [`FLAGS`] move.
    pub fn from_flags(flags: &Flags) -> Result<Self, FlagError> {
        let size = |name| {
            let size: Bytes = flags.get(name)?;
            Ok::<_, FlagError>(usize::try_from(size.get()).unwrap_or(usize::MAX))
        };
        let usual = Self::default();
        let (body, stream, peer) = (
            size("max_request_body")?,
            size("max_stream_backlog")?,
            size("max_peer_backlog")?,
        );
        Ok(Self {
            body,
            bodies: usual.bodies.max(body),
            body_time: flags.get("request_body_timeout")?,
            head_time: flags.get("request_head_timeout")?,
            answers: size("max_answer_backlog")?,
            connections: flags.get("max_connections")?,
            stream,
            streams: usual.streams.max(stream),
            peer,
            peers: usual.peers.max(peer),
            ..usual
        })
    }

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
            bodies: 512 << 20,
            body_time: Duration::from_secs(120),
            head: 64 << 10,
            head_time: Duration::from_secs(30),
            // libprocess keeps idle connections, and its clients take an end for a disconnect.
            keep_alive: Duration::from_secs(24 * 60 * 60),
            write_time: Duration::from_secs(120),
            answers: 1 << 30,
            pipelined: 1024,
            connections: 50_000,
            stream: 16 << 20,
            streams: 128 << 20,
            mailbox: 100_000,
            untaken: 64 << 20,
            peer: 64 << 20,
            peers: 1 << 30,
            connect_time: Duration::from_secs(10),
            peer_silence: Duration::from_secs(120),
            peer_idle: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_say_what_the_limits_are_without_them() {
        use crate::flags::{Loaded, Program};
        const PROGRAM: Program = Program {
            name: "test",
            version: "0",
            environment_prefix: "TEST_",
            flags: &[FLAGS],
        };
        let loaded = PROGRAM.load([], [], |path| std::fs::read_to_string(path));
        let Ok(Loaded::Run(flags)) = loaded else {
            panic!("no flags");
        };
        let from_flags = Limits::from_flags(&flags).unwrap();
        assert_eq!(
            format!("{from_flags:?}"),
            format!("{:?}", Limits::default())
        );
    }
}
