//! How tasks, executors and offers come, change and go: the one place where their
//! resources are accounted for.

use std::sync::Arc;

use messages::v1;
use messages::v1::master::event as operator_event;
use messages::v1::scheduler::Event;
use messages::v1::task_status::{Reason, Source};
use model::Resources;
use model::ids::{AgentId, ExecutorId, FrameworkId, OfferId, TaskId};
use model::task_state::TaskStateExt as _;

use crate::allocator::messages::RecoverResources;
use crate::effect::DriverDetail;
use crate::events;
use crate::executor::Executor;
use crate::master::Master;
use crate::offers::Offer;
use crate::operators;
use crate::status::Verdict;
use crate::task::Task;
use crate::turn::Turn;

impl Master {
    /// Sends an event to a framework, if it is connected.
    pub(crate) fn tell(
        &self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        event: Event,
        driver: DriverDetail,
    ) -> bool {
        let Some(framework) = self.frameworks.get(framework) else {
            return false;
        };
        match framework.connection() {
            Some(to) if framework.is_connected() => {
                turn.event(Some(framework.id()), to, event, driver);
                true
            }
            _ => false,
        }
    }

    /// Sends a status that the master made itself.
    pub(crate) fn tell_status(
        &self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        status: v1::TaskStatus,
    ) {
        self.tell(
            turn,
            framework,
            events::update(status),
            DriverDetail::Update(None),
        );
    }

    /// Adds a task to its framework and agent, with its resources if it lives.
    pub(crate) fn add_task(&mut self, turn: &mut Turn<'_, '_>, task: Task) {
        let live = task.is_live();
        let Some(framework) = self.frameworks.get_mut(task.framework()) else {
            return;
        };
        let task = Arc::new(task);
        if live {
            framework.use_resources(task.resources());
        }
        framework.add_task(Arc::clone(&task));
        if let Some(agent) = self.agents.get_mut(task.agent()) {
            agent.add_task(task.framework(), task.id());
            if live {
                agent.use_resources(task.framework(), &task.resources_shared());
            }
        }
        self.operators.tell(turn, || v1::master::Event {
            task_added: Some(operator_event::TaskAdded {
                task: task.to_proto(),
            }),
            ..operators::event(operator_event::Type::TaskAdded)
        });
    }

    /// Takes a status into a task's record. If the task ended by it, its resources are
    /// free at once, acknowledged or not (M36, M40).
    pub(crate) fn update_task(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        status: &v1::TaskStatus,
        latest: Option<v1::TaskState>,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        let Some(task) = framework.task_mut(task_id) else {
            return;
        };
        let before = task.state();
        let was_live = task.is_live();
        let told = v1::TaskState::try_from(status.state).unwrap_or(v1::TaskState::TaskUnknown);
        let is_new = task.push_status(status, latest.unwrap_or(told));
        let after = task.state();
        let ended = was_live && !task.is_live();
        let agent_id = task.agent().clone();
        let resources = task.resources_shared();
        if before != after {
            let counts = framework.counts_mut();
            counts.remove(before);
            counts.add(after);
            if after.is_terminal() {
                framework.metrics_mut().ended(after);
            }
        }
        if ended {
            framework.release(&resources);
            if let Some(agent) = self.agents.get_mut(&agent_id) {
                agent.release(framework_id, &resources);
            }
            self.free(turn, framework_id, &agent_id, &resources);
            // What is told may be how the task was before it ended.
            let reason = status.reason.filter(|_| told.is_terminal());
            let why = reason.map(|_| (status.source(), status.reason()));
            self.count().task_ended(after, why);
        }
        let checked = matches!(
            status.reason,
            Some(reason) if reason == i32::from(Reason::TaskCheckStatusUpdated)
                || reason == i32::from(Reason::TaskHealthCheckStatusUpdated)
        );
        if is_new || checked {
            self.operators.tell(turn, || v1::master::Event {
                task_updated: Some(operator_event::TaskUpdated {
                    framework_id: framework_id.to_proto(),
                    status: status.clone(),
                    state: after.into(),
                }),
                ..operators::event(operator_event::Type::TaskUpdated)
            });
        }
    }

    /// Takes a task out of its framework and agent, into the framework's history.
    pub(crate) fn remove_task(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        to: History,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        let Some(task) = framework.remove_task(task_id) else {
            return;
        };
        let live = task.is_live();
        if live {
            framework.release(task.resources());
        }
        match to {
            History::Completed => framework.add_completed(Arc::clone(&task)),
            History::Unreachable => framework.add_unreachable(Arc::clone(&task)),
        }
        if let Some(agent) = self.agents.get_mut(task.agent()) {
            agent.remove_task(framework_id, task_id);
            if live {
                agent.release(framework_id, task.resources());
            }
        }
        if live {
            self.free(turn, framework_id, task.agent(), task.resources());
        }
        if to == History::Unreachable {
            let (framework, task_id) = (framework_id.clone(), task_id.clone());
            self.agents
                .add_unreachable_task(task.agent(), framework, task_id);
        }
    }

