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
    fn detect_again(&mut self, turn: &mut Turn<'_, '_>) {
        self.master_lost(turn);
        turn.effect(Effect::DetectMaster);
    }

    pub(crate) fn peer_exited(&self, pid: &Pid) {
        if self.is_master(pid) {
            tracing::warn!("Master disconnected! Waiting for a new master to be elected");
        }
    }
}
