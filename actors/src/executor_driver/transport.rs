//! The two ways to talk with an agent, behind one interface: a session is opened, says what
//! happens in it by calls of the driver's shell, and is closed by dropping it.

use messages::v1::executor::Call;
use runtime::{Context, EncodeError, Handle};
use thiserror::Error;

use super::actor::{self, ExecutorActor};
use super::environment::ExecutorEnvironment;
use super::wire::{self, Wire};
use crate::http_client::{ContentType, Session, SessionConfig, TooManyCalls};

/// How agent and executor talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The v1 executor API (V15, V16), with calls and events written like this. Works from a
    /// node without a port.
    Http(ContentType),
    /// libprocess messages, as Mesos' native driver speaks them (M5). The agent talks back,
    /// so the node must have a port that the agent reaches. Tasks come one by one, never as
    /// groups.
    Libprocess,
}

impl From<ContentType> for Transport {
    fn from(content_type: ContentType) -> Self {
        Self::Http(content_type)
    }
}

/// A call was not made.
#[derive(Debug, Error)]
pub(super) enum NotSent {
    #[error(transparent)]
    Unwritable(#[from] EncodeError),
    #[error(transparent)]
    TooMany(#[from] TooManyCalls),
    #[error("libprocess needs a node with a port: start it with Node::start")]
    NoPort,
}

/// A session with the agent.
#[derive(Debug)]
pub(super) enum Link {
    Http(Session, ContentType),
    Libprocess(wire::Session),
}

impl Link {
    /// Subscribes. `wire` is the actor for libprocess, made when it is first needed.
    pub(super) fn open<A: ExecutorActor>(
        id: u64,
        call: Call,
        transport: Transport,
        environment: &ExecutorEnvironment,
        wire: &mut Option<Handle<Wire>>,
        context: &mut Context<'_, A>,
    ) -> Result<Self, NotSent> {
        match transport {
            Transport::Http(content_type) => {
                let config = SessionConfig {
                    endpoint: environment.endpoint.clone(),
                    content_type,
                    authorization: environment.authorization.clone(),
                    // The agent is on the same machine: if it is slow, it is busy, not cut
                    // off.
                    patience: None,
                };
                let body = content_type.encode(&call)?;
                let (notice, ended) = (actor::notice::<A>, actor::ended::<A>);
                let session = Session::open(id, config, body, context, notice, ended);
                Ok(Self::Http(session, content_type))
            }
            Transport::Libprocess => {
                let wire = match wire {
                    Some(wire) => wire,
                    none => none.insert(wire::spawn(environment, context)?),
                };
                let session = wire::Session::open(id, wire.clone(), call);
                Ok(Self::Libprocess(session))
            }
        }
    }

    /// Makes a call; `tag` comes back with its answer, if there is one.
    pub(super) fn call(&self, tag: u64, call: Call) -> Result<(), NotSent> {
        match self {
            Self::Http(session, content_type) => {
                Ok(session.call(tag, content_type.encode(&call)?)?)
            }
            Self::Libprocess(session) => {
                session.call(call);
                Ok(())
            }
        }
    }
}
