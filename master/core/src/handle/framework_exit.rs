//! A framework's connection breaks: it has its failover timeout to return (M29).

use std::time::Duration;

use model::ids::FrameworkId;
use runtime_core::Pid;

use crate::allocator::messages::DeactivateFramework;
use crate::connection::{Connection, StreamId};
use crate::effect::DriverDetail;
use crate::events;
use crate::input::Timer;
use crate::limits::FAILOVER_TIMEOUT_MAX;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// An event stream was closed from the other end. One that was replaced before is
    /// nobody's any more.
    pub(crate) fn stream_closed(&mut self, turn: &mut Turn<'_, '_>, stream: StreamId) {
        if let Some(framework) = self.frameworks.by_stream(stream) {
            let id = framework.id().clone();
            self.framework_disconnected(turn, &id);
        }
    }

    /// A driver's connection broke. Should it live, it must learn that it is cut off.
    pub(crate) fn driver_exited(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId) {
        let event = events::error("Framework disconnected");
        self.tell(turn, id, event, DriverDetail::None);
        self.framework_disconnected(turn, id);
    }

    /// A driver aborts: no more offers, but its tasks go on.
    pub(crate) fn driver_deactivate(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: &Pid,
        id: &FrameworkId,
    ) {
        self.count().messages_deactivate_framework += 1;
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        if framework.connection().and_then(Connection::pid) != Some(from) {
            return;
        }
        let is_active = framework.is_active();
        self.frameworks.hear_id(id);
        if is_active {
            turn.allocator(DeactivateFramework {
                framework_id: id.clone(),
            });
            self.take_offers_back(turn, id, true);
            if let Some(framework) = self.frameworks.get_mut(id) {
                framework.deactivate();
            }
        }
    }

    fn framework_disconnected(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        if !framework.is_connected() {
            return;
        }
        tracing::info!(%id, "a framework disconnected");
        let was_active = framework.is_active();
        self.frameworks.disconnect(id);
        if was_active {
            turn.allocator(DeactivateFramework {
                framework_id: id.clone(),
            });
        }
        self.take_offers_back(turn, id, false);
        if let Some(framework) = self.frameworks.get(id) {
            let timeout = failover_timeout(framework.info().failover_timeout());
            let timer = Timer::FrameworkFailover {
                framework: id.clone(),
                epoch: framework.epoch(),
            };
            turn.timer(timeout, timer);
        }
    }

    /// The framework has had its time.
    pub(crate) fn framework_stayed_away(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        epoch: u64,
    ) {
        let away = self
            .frameworks
            .get(id)
            .is_some_and(|it| !it.is_connected() && it.epoch() == epoch);
        if away {
            self.remove_framework(turn, id);
        }
    }
}

/// Seconds as a duration that timers can bear; what is no duration is none at all, which
/// validation refuses.
fn failover_timeout(seconds: f64) -> Duration {
    if seconds >= FAILOVER_TIMEOUT_MAX.as_secs_f64() {
        FAILOVER_TIMEOUT_MAX
    } else {
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
