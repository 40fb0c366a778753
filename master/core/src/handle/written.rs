//! The registrar carried out a write: what waited for it goes on.

use crate::effect::Effect;
use crate::master::Master;
use crate::registry::Ticket;
use crate::turn::Turn;
use crate::writes::Stage;

impl Master {
    pub(crate) fn written(
        &mut self,
        turn: &mut Turn<'_, '_>,
        ticket: Ticket,
        result: Result<bool, String>,
    ) {
        let Some(stage) = self.writes.finish(ticket) else {
            return;
        };
        let accepted = match result {
            Ok(accepted) => accepted,
            Err(why) => {
                turn.push(Effect::Exit(format!("Failed to store the registry: {why}")));
                return;
            }
        };
        match stage {
            Stage::Admit {
                from,
                agent,
                arrival,
            } if accepted => {
                self.admitted(turn, from, agent, *arrival);
            }
            Stage::Admit { agent, .. } => {
                tracing::warn!(%agent, "the registry knows a new agent's id already");
            }
            Stage::Readmit {
                from,
                agent,
                report,
            } => {
                self.readmitted(turn, &from, &agent, *report);
            }
            Stage::Unreachable { agent, since, why } => {
                self.marked_unreachable(turn, &agent, since, &why);
            }
            Stage::Gone {
                agent,
                since,
                token,
            } => {
                self.marked_gone(turn, token, &agent, since, accepted);
            }
            Stage::Remove { agent, removal } => self.removed(turn, &agent, removal),
            Stage::Prune { unreachable, gone } => self.pruned(&unreachable, &gone),
            Stage::Weights => {}
        }
    }
}
