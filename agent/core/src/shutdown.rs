//! The agent ends: the master or the operator wants everything on it gone (G19).

use messages::internal;
use model::ids::FrameworkId;
use runtime_core::Pid;

use crate::agent::Agent;
use crate::effect::{Effect, Outgoing};
use crate::state::Phase;
use crate::turn::Turn;

impl Agent {
    pub(crate) fn shutdown_message(
        &mut self,
        from: &Pid,
        message: &internal::ShutdownMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        if !self.is_master(from) {
            tracing::warn!(%from, "Ignoring a shutdown message: not the expected master");
            return;
        }
        let reason = message.message();
        tracing::info!(%from, "Agent asked to shut down: {reason}");
        self.terminate(reason, turn);
    }

    pub(crate) fn unregister(&mut self, turn: &mut Turn<'_, '_>) {
        if let (Some(id), Some(master)) = (&self.state.id, &self.state.master) {
            let message = internal::UnregisterSlaveMessage {
                slave_id: id.to_proto(),
            };
            turn.send(&master.pid, Outgoing::Unregister(message));
        }
        tracing::info!("Unregistering and shutting down");
        self.terminate("Unregistered", turn);
    }

    fn terminate(&mut self, reason: &str, turn: &mut Turn<'_, '_>) {
        self.state.phase = Phase::Terminating;
        if self.state.frameworks.is_empty() {
            turn.effect(Effect::Stop {
                reason: reason.to_owned(),
                exit_code: 0,
            });
            return;
        }
        let frameworks: Vec<FrameworkId> = self.state.frameworks.keys().cloned().collect();
        for id in frameworks {
            self.shutdown_framework(&id, turn);
        }
    }
}
