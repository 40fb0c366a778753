//! An agent returns: after its own restart, a broken connection, a partition, or a
//! master failover (M13, M14, M31).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;
use messages::internal::{
    KillTaskMessage, ReconcileTasksMessage, ShutdownFrameworkMessage, ShutdownMessage,
    SlaveReregisteredMessage,
};
use messages::v1;
use messages::v1::task_status::{Reason, Source};
use model::executor_words::{EXECUTOR_TERMINATED, NO_EXECUTOR};
use model::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use model::task_state::TaskStateExt as _;
use prost::Message as _;
use runtime_core::Pid;

use crate::agents::Agent;
use crate::allocator::messages::{ActivateAgent, RemoveAgent, UpdateAgent};
use crate::effect::{Effect, ToAgent};
use crate::encoded_task::EncodedTask;
use crate::executor::Executor;
use crate::master::Master;
use crate::registry::Operation;
use crate::report::Report;
use crate::returning::Returning;
use crate::status::Verdict;
use crate::task::Task;
use crate::turn::Turn;
use crate::writes::Stage;

impl Master {
    pub(crate) fn reregister_agent(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: &Pid,
        message: Returning,
    ) {
        self.count().messages_reregister_slave += 1;
        let report = match Report::read(message) {
            Ok(report) => report,
            Err(error) => {
                tracing::warn!(%from, %error, "ignoring an agent's re-registration");
                return;
            }
        };
        let Some(id) = report.arrival.info.id.as_ref().map(AgentId::from) else {
            return;
        };
        if let Some(transition) = self.writes.transition(&id) {
            if !self.writes.renew(&id, from, report) {
                tracing::info!(agent = %id, ?transition, "an agent returns too early");
            }
            return;
        }
        if self.agents.view().gone().contains_key(&id) {
            shut_down(turn, from, "Agent has been marked gone");
            return;
        }
        if !self.admits_domain(&report.arrival.info) {
            tracing::warn!(%from, "ignoring an agent with a domain: the master has none");
            return;
        }
        // Whether the agent is as it was when it was last seen, if it was.
        let unchanged = match self.agents.get(&id) {
            Some(agent) => {
                let hostname = &report.arrival.info.hostname;
                if agent.pid().address.ip() != from.address.ip() || agent.hostname() != hostname {
                    let why = "Agent attempted to reregister with different IP / hostname";
                    shut_down(turn, from, why);
                    return;
                }
                Some(agent.is_as(&report.arrival))
            }
            None => {
                let recovered = self.agents.view().recovered().get(&id);
                recovered.map(|info| **info == report.arrival.full_info())
            }
        };
        let operation = match unchanged {
            Some(true) => {
                self.readmitted(turn, from, &id, report);
                return;
            }
            Some(false) => Operation::UpdateAgent {
                info: report.arrival.full_info().into(),
            },
            None => Operation::MarkReachable {
                info: report.arrival.full_info().into(),
            },
        };
        let stage = Stage::Readmit {
            from: from.clone(),
            agent: id,
            report: Box::new(report),
        };
        self.writes.start(turn, operation, stage);
    }

    /// The registry knows the agent as it is now.
    pub(crate) fn readmitted(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: &Pid,
        id: &AgentId,
        report: Report,
    ) {
        tracing::info!(agent = %id, %from, "an agent returned");
        if self.agents.get(id).is_some() {
            self.take_back(turn, from, id, report);
        } else {
            self.take_in(turn, from, id, report);
        }
    }

