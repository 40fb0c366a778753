//! The libprocess wire form: a message is an HTTP request `POST /<id>/<name>` that says
//! whom it comes from (L5-L9).

mod encode;
mod peer;
mod reader;
mod recent;

pub use encode::{ACCEPTED, Encoder, answer, encode, encode_traced};
pub use peer::{ParsePeerError, Peer};
pub use reader::{Incoming, MessageReader, Received, Refusal, is_message};
