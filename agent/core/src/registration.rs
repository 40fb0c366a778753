//! Joining a cluster: a master is detected, the agent registers until it is heard, and
//! re-registers with all it has when the master is new (M10, M13).

use std::sync::Arc;
use std::time::Duration;

use messages::{internal, v1};
use model::ids::{AgentId, FrameworkId, TaskId};
use runtime_core::Pid;
use v1::agent_info::{Capability, capability};

use crate::agent::Agent;
use crate::config::Config;
use crate::effect::{Effect, Outgoing};
use crate::input::Master;
use crate::limits::{REGISTRATION_INTERVAL_MAX, TOTAL_PING_TIMEOUT};
use crate::state::{ExecutorPhase, Framework, Phase};
use crate::status::NewStatus;
use crate::task;
use crate::timer::Timer;
use crate::turn::Turn;

/// What the agent can do (M45).
pub(crate) const CAPABILITIES: [capability::Type; 4] = [
    capability::Type::MultiRole,
    capability::Type::HierarchicalRole,
    capability::Type::ReservationRefinement,
    capability::Type::TaskResourceLimits,
];

/// What an agent says about itself before it has an id.
pub(crate) fn agent_info(config: &Config) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: config.hostname.clone(),
        port: Some(i32::from(config.pid.address.port())),
        resources: config.resources.to_proto(),
        attributes: config.attributes.clone(),
        id: None,
        domain: config.domain.clone(),
        checkpoint: None,
    }
}

/// The capabilities as messages carry them.
pub(crate) fn capabilities() -> Vec<Capability> {
    CAPABILITIES
        .iter()
        .map(|one| Capability {
            r#type: Some(*one as i32),
        })
        .collect()
}

impl Agent {
    pub(crate) fn master_detected(&mut self, master: Master, turn: &mut Turn<'_, '_>) {
        tracing::info!(master = %master.pid, "New master detected");
        self.disconnect(turn);
        self.state.master = Some(Arc::new(master));
        if self.state.phase == Phase::Terminating {
            return;
        }
        let factor = self.config.registration_backoff_factor;
        self.backoff = factor * 2;
        let after = turn.env.up_to(factor);
        turn.set_timer(Timer::Registration, after);
    }

    pub(crate) fn master_lost(&mut self, turn: &mut Turn<'_, '_>) {
        tracing::info!("Lost leading master");
        self.disconnect(turn);
        self.state.master = None;
    }

    fn disconnect(&mut self, turn: &mut Turn<'_, '_>) {
        if self.state.phase != Phase::Terminating {
            self.state.phase = Phase::Disconnected;
        }
        self.streams.pause();
        turn.cancel_timer(Timer::Registration);
        turn.cancel_timer(Timer::Ping);
    }

    /// Registers, or registers again, and plans the next attempt.
    pub(crate) fn register(&mut self, turn: &mut Turn<'_, '_>) {
        let Some(master) = self.state.master.clone() else {
            return;
        };
        if self.state.phase != Phase::Disconnected {
            return;
        }
        turn.effect(Effect::Link(master.pid.clone()));
        let message = match &self.state.id {
            None => Outgoing::Register(self.register_message()),
            Some(_) => {
                // A launch names the version that the master knew. So one from before this
                // message can be told from those that follow the master's answer.
                self.state.resource_version = turn.env.uuid();
                // The message does not list them, which says that they are gone. Told once
                // more later, their ends could be taken for those of executors that the
                // master launches by the same ids meanwhile.
                self.exited_executors.clear();
                Outgoing::Reregister(self.reregister_message())
            }
        };
        turn.send(&master.pid, message);

        let limit = self.backoff.min(REGISTRATION_INTERVAL_MAX);
        self.backoff = limit * 2;
        let after = turn.env.up_to(limit);
        turn.set_timer(Timer::Registration, after);
    }

    fn register_message(&self) -> internal::RegisterSlaveMessage {
        internal::RegisterSlaveMessage {
            slave: self.info_for_master(),
            checkpointed_resources: self.checkpointed_resources(),
            version: Some(self.config.version.clone()),
            agent_capabilities: capabilities(),
            resource_version_uuid: Some(self.resource_version()),
        }
    }