    /// The agent was unreachable, or registered with an earlier master: what it reports
    /// is what runs there.
    fn take_in(&mut self, turn: &mut Turn<'_, '_>, from: &Pid, id: &AgentId, report: Report) {
        let was_recovered = self.agents.forget_recovered(id).is_some();
        let was_unreachable = self.agents.view().unreachable().contains_key(id);
        let Report {
            arrival,
            executors,
            mut tasks,
            frameworks,
            completed,
        } = report;
        tasks.retain(|task| {
            !self.frameworks.is_completed(task.framework()) && !self.is_acknowledged(task)
        });
        if !was_recovered {
            let message = if was_unreachable {
                "Unreachable agent re-reregistered"
            } else {
                "Unknown agent reregistered"
            };
            for task in &tasks {
                self.revive_task(turn, task, message);
            }
        }
        for (framework, task) in self.agents.remove_unreachable(id) {
            if let Some(framework) = self.frameworks.get_mut(&framework) {
                framework.remove_unreachable(&task);
            }
        }
        let known: Vec<_> = self.known_frameworks(&frameworks);
        self.recover_frameworks(turn, &frameworks);
        let mut agent = arrival.into_agent(id.clone(), from.clone(), turn.env.time);
        agent.mark_returned(turn.env.time);
        self.agents.insert(agent);
        self.count().slave_reregistrations += 1;
        for (framework, executor) in executors {
            self.add_executor(&framework, executor);
        }
        for task in tasks {
            self.add_task(turn, task);
        }
        self.agents.share_used(id);
        for archive in completed {
            self.recover_history(archive);
        }
        self.begin_with_agent(turn, id);
        let message = SlaveReregisteredMessage {
            slave_id: id.to_proto(),
            reconciliations: Vec::new(),
            connection: Some(self.agent_connection()),
        };
        turn.tell_agent(from, ToAgent::Reregistered(Box::new(message)));
        self.end_completed_frameworks(turn, from, &frameworks);
        self.send_frameworks(turn, from, &known);
    }

    /// Whether the framework has acknowledged the end of this task, of which the agent had not
    /// heard when it made its report: the acknowledgement is on its way there. Once it has
    /// come, the agent says no more of the task, so that nothing would take it out of the
    /// books again. If it got lost, the agent says again how the task ended.
    fn is_acknowledged(&self, task: &Task) -> bool {
        let framework = self.frameworks.get(task.framework());
        framework.is_some_and(|it| it.has_acknowledged(task))
    }

    /// A task of an unreachable agent is back: its framework is told how it is (M14), or
    /// how it was when the agent last said so, since the agent goes on from there (M36).
    fn revive_task(&mut self, turn: &mut Turn<'_, '_>, task: &Task, message: &str) {
        if let Some(framework) = self.frameworks.get_mut(task.framework()) {
            framework.remove_unreachable(task.id());
            framework.remove_completed(task.id());
            if !framework.is_connected() {
                return;
            }
        }
        let verdict = Verdict {
            state: task.told_state(),
            reason: Reason::AgentReregistered,
            message,
        };
        self.tell_status(
            turn,
            task.framework(),
            verdict.of_running(task, turn.env.time),
        );
    }

    /// The master knew the agent all the time: the two compare what they know.
    fn take_back(&mut self, turn: &mut Turn<'_, '_>, from: &Pid, id: &AgentId, report: Report) {
        let Report {
            arrival,
            executors,
            tasks,
            frameworks,
            ..
        } = report;
        let was_connected = self.agents.get(id).is_some_and(|it| it.is_connected());
        self.agents.return_as(id, from, arrival, turn.env.time);
        turn.push(Effect::Link {
            to: from.clone(),
            reconnect: !was_connected,
        });
        if let Some(agent) = self.agents.get(id) {
            turn.allocator(UpdateAgent {
                agent_id: id.clone(),
                facts: Some(agent.facts()),
                total: Some(Arc::clone(agent.total_shared())),
            });
        }
        let reported: BTreeSet<_> = tasks
            .iter()
            .map(|task| (task.framework().clone(), task.id().clone()))
            .collect();
        let message = SlaveReregisteredMessage {
            slave_id: id.to_proto(),
            reconciliations: self.missing_tasks(turn, id, &reported),
            connection: Some(self.agent_connection()),
        };
        turn.tell_agent(from, ToAgent::Reregistered(Box::new(message)));
        self.compare_executors(turn, id, &executors, &reported);
        self.repeat_kills(turn, from, id, &tasks);
        self.end_completed_frameworks(turn, from, &frameworks);
        if was_connected {
            // Nothing changed for the allocator.
        } else if self.adopt(turn, id, tasks, executors) {
            turn.allocator(RemoveAgent {
                agent_id: id.clone(),
            });
            self.give_to_allocator(turn, id);
        } else {
            turn.allocator(ActivateAgent {
                agent_id: id.clone(),
            });
        }
        let known = self.known_frameworks(&frameworks);
        self.recover_frameworks(turn, &frameworks);
        self.send_frameworks(turn, from, &known);
    }

