//! HTTP: requests, answers, streams, the routes of a node and its one port.

pub(crate) mod answers;
pub(crate) mod connection;
pub(crate) mod front;
mod gate;
mod inbound;
mod messages;
mod outgoing;
mod outlet;
mod pace;
mod parts;
mod payload;
mod pipeline;
mod request;
mod response;
mod site;
mod stream;
mod ticker;

pub(crate) use front::serve;
pub(crate) use gate::SlowClients;
pub(crate) use parts::SentParts;
pub use parts::{Cut, PartsReader, PartsWriter, WeakParts};
pub(crate) use payload::Bodies;
pub use request::{Method, Request};
pub use response::{Body, Responder, Response};
pub(crate) use site::Site;
pub use site::{Help, Published};
pub(crate) use stream::Streams;
pub use stream::{StreamError, StreamHead, StreamReader, StreamWriter};