    fn reregister_message(&self) -> internal::ReregisterSlaveMessage {
        let mut message = internal::ReregisterSlaveMessage {
            slave: self.info_for_master(),
            checkpointed_resources: self.checkpointed_resources(),
            executor_infos: Vec::new(),
            tasks: Vec::new(),
            frameworks: Vec::new(),
            completed_frameworks: Vec::new(),
            version: Some(self.config.version.clone()),
            agent_capabilities: capabilities(),
            resource_version_uuid: Some(self.resource_version()),
        };
        for framework in self.state.frameworks.values() {
            message.frameworks.push((*framework.info).clone());
            report_live(framework, &mut message);
        }
        for task in &mut message.tasks {
            self.report_update(task);
        }
        for framework in &self.state.completed_frameworks {
            message.completed_frameworks.push(archived(framework));
        }
        message
    }

    /// Says which update of a task its framework hears next: to the framework the task is
    /// as that update says, not as it is by now (M36).
    fn report_update(&self, task: &mut v1::Task) {
        let framework = FrameworkId::from(&task.framework_id);
        let head = self.streams.head(&framework, &TaskId::from(&task.task_id));
        if let Some(update) = head {
            task.status_update_state = Some(update.status.state);
            task.status_update_uuid = update.uuid.clone();
        }
    }

    /// The agent's info with its resources in the old form, which every master reads, and
    /// without what operations made of them.
    fn info_for_master(&self) -> v1::AgentInfo {
        let mut info = (*self.state.info).clone();
        if let Ok(resources) = self.config.resources.to_proto_old_form() {
            info.resources = resources;
        }
        info
    }

    fn resource_version(&self) -> v1::Uuid {
        v1::Uuid {
            value: self.state.resource_version.as_bytes().to_vec().into(),
        }
    }

    pub(crate) fn registered(
        &mut self,
        from: &Pid,
        message: internal::SlaveRegisteredMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        if !self.is_master(from) {
            tracing::warn!(%from, "Ignoring a registration message: not the expected master");
            return;
        }
        let id = AgentId::from(&message.slave_id);
        match self.state.phase {
            Phase::Terminating => {}
            Phase::Running => self.must_be_mine(&id, "Registered", turn),
            Phase::Disconnected if self.state.id.as_ref().is_some_and(|mine| *mine != id) => {
                self.must_be_mine(&id, "Registered", turn);
            }
            Phase::Disconnected => {
                tracing::info!(master = %from, agent = %id, "Registered with master");
                Arc::make_mut(&mut self.state.info).id = Some(id.to_proto());
                self.state.id = Some(id.clone());
                turn.effect(Effect::AgentRegistered(id));
                self.connected(message.connection.as_ref(), turn);
            }
        }
    }

    pub(crate) fn reregistered(
        &mut self,
        from: &Pid,
        message: internal::SlaveReregisteredMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        if !self.is_master(from) {
            tracing::warn!(%from, "Ignoring a re-registration message: not the expected master");
            return;
        }
        let id = AgentId::from(&message.slave_id);
        if self.state.id.as_ref() != Some(&id) {
            self.must_be_mine(&id, "Re-registered", turn);
            return;
        }
        match self.state.phase {
            Phase::Terminating => return,
            Phase::Running => {}
            Phase::Disconnected => {
                tracing::info!(master = %from, "Re-registered with master");
                self.connected(message.connection.as_ref(), turn);
            }
        }
        for reconcile in &message.reconciliations {
            self.reconcile(reconcile, turn);
        }
    }

    /// Registration is done: stop asking, and let status updates flow.
    fn connected(
        &mut self,
        connection: Option<&internal::MasterSlaveConnection>,
        turn: &mut Turn<'_, '_>,
    ) {
        self.state.phase = Phase::Running;
        self.ping_timeout = ping_timeout(connection);
        turn.cancel_timer(Timer::Registration);
        turn.set_timer(Timer::Ping, self.ping_timeout);
        self.send_exited_executors(turn);
        self.resume_status_updates(turn);
    }

    /// A master that knows this agent under another id cannot be served.
    fn must_be_mine(&self, id: &AgentId, what: &str, turn: &mut Turn<'_, '_>) {
        if self.state.id.as_ref() == Some(id) {
            return;
        }
        let expected = self.agent_id().value;
        turn.effect(Effect::Stop {
            reason: format!("{what} but got wrong id: {id} (expected: {expected})"),
            exit_code: 1,
        });
    }