    /// Takes out the executors that a returned agent does not report, but for those of which
    /// a task is on its way there, or lost on it: what the agent says of that task tells
    /// which (see [`Self::hear_of_task`]).
    fn compare_executors(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &AgentId,
        executors: &[(FrameworkId, Executor)],
        reported_tasks: &BTreeSet<(FrameworkId, TaskId)>,
    ) {
        let Some(agent) = self.agents.get(id) else {
            return;
        };
        let reported: BTreeSet<_> = executors
            .iter()
            .map(|(framework, executor)| (framework, executor.id()))
            .collect();
        let mut awaited = OrdMap::new();
        let mut missing = Vec::new();
        for (framework, executor) in agent.executors() {
            if reported.contains(&(framework, executor)) {
                continue;
            }
            let before = awaited.len();
            for task in self.runs_on(agent, framework, executor) {
                let task = (framework.clone(), task.clone());
                if !reported_tasks.contains(&task) {
                    awaited.insert(task, executor.clone());
                }
            }
            if awaited.len() == before {
                missing.push((framework.clone(), executor.clone()));
            }
        }
        if let Some(agent) = self.agents.get_mut(id) {
            agent.await_tasks(awaited);
        }
        for (framework, executor) in missing {
            self.remove_executor(turn, &framework, id, &executor);
        }
    }

