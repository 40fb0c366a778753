//! The client's side of Mesos' v1 HTTP APIs (V1, V5): a subscription whose answer is a
//! stream of events, and calls on a second, kept-alive connection.
//!
//! It is a port of actors: a [`Session`] lives in the actor's thread, uses the sockets of
//! the node's world, and reports by calling the actor. What to do when a session ends
//! (follow a redirect, wait and try again, give up) is the actor's to decide.

mod authorization;
mod connection;
mod content_type;
mod endpoint;
mod session;

pub use authorization::{Authorization, AuthorizationError};
pub use content_type::ContentType;
pub use endpoint::{Endpoint, EndpointError};
pub use session::{
    Answer, CALLS_BYTES_MAX, Ended, Notice, RECORD_BYTES_MAX, Session, SessionConfig, TooManyCalls,
};