    /// The master names tasks that it believes are here; those that are not are over.
    fn reconcile(&mut self, reconcile: &internal::ReconcileTasksMessage, turn: &mut Turn<'_, '_>) {
        let framework_id = FrameworkId::from(&reconcile.framework_id);
        let unaware = v1::FrameworkInfo::default();
        let framework = reconcile.framework.as_ref().unwrap_or(&unaware);
        let state = task::dropped_state(framework);
        for status in &reconcile.statuses {
            let task_id = TaskId::from(&status.task_id);
            if self
                .framework(&framework_id)
                .is_some_and(|one| one.has_task(&task_id))
            {
                continue;
            }
            let update = self.make_update(
                &framework_id,
                &task_id,
                NewStatus {
                    state,
                    reason: v1::task_status::Reason::Reconciliation,
                    message: "Reconciliation: task unknown to the agent".into(),
                    executor_id: None,
                    limited_resources: Vec::new(),
                },
                turn,
            );
            self.stream_update(update, turn);
        }
    }
}

/// Adds a running framework's tasks and executors to a re-registration.
fn report_live(framework: &Framework, message: &mut internal::ReregisterSlaveMessage) {
    let staging =
        |info: &v1::TaskInfo| task::from_info(info, v1::TaskState::TaskStaging, &framework.id);
    for launch in &framework.pending {
        message
            .tasks
            .extend(launch.work.tasks().iter().map(staging));
    }
    for executor in framework.executors.values() {
        let delivered = executor
            .launched
            .values()
            .chain(executor.terminated.values());
        message.tasks.extend(delivered.map(|task| (**task).clone()));
        message.tasks.extend(executor.queued_tasks().map(staging));
        if !executor.generated && executor.phase != ExecutorPhase::Terminated {
            message.executor_infos.push((*executor.info).clone());
        }
    }
}

/// A framework that is no more, with all its remembered tasks.
fn archived(framework: &Framework) -> internal::archive::Framework {
    let tasks = framework.completed_executors.iter().flat_map(|executor| {
        executor
            .terminated
            .values()
            .chain(executor.completed.iter())
            .map(|task| (**task).clone())
    });
    internal::archive::Framework {
        framework_info: (*framework.info).clone(),
        pid: framework.pid.as_ref().map(Pid::to_string),
        tasks: tasks.collect(),
    }
}

