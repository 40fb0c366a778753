//! HTTP calls that wait for the core's answer.

use master_core::{Outcome, Token};
use runtime::http::{Responder, Response};

use crate::media::Media;

/// One call that waits.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) responder: Responder,
    /// What the client reads, if the answer is a stream.
    pub(crate) media: Media,
    pub(crate) audience: Audience,
}

/// Who a stream would be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Scheduler,
    Operator,
}

/// All calls that wait. Each is answered exactly once, or dropped with the master.
#[derive(Debug, Default)]
pub(crate) struct Calls(actors::v1_api::Calls<Call>);

impl Calls {
    pub(crate) fn add(&mut self, call: Call) -> Token {
        Token(self.0.add(call))
    }

    pub(crate) fn take(&mut self, token: Token) -> Option<Call> {
        self.0.take(token.0)
    }

    pub(crate) fn answer(&mut self, token: Token, outcome: &Outcome) {
        let Some(call) = self.take(token) else { return };
        call.responder.answer(match outcome {
            Outcome::Ok | Outcome::Accepted => Response::empty(outcome.status()),
            _ => Response::text(outcome.status(), outcome.text()),
        });
    }
}
