//! Who is at the other end: HTTP streams, libprocess pids, and calls that wait.

use std::fmt;

use runtime_core::Pid;

use crate::env::Uuid;

/// One open event stream, as its `Mesos-Stream-Id` header names it (V7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(Uuid);

impl StreamId {
    /// The stream that `uuid` names.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Whether `text` is this id's text.
    pub fn is_text(self, text: &str) -> bool {
        self.to_string() == text
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How a framework is connected (M53).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// By the v1 HTTP API: one long event stream.
    Http(StreamId),
    /// By a driver that speaks libprocess.
    Pid(Pid),
}

impl Connection {
    /// The driver's pid, if it is one.
    pub const fn pid(&self) -> Option<&Pid> {
        match self {
            Self::Pid(pid) => Some(pid),
            Self::Http(_) => None,
        }
    }

    /// The event stream, if it is one.
    pub const fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Http(stream) => Some(*stream),
            Self::Pid(_) => None,
        }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(stream) => write!(f, "HTTP stream {stream}"),
            Self::Pid(pid) => fmt::Display::fmt(pid, f),
        }
    }
}

/// A request that waits for its answer; the shell chooses the number and gets it back
/// in exactly one [`Effect::Answer`](crate::Effect::Answer) or
/// [`Effect::OpenStream`](crate::Effect::OpenStream).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// How a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 200 without a body.
    Ok,
    /// 202 without a body.
    Accepted,
    /// 400 with the reason.
    BadRequest(String),
    /// 403 with the reason.
    Forbidden(String),
    /// 404 with the reason.
    NotFound(String),
    /// 501: a call of a type unknown to us.
    NotImplemented(String),
    /// 503 with the reason; asking again later may help.
    Unavailable(String),
}

impl Outcome {
    /// The HTTP status code.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::Accepted => 202,
            Self::BadRequest(_) => 400,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::NotImplemented(_) => 501,
            Self::Unavailable(_) => 503,
        }
    }

    /// The body, plain text; empty for the good outcomes.
    pub fn text(&self) -> &str {
        match self {
            Self::Ok | Self::Accepted => "",
            Self::BadRequest(text)
            | Self::Forbidden(text)
            | Self::NotFound(text)
            | Self::NotImplemented(text)
            | Self::Unavailable(text) => text,
        }
    }
}
