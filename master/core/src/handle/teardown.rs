//! A framework ends: by its own will, an operator's, or since it stayed away (M29).

use std::sync::Arc;

use messages::internal::ShutdownFrameworkMessage;
use messages::v1;
use messages::v1::TaskState;
use messages::v1::master::event as operator_event;
use messages::v1::task_status::Reason;
use model::ids::FrameworkId;

use super::lifecycle::{End, History};
use crate::allocator::messages::{DeactivateFramework, RemoveFramework};
use crate::connection::{Connection, Outcome, Token};
use crate::effect::{Effect, ToAgent};
use crate::master::Master;
use crate::operators;
use crate::status::Verdict;
use crate::turn::Turn;

impl Master {
    /// TEARDOWN by the framework itself.
    pub(crate) fn teardown(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId) {
        self.count().messages_unregister_framework += 1;
        self.remove_framework(turn, id);
    }

    /// `/teardown` or TEARDOWN by an operator.
    pub(crate) fn operator_teardown(
        &mut self,
        turn: &mut Turn<'_, '_>,
        token: Token,
        id: &FrameworkId,
    ) {
        if self.frameworks.get(id).is_none() {
            let why = "No framework found with specified ID".to_owned();
            turn.answer(token, Outcome::BadRequest(why));
            return;
        }
        self.remove_framework(turn, id);
        turn.answer(token, Outcome::Ok);
    }

    /// Ends a framework with all that it runs, and keeps it in the history.
    pub(crate) fn remove_framework(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        tracing::info!(%id, "removing a framework");
        let tasks: Vec<_> = framework.tasks().keys().cloned().collect();
        let executors: Vec<_> = framework.executors().keys().cloned().collect();
        for agent in framework
            .presence()
            .keys()
            .filter_map(|id| self.agents.get(id))
        {
            let message = ShutdownFrameworkMessage {
                framework_id: id.to_proto(),
            };
            turn.tell_agent(agent.pid(), ToAgent::ShutdownFramework(message));
        }
        if framework.is_active() {
            turn.allocator(DeactivateFramework {
                framework_id: id.clone(),
            });
        }
        self.take_offers_back(turn, id, false);
        let message = format!("Framework {id} removed");
        let verdict = Verdict {
            state: TaskState::TaskKilled,
            reason: Reason::FrameworkRemoved,
            message: &message,
        };
        let end = End {
            verdict,
            unreachable_since: None,
            history: History::Completed,
            tell: false,
        };
        for task in &tasks {
            self.end_task(turn, id, task, end);
        }
        for (agent, executor) in &executors {
            self.remove_executor(turn, id, agent, executor);
        }
        turn.allocator(RemoveFramework {
            framework_id: id.clone(),
        });
        self.complete_framework(turn, id, verdict);
    }

    fn complete_framework(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        verdict: Verdict<'_>,
    ) {
        let stream = self
            .frameworks
            .get(id)
            .and_then(|it| it.connection())
            .and_then(Connection::stream);
        if let Some(stream) = stream {
            turn.push(Effect::CloseStream(stream));
        }
        let Some(mut framework) = self.frameworks.remove(id) else {
            return;
        };
        let record = Arc::make_mut(&mut framework);
        for mut task in record.drain_unreachable() {
            let status = verdict.of_task(&task, turn.env.time);
            Arc::make_mut(&mut task).push_status(&status, verdict.state);
            record.add_completed(task);
        }
        record.disconnect();
        record.complete(turn.env.time);
        self.operators.tell(turn, || v1::master::Event {
            framework_removed: Some(operator_event::FrameworkRemoved {
                framework_info: framework.info().clone(),
            }),
            ..operators::event(operator_event::Type::FrameworkRemoved)
        });
        self.frameworks.complete(framework);
    }
}

#[cfg(test)]
mod tests;
