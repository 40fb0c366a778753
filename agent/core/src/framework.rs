//! What masters say about whole frameworks, and their end.

use std::sync::Arc;

use messages::internal;
use model::ids::{ExecutorId, FrameworkId};
use runtime_core::Pid;

use crate::agent::Agent;
use crate::effect::Effect;
use crate::events;
use crate::gc::SandboxPath;
use crate::limits::COMPLETED_FRAMEWORKS_MAX;
use crate::state::{ExecutorPhase, FrameworkPhase, Phase};
use crate::turn::Turn;

impl Agent {
    pub(crate) fn shutdown_framework_message(
        &mut self,
        from: &Pid,
        message: &internal::ShutdownFrameworkMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        if !self.is_master(from) || self.state.phase == Phase::Disconnected {
            tracing::warn!(%from, "Ignoring a shutdown framework message: not registered there");
            return;
        }
        let id = FrameworkId::from(&message.framework_id);
        if self.framework(&id).is_none() {
            self.streams.forget(&id);
        }
        self.shutdown_framework(&id, turn);
    }

    /// Shuts down all executors of a framework, and then forgets it.
    pub(crate) fn shutdown_framework(&mut self, id: &FrameworkId, turn: &mut Turn<'_, '_>) {
        let Some(framework) = self.framework_mut(id) else {
            return;
        };
        if framework.phase == FrameworkPhase::Terminating {
            return;
        }
        tracing::info!(framework = %id, "Shutting down framework");
        framework.phase = FrameworkPhase::Terminating;
        let pending = std::mem::take(&mut framework.pending);
        let executors: Vec<(ExecutorId, ExecutorPhase)> = framework
            .executors
            .values()
            .map(|executor| (executor.id.clone(), executor.phase))
            .collect();
        for launch in pending {
            self.launch_given_up(id, &launch.executor_info, launch.launch_executor, turn);
        }
        for (executor_id, phase) in executors {
            match phase {
                ExecutorPhase::Registering | ExecutorPhase::Running => {
                    self.begin_shutdown(id, &executor_id, turn);
                }
                ExecutorPhase::Terminated => self.remove_executor(id, &executor_id, turn),
                ExecutorPhase::Terminating => {}
            }
        }
        self.remove_framework_if_idle(id, turn);
    }

    /// A framework with nothing left becomes history. Updates of tasks that never ran here
    /// are still repeated until they are acknowledged, the framework is shut down, or its
    /// history is forgotten.
    pub(crate) fn remove_framework_if_idle(&mut self, id: &FrameworkId, turn: &mut Turn<'_, '_>) {
        if !self.framework(id).is_some_and(|framework| framework.idle()) {
            return;
        }
        let Some(framework) = self.state.frameworks.remove(id) else {
            return;
        };
        tracing::info!(framework = %id, "Cleaning up framework");
        if framework.phase == FrameworkPhase::Terminating {
            self.streams.forget(id);
        }
        let completed = &mut self.state.completed_frameworks;
        completed.push_back(framework);
        while completed.len() > COMPLETED_FRAMEWORKS_MAX
            && let Some(forgotten) = completed.pop_front()
        {
            self.streams.forget(&forgotten.id);
        }
        let folder = SandboxPath::Framework(id.clone());
        self.gc.schedule(folder, self.config.gc_delay, turn.env.now);
        if self.state.phase == Phase::Terminating && self.state.frameworks.is_empty() {
            turn.effect(Effect::Stop {
                reason: "All executors are gone".into(),
                exit_code: 0,
            });
        }
    }

    pub(crate) fn update_framework(
        &mut self,
        message: internal::UpdateFrameworkMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let id = FrameworkId::from(&message.framework_id);
        if self.state.phase != Phase::Running {
            tracing::warn!(framework = %id, "Dropping a framework's update: not registered");
            self.state.counters.invalid_framework_messages += 1;
            return;
        }
        let Some(framework) = self.framework_mut(&id) else {
            return;
        };
        if framework.phase == FrameworkPhase::Terminating {
            return;
        }
        if let Some(info) = message.framework_info {
            framework.info = Arc::new(info);
        }
        framework.pid = message.pid.as_deref().and_then(|pid| pid.parse().ok());
        // The framework may have missed updates while it was away.
        self.resume_status_updates(turn);
    }

