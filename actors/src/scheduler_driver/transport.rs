//! The two ways to talk with a master, behind one interface: a session is opened, says
//! what happens in it by calls of the driver's shell, and is closed by dropping it.

use std::time::Duration;

use messages::v1::scheduler::Call;
use runtime::{Context, Handle};
use runtime_core::libprocess::Peer;
use runtime_core::percent;

use super::actor::SchedulerActor;
use super::calls::CallError;
use super::config::Transport;
use super::core::{Attempt, Target};
use super::driver;
use super::wire::{self, Wire};
use crate::http_client::{ContentType, Endpoint, Session, SessionConfig};

/// How long a master may take to answer a call. It answers as soon as it has read it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A session with a master.
#[derive(Debug)]
pub(super) enum Link {
    Http(Session, ContentType),
    Libprocess(wire::Session),
}

impl Link {
    /// Subscribes. `wire` is the actor for libprocess, for the transport that needs it.
    ///
    /// # Errors
    ///
    /// When the subscription has no written form.
    pub(super) fn open<A: SchedulerActor>(
        attempt: Attempt,
        transport: &Transport,
        wire: Option<&Handle<Wire>>,
        context: &mut Context<'_, A>,
    ) -> Result<Self, CallError> {
        let Attempt {
            session,
            target,
            call,
            force,
        } = attempt;
        match (transport, wire, target) {
            (Transport::Libprocess, Some(wire), Target::Leader(master)) => Ok(Self::Libprocess(
                wire::Session::open(session, wire.clone(), master, call, force),
            )),
            (
                Transport::Http {
                    content_type,
                    authorization,
                },
                _,
                target,
            ) => {
                let config = SessionConfig {
                    endpoint: match target {
                        Target::Leader(master) => endpoint(&master),
                        Target::Redirect(endpoint) => endpoint,
                    },
                    content_type: *content_type,
                    authorization: authorization.clone(),
                    patience: Some(PATIENCE),
                };
                let body = content_type.encode(&call)?;
                let (notice, ended) = (driver::notice::<A>, driver::ended::<A>);
                let session = Session::open(session, config, body, context, notice, ended);
                Ok(Self::Http(session, *content_type))
            }
            // Only HTTP redirects, and the wire is there when it is needed.
            (Transport::Libprocess, ..) => Err(CallError::NotSubscribed),
        }
    }

    /// Makes a call; `tag` comes back with its answer.
    pub(super) fn call(&self, tag: u64, call: Call) -> Result<(), CallError> {
        match self {
            Self::Http(session, content_type) => {
                let body = content_type.encode(&call)?;
                Ok(session.call(tag, body)?)
            }
            Self::Libprocess(session) => {
                session.call(tag, call);
                Ok(())
            }
        }
    }
}

/// Where a master serves the v1 scheduler API.
fn endpoint(master: &Peer) -> Endpoint {
    let path = format!(
        "/{}/api/v1/scheduler",
        percent::encode(master.id().as_str())
    );
    match master {
        Peer::Resolved(pid) => {
            Endpoint::new(pid.address.ip().to_string(), pid.address.port(), path)
        }
        Peer::Named { host, port, .. } => Endpoint::new(&**host, *port, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_below_the_masters_name() {
        for (text, expected) in [
            (
                "127.0.0.1:5050",
                "http://127.0.0.1:5050/master/api/v1/scheduler",
            ),
            (
                "m.example:80",
                "http://m.example:80/master/api/v1/scheduler",
            ),
        ] {
            let master = Peer::at("master", text).unwrap();
            assert_eq!(endpoint(&master).to_string(), expected);
        }
    }
}
