//! What crosses the wire: pids, messages and their codecs, the libprocess form,
//! RecordIO, and the text forms of durations and sizes. Pure: no socket, no clock.

pub mod http;
pub mod libprocess;
pub mod message;
pub mod percent;
pub mod pid;
pub mod recordio;
pub mod units;

pub use message::{Codec, DecodeError, EncodeError, Message};
pub use pid::{ActorId, ParsePidError, Pid};