    pub(crate) fn framework_to_executor(
        &mut self,
        message: internal::FrameworkToExecutorMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let framework_id = FrameworkId::from(&message.framework_id);
        let executor_id = ExecutorId::from(&message.executor_id);
        let running = self.state.phase == Phase::Running
            && self
                .framework(&framework_id)
                .is_some_and(|framework| framework.phase == FrameworkPhase::Running);
        let executor = self
            .executor(&framework_id, &executor_id)
            .filter(|executor| running && executor.phase == ExecutorPhase::Running);
        match executor {
            Some(executor) => {
                let event = messages::v1::executor::event::Message { data: message.data };
                turn.tell(executor, events::message(event));
                self.state.counters.valid_framework_messages += 1;
            }
            None => {
                tracing::warn!(
                    framework = %framework_id,
                    executor = %executor_id,
                    "Dropping a message for an executor: it is not running"
                );
                self.state.counters.invalid_framework_messages += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Outgoing;
    use crate::testing::{World, command_task, framework_id, framework_info, uuid};
    use messages::v1;
    use v1::executor::event::Type as EventType;

    fn shutdown(world: &mut World) {
        world.message(crate::Message::ShutdownFramework(
            internal::ShutdownFrameworkMessage {
                framework_id: framework_id().to_proto(),
            },
        ));
    }

    #[test]
    fn all_of_a_framework_ends_silently() {
        let mut world = World::registered();
        let container = world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        world.take();
        shutdown(&mut world);
        assert_eq!(world.event_types(), [EventType::Shutdown]);
        world.update("t", "t", v1::TaskState::TaskKilled, uuid(2));
        world.run(command_task("late", "true"));
        assert!(world.updates().is_empty());
        world.exited(container, Default::default());
        assert!(world.updates().is_empty());
        let state = world.agent.snapshot().state;
        assert!(state.frameworks.is_empty());
        assert_eq!(state.completed_frameworks.len(), 1);
        world.timer(crate::Timer::StatusRetry);
        assert!(world.updates().is_empty(), "nobody waits for its updates");
    }

    #[test]
    fn a_framework_that_comes_back_finds_its_history() {
        let mut world = World::registered();
        let container = world.running_command_task("t1");
        world.take();
        world.exited(container, Default::default());
        let update = world.only_update();
        world.acknowledge_sent(&update);
        world.run(command_task("t2", "true"));
        assert_eq!(world.framework().completed_executors.len(), 1);
        assert!(world.agent.snapshot().state.completed_frameworks.is_empty());
    }

    #[test]
    fn an_update_of_a_framework_repeats_what_is_unacknowledged() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        world.take();
        world.message(crate::Message::UpdateFramework(
            internal::UpdateFrameworkMessage {
                framework_id: framework_id().to_proto(),
                pid: None,
                framework_info: Some(v1::FrameworkInfo {
                    name: "new".into(),
                    ..framework_info()
                }),
            },
        ));
        assert_eq!(world.framework().info.name, "new");
        assert_eq!(
            world.only_update().status.state(),
            v1::TaskState::TaskRunning
        );
    }

    #[test]
    fn messages_reach_running_executors_only() {
        let mut world = World::registered();
        let message = internal::FrameworkToExecutorMessage {
            slave_id: v1::AgentId {
                value: "m-S0".into(),
            },
            framework_id: framework_id().to_proto(),
            executor_id: v1::ExecutorId { value: "t".into() },
            data: b"hi".to_vec().into(),
        };
        world.run(command_task("t", "true"));
        world.message(crate::Message::FrameworkToExecutor(message.clone()));
        assert!(world.events().is_empty());
        world.subscribe("t");
        world.take();
        world.message(crate::Message::FrameworkToExecutor(message));
        assert_eq!(world.event_types(), [EventType::Message]);
        let counters = world.agent.snapshot().state.counters;
        assert_eq!(counters.valid_framework_messages, 1);
        assert_eq!(counters.invalid_framework_messages, 1);
    }

    #[test]
    fn a_master_that_wants_it_gone_is_obeyed_when_all_has_ended() {
        let mut world = World::registered();
        let container = world.running_command_task("t");
        world.take();
        world.message(crate::Message::Shutdown(internal::ShutdownMessage {
            message: Some("marked gone".into()),
        }));
        assert_eq!(world.event_types(), [EventType::Shutdown]);
        assert_eq!(world.stopped(), None);
        world.exited(container, Default::default());
        assert_eq!(world.stopped(), Some(0));
    }

    #[test]
    fn an_operator_may_make_it_leave() {
        let mut world = World::registered();
        world.input(crate::Input::Unregister);
        assert_eq!(world.stopped(), Some(0));
        let sent = world.sent();
        let [Outgoing::Unregister(message)] = &sent[..] else {
            panic!("{sent:?}")
        };
        assert_eq!(message.slave_id.value, "m-S0");
    }
}