/// How long the master wants to be waited for (M17).
fn ping_timeout(connection: Option<&internal::MasterSlaveConnection>) -> Duration {
    connection
        .and_then(|connection| connection.total_ping_timeout_seconds)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds.trunc()).ok())
        .filter(|timeout| !timeout.is_zero())
        .unwrap_or(TOTAL_PING_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Input, Message};
    use crate::testing::{self, World, command_task, config, executor_task, pid};

    fn reregistered(id: &str, reconciliations: Vec<internal::ReconcileTasksMessage>) -> Message {
        Message::Reregistered(internal::SlaveReregisteredMessage {
            slave_id: AgentId::from(id).to_proto(),
            reconciliations,
            connection: None,
        })
    }

    #[test]
    fn an_agent_without_an_id_registers_and_backs_off() {
        let mut world = World::new(config());
        world.input(Input::MasterDetected(testing::master()));
        let first = world.timer_set(&Timer::Registration).unwrap();
        assert!(first <= Duration::from_secs(1));
        world.take();

        let mut longest = Duration::ZERO;
        for _ in 0..12 {
            world.timer(Timer::Registration);
            longest = longest.max(world.timer_set(&Timer::Registration).unwrap());
            assert!(matches!(&world.effects[0], Effect::Link(_)));
            let sent = world.sent();
            let [Outgoing::Register(message)] = &sent[..] else {
                panic!("{sent:?}")
            };
            assert_eq!(message.slave.hostname, "localhost");
            assert_eq!(message.slave.port, Some(5051));
            assert_eq!(message.version(), "1.12.0");
            assert!(message.resource_version_uuid.is_some());
        }
        assert!(longest > Duration::from_secs(4) && longest <= REGISTRATION_INTERVAL_MAX);
    }

    #[test]
    fn once_registered_it_is_silent() {
        let mut world = World::registered();
        assert_eq!(world.agent.snapshot().state.id, Some(AgentId::from("m-S0")));
        world.timer(Timer::Registration);
        assert!(world.take().is_empty());
    }

    #[test]
    fn answers_of_others_are_ignored() {
        let mut world = World::new(config());
        world.input(Input::MasterDetected(testing::master()));
        world.message_from(
            &pid("master@127.0.0.9:5050"),
            Message::Registered(internal::SlaveRegisteredMessage::default()),
        );
        assert_eq!(world.agent.snapshot().state.id, None);
    }

    #[test]
    fn a_new_master_hears_of_everything() {
        let mut world = World::registered();
        world.running_command_task("t1");
        world.run(executor_task("t2", "e"));
        world.input(Input::MasterLost);
        world.input(Input::MasterDetected(testing::master()));
        world.take();
        world.timer(Timer::Registration);
        let sent = world.sent();
        let [Outgoing::Reregister(message)] = &sent[..] else {
            panic!("{sent:?}")
        };
        assert_eq!(message.slave.id.as_ref().unwrap().value, "m-S0");
        assert_eq!(message.frameworks.len(), 1);
        let tasks: Vec<_> = message
            .tasks
            .iter()
            .map(|task| &*task.task_id.value)
            .collect();
        assert_eq!(tasks, ["t2", "t1"]);
        let executors: Vec<_> = message.executor_infos.iter().collect();
        assert_eq!(
            executors.len(),
            1,
            "a command task's executor is not reported"
        );
        assert_eq!(executors[0].executor_id.value, "e");
        assert!(executors[0].framework_id.is_some());
    }

    #[test]
    fn an_executors_end_is_told_unless_the_report_says_it() {
        let told_after = |attempts: usize| {
            let mut world = World::registered();
            world.run(executor_task("t", "e"));
            let container = world.launched("e");
            world.subscribe("e");
            world.input(Input::MasterLost);
            world.input(Input::MasterDetected(testing::master()));
            world.timer(Timer::Registration);
            world.exited(container, Default::default());
            for _ in 0..attempts {
                world.timer(Timer::Registration);
            }
            world.take();
            world.message(reregistered("m-S0", Vec::new()));
            let sent = world.sent();
            sent.iter()
                .filter(|message| matches!(message, Outgoing::ExitedExecutor(_)))
                .count()
        };
        assert_eq!(told_after(0), 1, "it was reported as running");
        assert_eq!(told_after(1), 0, "the second report does not list it");
    }

    #[test]
    fn a_completed_framework_is_reported_with_its_tasks() {
        let mut world = World::registered();
        let container = world.running_command_task("t1");
        world.take();
        world.exited(container, Default::default());
        let update = world.only_update();
        world.acknowledge_sent(&update);
        world.input(Input::MasterDetected(testing::master()));
        world.take();
        world.timer(Timer::Registration);
        let sent = world.sent();
        let [Outgoing::Reregister(message)] = &sent[..] else {
            panic!("{sent:?}")
        };
        assert!(message.frameworks.is_empty() && message.tasks.is_empty());
        assert_eq!(message.completed_frameworks[0].tasks[0].task_id.value, "t1");
    }

    #[test]
    fn tasks_unknown_to_the_agent_are_lost() {
        let mut world = World::registered();
        world.run(command_task("known", "true"));
        world.input(Input::MasterDetected(testing::master()));
        world.take();
        let status = |id: &str| v1::TaskStatus {
            task_id: TaskId::from(id).to_proto(),
            ..Default::default()
        };
        world.message(reregistered(
            "m-S0",
            vec![internal::ReconcileTasksMessage {
                framework_id: testing::framework_id().to_proto(),
                statuses: vec![status("known"), status("unknown")],
                framework: None,
            }],
        ));
        let update = world.only_update();
        assert_eq!(update.status.task_id.value, "unknown");
        assert_eq!(update.status.state(), v1::TaskState::TaskLost);
        assert_eq!(
            update.status.message(),
            "Reconciliation: task unknown to the agent"
        );
        assert_eq!(update.status.source(), v1::task_status::Source::Agent);
    }

    #[test]
    fn another_id_ends_the_agent() {
        let mut world = World::registered();
        world.input(Input::MasterDetected(testing::master()));
        world.message(reregistered("m-S9", Vec::new()));
        assert_eq!(world.stopped(), Some(1));
    }

    #[test]
    fn the_master_says_how_long_to_wait_for_it() {
        let timeout = |seconds| {
            ping_timeout(Some(&internal::MasterSlaveConnection {
                total_ping_timeout_seconds: Some(seconds),
            }))
        };
        assert_eq!(timeout(30.9), Duration::from_secs(30));
        for nonsense in [f64::NAN, -1.0, 0.0, f64::INFINITY] {
            assert_eq!(timeout(nonsense), TOTAL_PING_TIMEOUT);
        }
        assert_eq!(ping_timeout(None), TOTAL_PING_TIMEOUT);
    }
}
