//! The master's pings, and what their absence means (M17).

use messages::internal;
use runtime_core::Pid;

use crate::agent::Agent;
use crate::effect::{Effect, Outgoing};
use crate::state::Phase;
use crate::timer::Timer;
use crate::turn::Turn;

impl Agent {
    pub(crate) fn ping(&mut self, from: &Pid, connected: bool, turn: &mut Turn<'_, '_>) {
        turn.set_timer(Timer::Ping, self.ping_timeout);
        if !connected && self.state.phase == Phase::Running {
            tracing::info!("The master sees the agent as disconnected; registering again");
            self.detect_again(turn);
        }
        turn.send(from, Outgoing::Pong(internal::PongSlaveMessage {}));
    }

    pub(crate) fn ping_timeout(&mut self, turn: &mut Turn<'_, '_>) {
        tracing::info!(timeout = ?self.ping_timeout, "No pings from master received in time");
        self.detect_again(turn);
    }

    /// Forgets the master, so that the detector's answer counts as a new one.
    pub(crate) fn detect_again(&mut self, turn: &mut Turn<'_, '_>) {
        self.master_lost(turn);
        turn.effect(Effect::DetectMaster);
    }

    /// The connection to the master broke. Waiting for pings to stay away would tell the same
    /// much later; while it is away, registration goes on with its own patience.
    pub(crate) fn peer_exited(&mut self, pid: &Pid, turn: &mut Turn<'_, '_>) {
        if self.is_master(pid) && self.state.phase == Phase::Running {
            tracing::warn!("Master disconnected! Detecting the master anew");
            self.detect_again(turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::input::{Input, Message};
    use crate::testing::{World, master, pid};

    fn ping(connected: bool) -> Message {
        Message::Ping(internal::PingSlaveMessage { connected })
    }

    fn detects(world: &World) -> bool {
        world
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::DetectMaster))
    }

    #[test]
    fn a_ping_is_answered_to_whoever_sent_it() {
        let mut world = World::registered();
        let observer = pid("slave-observer(1)@127.0.0.1:5050");
        world.message_from(&observer, ping(true));
        assert_eq!(world.timer_set(&Timer::Ping), Some(Duration::from_secs(75)));
        assert!(!detects(&world));
        assert!(world.effects.iter().any(|effect| matches!(
            effect,
            Effect::Send { to, message } if *to == observer
                && **message == Outgoing::Pong(internal::PongSlaveMessage {})
        )));
    }

    #[test]
    fn a_master_that_sees_it_disconnected_is_detected_anew() {
        let mut world = World::registered();
        world.message(ping(false));
        assert!(detects(&world));
        assert_eq!(world.agent.snapshot().state.phase, Phase::Disconnected);
    }

    #[test]
    fn a_broken_connection_means_that_the_master_is_detected_anew() {
        let mut world = World::registered();
        world.input(Input::PeerExited(pid("master@127.0.0.9:5050")));
        assert!(!detects(&world), "not its master");
        world.input(Input::PeerExited(master().pid));
        assert!(detects(&world));
        world.input(Input::MasterDetected(master()));
        world.take();
        world.input(Input::PeerExited(master().pid));
        assert!(world.take().is_empty(), "registration is under way");
    }

    #[test]
    fn silence_means_that_the_master_is_detected_anew() {
        let mut world = World::registered();
        world.timer(Timer::Ping);
        assert!(detects(&world));
        assert!(world.agent.snapshot().state.master.is_none());
    }
}