    /// Ends a task by the master's own decision: its framework is told, its record goes
    /// to the history. A task of which the framework was told that it ended is not said to
    /// be lost now: it is only not acknowledged, and is told again as it is.
    pub(crate) fn end_task(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        task: &TaskId,
        end: End<'_>,
    ) {
        let Some(record) = self.frameworks.get(framework).and_then(|it| it.task(task)) else {
            return;
        };
        let now = turn.env.time;
        let status = match (record.told_state().is_terminal(), end.unreachable_since) {
            (true, _) => Verdict::latest(record).of_running(record, now),
            (false, None) => end.verdict.of_task(record, now),
            (false, Some(since)) => {
                crate::status::unreachable_since(end.verdict.of_task(record, now), since)
            }
        };
        self.update_task(turn, framework, task, &status, None);
        self.remove_task(turn, framework, task, end.history);
        if end.tell {
            self.tell_status(turn, framework, status);
        }
    }

    /// Adds an executor to its framework and agent.
    pub(crate) fn add_executor(&mut self, framework_id: &FrameworkId, executor: Executor) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        framework.use_resources(executor.resources());
        if let Some(agent) = self.agents.get_mut(executor.agent()) {
            agent.add_executor(framework_id, executor.id());
            let resources = Arc::new(executor.resources().clone());
            agent.use_resources(framework_id, &resources);
        }
        framework.add_executor(Arc::new(executor));
    }

    /// Takes an executor out; its resources are free. Says whether it was there.
    pub(crate) fn remove_executor(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        executor_id: &ExecutorId,
    ) -> bool {
        let removed = self.frameworks.get_mut(framework_id).and_then(|framework| {
            let executor = framework.remove_executor(agent_id, executor_id)?;
            framework.release(executor.resources());
            Some(executor)
        });
        let Some(executor) = removed else {
            return false;
        };
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.remove_executor(framework_id, executor_id);
            agent.release(framework_id, executor.resources());
        }
        self.free(turn, framework_id, agent_id, executor.resources());
        true
    }

    /// Takes an offer out of the books, and gives it. What happens to its resources is
    /// the caller's business.
    pub(crate) fn remove_offer(&mut self, id: &OfferId) -> Option<Arc<Offer>> {
        let offer = self.offers.remove(id)?;
        if let Some(framework) = self.frameworks.get_mut(offer.framework()) {
            framework.remove_offer(id, offer.resources());
        }
        if let Some(agent) = self.agents.get_mut(offer.agent()) {
            agent.remove_offer(id, offer.resources());
        }
        Some(offer)
    }

    /// Takes an offer back from its framework; its resources are free.
    pub(crate) fn rescind(&mut self, turn: &mut Turn<'_, '_>, id: &OfferId) {
        if let Some(offer) = self.discard_offer(turn, id) {
            let event = events::rescind(id);
            self.tell(turn, offer.framework(), event, DriverDetail::None);
        }
    }

    /// Forgets an offer without a word to its framework; its resources are free.
    pub(crate) fn discard_offer(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &OfferId,
    ) -> Option<Arc<Offer>> {
        let offer = self.remove_offer(id)?;
        self.free(turn, offer.framework(), offer.agent(), offer.resources());
        Some(offer)
    }

    /// Tells the allocator that a framework holds these resources no more. Of an agent or
    /// framework that was removed it has forgotten everything already.
    pub(crate) fn free(
        &self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
    ) {
        let known = self.agents.get(agent).is_some() && self.frameworks.get(framework).is_some();
        if known && !resources.is_empty() {
            turn.allocator(RecoverResources {
                framework_id: framework.clone(),
                agent_id: agent.clone(),
                resources: resources.clone(),
                refuse: None,
            });
        }
    }

    /// Refuses to launch a task: the framework is told, there is no record (M49).
    pub(crate) fn refuse_task(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        (task, agent): (&v1::TaskId, &v1::AgentId),
        verdict: Verdict<'_>,
    ) {
        let (task, agent) = (TaskId::from(task), AgentId::from(agent));
        let status = verdict.of(&task, Some(&agent), turn.env.time);
        self.count()
            .task_ended(verdict.state, Some((Source::Master, verdict.reason)));
        self.tell_status(turn, framework, status);
    }
}

/// Where the record of a removed task goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    Completed,
    Unreachable,
}

/// How the master ends a task itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End<'a> {
    pub(crate) verdict: Verdict<'a>,
    pub(crate) unreachable_since: Option<crate::env::Time>,
    pub(crate) history: History,
    /// Whether the framework hears of it.
    pub(crate) tell: bool,
}
