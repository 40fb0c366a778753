//! What can happen to an actor.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use runtime_core::{Codec, DecodeError, Message, Pid};

use crate::activity;
use crate::http::{Request, Responder};
use crate::trace::Mark;

/// What introspection and dispatch know of a message's type.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) type_id: TypeId,
}

/// Gives every message type its one [`Kind`].
struct KindOf<M>(std::marker::PhantomData<M>);

impl<M: Message> KindOf<M> {
    const KIND: Kind = Kind {
        name: M::NAME,
        type_id: TypeId::of::<M>(),
    };
}

/// A message on its way into an actor.
pub(crate) enum Incoming {
    /// From an actor of this process: the value itself, moved.
    Local {
        kind: &'static Kind,
        value: Box<dyn Any + Send>,
    },
    /// From the wire, not decoded yet.
    Wire(Box<Wire>),
}

/// An encoded message.
pub(crate) struct Wire {
    pub(crate) name: Arc<str>,
    pub(crate) codec: Codec,
    pub(crate) body: Bytes,
}

impl Incoming {
    pub(crate) fn local<M: Message>(message: M) -> Self {
        Self::Local {
            kind: &KindOf::<M>::KIND,
            value: Box::new(message),
        }
    }

    pub(crate) fn wire(name: Arc<str>, codec: Codec, body: Bytes) -> Self {
        Self::Wire(Box::new(Wire { name, codec, body }))
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Local { kind, .. } => kind.name,
            Self::Wire(wire) => &wire.name,
        }
    }

    pub(crate) fn take<M: Message>(self) -> Result<M, DecodeError> {
        match self {
            Self::Local { value, kind } => match value.downcast::<M>() {
                Ok(message) => Ok(*message),
                Err(_) => Err(DecodeError::Malformed(format!(
                    "{} is of another type",
                    kind.name
                ))),
            },
            Self::Wire(wire) => M::decode(wire.codec, &wire.body),
        }
    }
}

/// A closure over an actor, behind a mailbox that knows no actor type.
pub(crate) trait Call: Send {
    /// The name of its type, unabridged: making it short costs more than most calls do.
    fn name(&self) -> &'static str;
    /// Runs it on the `Parts` of the actor that it was made for.
    fn run(self: Box<Self>, parts: &mut dyn Any);
}

/// What can happen to an actor (L19). Small, since a busy mailbox holds many.
pub(crate) enum Event {
    /// `from` is absent when it is that of the message before: naming a sender costs a
    /// count that both threads would fight for.
    Message {
        from: Option<Box<Pid>>,
        incoming: Incoming,
    },
    Request(Box<HttpEvent>),
    Exited(Box<Pid>),
    Timer {
        slot: usize,
        sequence: u64,
    },
    Call(Box<dyn Call>),
    /// Any of these, followed by a trace.
    Marked(Box<Marked>),
    Terminate,
}

/// An event that a trace follows.
pub(crate) struct Marked {
    pub(crate) mark: Mark,
    /// When it began to wait.
    pub(crate) since: Instant,
    pub(crate) event: Event,
}

/// A request for one of the actor's endpoints.
pub(crate) struct HttpEvent {
    pub(crate) endpoint: usize,
    pub(crate) request: Request,
    pub(crate) responder: Responder,
}

impl Event {
    pub(super) fn marked(mark: Mark, event: Self) -> Self {
        Self::Marked(Box::new(Marked {
            mark,
            since: Instant::now(),
            event,
        }))
    }

    /// The event itself, whether a trace follows it or not.
    pub(super) fn unmarked(&self) -> &Self {
        match self {
            Self::Marked(marked) => &marked.event,
            other => other,
        }
    }

    /// Its kind and name, for people.
    pub(crate) fn describe(&self) -> (&'static str, String) {
        match self {
            Self::Message { incoming, .. } => ("MESSAGE", incoming.name().to_owned()),
            Self::Request(event) => ("HTTP", event.request.path().to_owned()),
            Self::Exited(pid) => ("EXITED", pid.to_string()),
            Self::Timer { .. } => ("DISPATCH", "timer".to_owned()),
            Self::Call(call) => ("DISPATCH", activity::short(call.name()).to_owned()),
            Self::Marked(marked) => marked.event.describe(),
            Self::Terminate => ("TERMINATE", String::new()),
        }
    }
}
