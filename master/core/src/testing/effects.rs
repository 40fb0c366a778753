//! Finding something among a master's effects.

use std::time::Duration;

use messages::v1::TaskStatus;
use messages::v1::scheduler::Event;

use crate::allocator::messages::Input as ToAllocator;
use crate::connection::Connection;
use crate::effect::{Effect, ToAgent};
use crate::input::Timer;

/// The events to frameworks among the effects.
pub(crate) fn events(effects: &[Effect]) -> impl Iterator<Item = &Event> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Framework(to) => Some(&to.event),
        _ => None,
    })
}

/// The events to one connection among the effects.
pub(crate) fn events_to<'a>(effects: &'a [Effect], connection: &Connection) -> Vec<&'a Event> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Framework(to) if to.to == *connection => Some(&to.event),
            _ => None,
        })
        .collect()
}

/// The statuses that frameworks are told.
pub(crate) fn statuses(effects: &[Effect]) -> Vec<&TaskStatus> {
    events(effects)
        .filter_map(|event| event.update.as_ref())
        .map(|it| &it.status)
        .collect()
}

/// The messages to agents among the effects.
pub(crate) fn to_agents(effects: &[Effect]) -> Vec<&ToAgent> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Agent { message, .. } => Some(message),
            _ => None,
        })
        .collect()
}

/// What the allocator is told among the effects.
pub(crate) fn to_allocator(effects: &[Effect]) -> Vec<&ToAllocator> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Allocator(input) => Some(input),
            _ => None,
        })
        .collect()
}

/// The timers that were set.
pub(crate) fn timers(effects: &[Effect]) -> Vec<(Duration, Timer)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Timer { after, timer } => Some((*after, timer.clone())),
            _ => None,
        })
        .collect()
}

/// What the allocator gets back, as text, with how long it is refused.
pub(crate) fn freed(effects: &[Effect]) -> Vec<(String, Option<Duration>)> {
    to_allocator(effects)
        .into_iter()
        .filter_map(|input| match input {
            ToAllocator::RecoverResources(it) => {
                Some((it.resources.unallocated().to_string(), it.refuse))
            }
            _ => None,
        })
        .collect()
}