    /// The live tasks of an executor.
    fn runs_on<'a>(
        &'a self,
        agent: &'a Agent,
        framework: &'a FrameworkId,
        executor: &'a ExecutorId,
    ) -> impl Iterator<Item = &'a TaskId> {
        let record = self.frameworks.get(framework);
        agent.tasks_of(framework).filter(move |task| {
            record
                .and_then(|it| it.task(task))
                .is_some_and(|it| it.is_live() && it.executor() == Some(executor))
        })
    }

    /// An agent says something of a task that was on its way to a running executor, or that it
    /// did not report when it returned. If it says that the executor has ended, or if it never
    /// got the task, nor is another of its executor's on its way, there is no such executor
    /// there: the word of its end may be lost. If the task runs, there is. If the agent ended the task otherwise, that
    /// says neither.
    pub(crate) fn hear_of_task(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &AgentId,
        (framework, task): (&FrameworkId, &TaskId),
        status: &v1::TaskStatus,
    ) {
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        let Some(executor) = agent.awaited_by(framework, task).cloned() else {
            return;
        };
        let is_over = status.state().is_terminal();
        let has_ended = matches!(status.message(), NO_EXECUTOR | EXECUTOR_TERMINATED);
        if is_over && status.source() == Source::Agent && has_ended {
            self.remove_executor(turn, framework, id, &executor);
        } else if is_over && status.reason == Some(Reason::Reconciliation.into()) {
            if !agent.missed_task(framework, task, &executor) {
                self.remove_executor(turn, framework, id, &executor);
            }
        } else if !is_over || status.source() == Source::Executor {
            agent.confirm_executor(framework, &executor);
        }
    }

    /// What was given up when the agent was disconnected, since nothing of it was
    /// checkpointed, but survived: only the connection broke, the agent did not (M18).
    /// Says whether any of it holds resources.
    fn adopt(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &AgentId,
        tasks: Vec<Task>,
        executors: Vec<(FrameworkId, Executor)>,
    ) -> bool {
        let is_lost = |master: &Self, framework: &FrameworkId| {
            let framework = master.frameworks.get(framework);
            framework.is_some_and(|it| !it.info().checkpoint())
        };
        let mut adopted = false;
        for (framework, executor) in executors {
            let known = self.frameworks.get(&framework);
            if is_lost(self, &framework)
                && known.is_some_and(|it| it.executor(id, executor.id()).is_none())
            {
                self.add_executor(&framework, executor);
                adopted = true;
            }
        }
        for task in tasks {
            let known = self.frameworks.get(task.framework());
            if is_lost(self, task.framework())
                && known.is_some_and(|it| it.task(task.id()).is_none())
                && !self.is_acknowledged(&task)
            {
                self.revive_task(turn, &task, "Disconnected agent reregistered");
                // One that has ended meanwhile is yet to be acknowledged.
                adopted |= task.is_live();
                self.add_task(turn, task);
            }
        }
        adopted
    }

    /// Asks the agent about tasks that it did not report: the launch may have been lost,
    /// or have crossed with the report.
    fn missing_tasks(
        &self,
        turn: &Turn<'_, '_>,
        id: &AgentId,
        reported: &BTreeSet<(FrameworkId, TaskId)>,
    ) -> Vec<ReconcileTasksMessage> {
        let Some(agent) = self.agents.get(id) else {
            return Vec::new();
        };
        let mut missing: BTreeMap<&FrameworkId, Vec<v1::TaskStatus>> = BTreeMap::new();
        for key in agent.tasks().iter().filter(|it| !reported.contains(it)) {
            let (framework, task) = key;
            let task = self.frameworks.get(framework).and_then(|it| it.task(task));
            if let Some(task) = task {
                let verdict = Verdict {
                    state: task.told_state(),
                    reason: Reason::Reconciliation,
                    message: "Reconciliation request",
                };
                let status = verdict.of(task.id(), Some(id), turn.env.time);
                missing.entry(framework).or_default().push(status);
            }
        }
        missing
            .into_iter()
            .map(|(framework, statuses)| ReconcileTasksMessage {
                framework_id: framework.to_proto(),
                statuses,
                framework: self.frameworks.get(framework).map(|it| it.info().clone()),
            })
            .collect()
    }

    /// Kills again what should have been killed while the agent was away (M42).
    fn repeat_kills(&self, turn: &mut Turn<'_, '_>, to: &Pid, id: &AgentId, tasks: &[Task]) {
        let Some(agent) = self.agents.get(id) else {
            return;
        };
        for task in tasks.iter().filter(|task| task.is_live()) {
            if agent.was_killed(task.framework(), task.id()) {
                let message = KillTaskMessage {
                    framework_id: task.framework().to_proto(),
                    task_id: task.id().to_proto(),
                    kill_policy: None,
                };
                turn.tell_agent(to, ToAgent::KillTask(Box::new(message)));
            }
        }
    }

    /// Ends what runs there of frameworks that are over.
    fn end_completed_frameworks(
        &self,
        turn: &mut Turn<'_, '_>,
        to: &Pid,
        frameworks: &[v1::FrameworkInfo],
    ) {
        for id in frameworks.iter().filter_map(|it| it.id.as_ref()) {
            if self.frameworks.is_completed(&FrameworkId::from(id)) {
                let message = ShutdownFrameworkMessage {
                    framework_id: id.clone(),
                };
                turn.tell_agent(to, ToAgent::ShutdownFramework(message));
            }
        }
    }

    /// Which of these frameworks the master knows already.
    fn known_frameworks(&self, frameworks: &[v1::FrameworkInfo]) -> Vec<FrameworkId> {
        frameworks
            .iter()
            .filter_map(|it| it.id.as_ref())
            .map(FrameworkId::from)
            .filter(|id| self.frameworks.get(id).is_some())
            .collect()
    }

    /// Tells the agent how its frameworks are reached now.
    fn send_frameworks(&self, turn: &mut Turn<'_, '_>, to: &Pid, frameworks: &[FrameworkId]) {
        for framework in frameworks.iter().filter_map(|id| self.frameworks.get(id)) {
            turn.tell_agent(to, ToAgent::UpdateFramework(framework.update_message()));
        }
    }

    /// Takes tasks that ended on the agent into their framework's history.
    fn recover_history(&mut self, archive: messages::internal::archive::Framework) {
        let Some(id) = archive.framework_info.id.as_ref().map(FrameworkId::from) else {
            return;
        };
        if let Some(framework) = self.frameworks.get_mut(&id) {
            for task in archive.tasks {
                let bytes = task.encode_to_vec();
                let task = EncodedTask::read(&bytes);
                let resources = task.decode_resources().unwrap_or_default();
                let agent = AgentId::from(task.agent);
                let task = Task::reported(&task, id.clone(), agent, resources.into(), None);
                framework.add_completed(task.into());
            }
        }
    }
}

fn shut_down(turn: &mut Turn<'_, '_>, to: &Pid, why: &str) {
    let message = ShutdownMessage {
        message: Some(why.to_owned()),
    };
    turn.tell_agent(to, ToAgent::Shutdown(message));
}

#[cfg(test)]
mod tests;
