//! The libprocess wire form: a message is an HTTP request `POST /<id>/<name>` that says
//! whom it comes from (L5-L9).

mod answers;
mod encode;
mod peer;
mod reader;
mod recent;

pub use answers::{
    ACCEPTED, ACCEPTED_WITH_OFFER, ANSWERS, Answering, RARELY, answer, offers_rarely,
};
pub use encode::{Encoder, encode, encode_with};
pub use peer::{ParsePeerError, Peer};
pub use reader::{Incoming, MessageReader, Received, Refusal, is_message};
