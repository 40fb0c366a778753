//! One input being handled: the world as it is, and the effects so far.

use std::time::Duration;

use messages::v1::scheduler::Event;
use model::ids::FrameworkId;
use runtime_core::Pid;

use crate::allocator::messages::Input as AllocatorInput;
use crate::connection::{Connection, Outcome, Token};
use crate::effect::{DriverDetail, Effect, ToAgent, ToFramework};
use crate::env::Env;
use crate::input::Timer;

/// What every conversation needs besides the state.
pub(crate) struct Turn<'a, 'e> {
    pub(crate) env: &'a mut Env<'e>,
    pub(crate) effects: &'a mut Vec<Effect>,
}

impl Turn<'_, '_> {
    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn answer(&mut self, token: Token, outcome: Outcome) {
        self.push(Effect::Answer { token, outcome });
    }

    pub(crate) fn allocator(&mut self, input: impl Into<AllocatorInput>) {
        self.push(Effect::Allocator(input.into()));
    }

    pub(crate) fn tell_agent(&mut self, to: &Pid, message: ToAgent) {
        self.push(Effect::Agent {
            to: to.clone(),
            message,
        });
    }

    pub(crate) fn timer(&mut self, after: Duration, timer: Timer) {
        self.push(Effect::Timer { after, timer });
    }

    pub(crate) fn event(
        &mut self,
        framework: Option<&FrameworkId>,
        to: &Connection,
        event: Event,
        driver: DriverDetail,
    ) {
        self.push(Effect::Framework(Box::new(ToFramework {
            framework: framework.cloned(),
            to: to.clone(),
            event,
            driver,
        })));
    }
}
