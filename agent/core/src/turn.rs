//! One input being handled: the world as it is, and what is to be done.

use std::time::Duration;

use messages::v1;
use runtime_core::Pid;

use crate::effect::{Answer, CallId, Effect, Outgoing};
use crate::env::Env;
use crate::executor_messages;
use crate::state::{Executor, ExecutorConnection};
use crate::timer::Timer;

pub(crate) struct Turn<'a, 'e> {
    pub(crate) env: &'a mut Env<'e>,
    pub(crate) effects: &'a mut Vec<Effect>,
}

impl Turn<'_, '_> {
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn send(&mut self, to: &Pid, message: Outgoing) {
        self.effect(Effect::Send {
            to: to.clone(),
            message: Box::new(message),
        });
    }

    pub(crate) fn answer(&mut self, call_id: CallId, answer: Answer) {
        self.effect(Effect::Answer { call_id, answer });
    }

    pub(crate) fn event(&mut self, stream: CallId, event: v1::executor::Event) {
        self.effect(Effect::SendEvent {
            stream,
            event: Box::new(event),
        });
    }

    /// Sends an event to an executor, if it is connected.
    pub(crate) fn tell(&mut self, executor: &Executor, event: v1::executor::Event) {
        match &executor.connection {
            ExecutorConnection::Stream(stream) => self.event(*stream, event),
            ExecutorConnection::Driver(driver) => {
                if let Some(message) = executor_messages::for_driver(executor, driver, event) {
                    self.send(&driver.pid, message);
                }
            }
            ExecutorConnection::None => tracing::warn!(
                executor = %executor.id,
                framework = %executor.framework_id,
                "Unable to send an event to the executor: it is not connected"
            ),
        }
    }

    pub(crate) fn set_timer(&mut self, timer: Timer, after: Duration) {
        self.effect(Effect::SetTimer { timer, after });
    }

    pub(crate) fn cancel_timer(&mut self, timer: Timer) {
        self.effect(Effect::CancelTimer(timer));
    }
}
