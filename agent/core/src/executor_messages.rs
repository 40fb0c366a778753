//! Executors that speak libprocess, by the driver of Apache Mesos' v0 API (M5).
//!
//! They are the same executors as those that call by HTTP; only how they are reached differs.

use messages::{internal, v1};
use model::ids::{AgentId, ExecutorId, FrameworkId};
use runtime_core::Pid;
use v1::executor::{Event, call, event};

use crate::agent::Agent;
use crate::effect::{Effect, Outgoing};
use crate::state::{
    Driver, Executor, ExecutorConnection, ExecutorPhase, Framework, FrameworkPhase, Phase,
};
use crate::timer::Timer;
use crate::turn::Turn;

impl Agent {
    /// A driver has started, and wants work.
    pub(crate) fn register_executor(
        &mut self,
        from: &Pid,
        message: &internal::RegisterExecutorMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let framework_id = FrameworkId::from(&message.framework_id);
        let executor_id = ExecutorId::from(&message.executor_id);
        if self.connect_driver(from, &framework_id, &executor_id, turn) {
            self.begin_work(&framework_id, &executor_id, turn);
        }
    }

    /// A driver comes back with what it has not got acknowledged. Only one that is waited for
    /// may: two drivers for one executor would each run its tasks.
    pub(crate) fn reregister_executor(
        &mut self,
        from: &Pid,
        message: internal::ReregisterExecutorMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let framework_id = FrameworkId::from(&message.framework_id);
        let executor_id = ExecutorId::from(&message.executor_id);
        if !self.connect_driver(from, &framework_id, &executor_id, turn) {
            return;
        }
        let reregistered = internal::ExecutorReregisteredMessage {
            slave_id: self.agent_id(),
            slave_info: (*self.state.info).clone(),
        };
        turn.send(from, Outgoing::ExecutorReregistered(Box::new(reregistered)));
        for update in message.updates {
            self.driver_update(from, update, turn);
        }
        self.drop_undelivered(&framework_id, &executor_id, &message.tasks, turn);
        let Some(executor) = self.executor(&framework_id, &executor_id) else {
            return;
        };
        if executor.never_had_work() {
            return self.begin_shutdown(&framework_id, &executor_id, turn);
        }
        self.grant(&framework_id, &executor_id, turn);
        self.deliver(&framework_id, &executor_id, turn);
    }

    /// Makes `from` the way to its executor, or tells it to end. True if it is the way.
    fn connect_driver(
        &mut self,
        from: &Pid,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) -> bool {
        let agent_id = AgentId::from(&self.agent_id());
        let agent_ends = self.state.phase == Phase::Terminating;
        let framework_runs = self
            .framework(framework_id)
            .is_some_and(|framework| framework.phase == FrameworkPhase::Running);
        let executor = self
            .executor_mut(framework_id, executor_id)
            .filter(|executor| executor.phase == ExecutorPhase::Registering);
        let Some(executor) = executor.filter(|_| framework_runs && !agent_ends) else {
            tracing::warn!(
                executor = %executor_id,
                framework = %framework_id,
                %from,
                "Shutting down an executor that is not waited for"
            );
            let shutdown = internal::ShutdownExecutorMessage::default();
            turn.send(from, Outgoing::ShutdownExecutor(shutdown));
            return false;
        };
        tracing::info!(executor = %executor_id, framework = %framework_id, %from, "Executor registered");
        executor.phase = ExecutorPhase::Running;
        executor.connection = ExecutorConnection::Driver(Box::new(Driver {
            pid: from.clone(),
            agent_id,
        }));
        let container_id = executor.container_id.clone();
        turn.effect(Effect::Link(from.clone()));
        turn.cancel_timer(Timer::ExecutorRegistration(container_id));
        true
    }

    /// A driver sends its executor's status update. Drivers older than 0.23 leave out of the
    /// status what the update has beside it.
    pub(crate) fn driver_update(
        &mut self,
        from: &Pid,
        update: internal::StatusUpdate,
        turn: &mut Turn<'_, '_>,
    ) {
        let framework_id = FrameworkId::from(&update.framework_id);
        let executor_id = update.executor_id.as_ref().map(ExecutorId::from);
        let executor = executor_id
            .as_ref()
            .and_then(|id| self.executor(&framework_id, id))
            .filter(|executor| matches!(executor.connection, ExecutorConnection::Driver(_)));
        let (Some(executor_id), Some(_)) = (executor_id, executor) else {
            tracing::warn!(
                framework = %framework_id,
                task = %update.status.task_id.value,
                %from,
                "Ignoring a status update: its executor is not registered"
            );
            self.state.counters.invalid_status_updates += 1;
            return;
        };
        let mut status = update.status;
        status.uuid = update.uuid;
        status.source = Some(v1::task_status::Source::Executor as i32);
        status.executor_id = update.executor_id;
        status.agent_id = update.slave_id.or(status.agent_id);
        status.timestamp.get_or_insert(update.timestamp);
        if status.state() == v1::TaskState::TaskStaging {
            tracing::error!(
                executor = %executor_id,
                framework = %framework_id,
                "Shutting down an executor that sent TASK_STAGING, which is not allowed"
            );
            self.state.counters.invalid_status_updates += 1;
            return self.begin_shutdown(&framework_id, &executor_id, turn);
        }
        self.executor_update(&framework_id, &executor_id, status, turn);
    }

    /// A driver sends its executor's own message for the framework.
    pub(crate) fn driver_message(
        &mut self,
        message: internal::ExecutorToFrameworkMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let framework_id = FrameworkId::from(&message.framework_id);
        let executor_id = ExecutorId::from(&message.executor_id);
        let message = call::Message { data: message.data };
        self.executor_to_framework(&framework_id, &executor_id, message, turn);
    }
}

/// What a driver is told in place of an event; nothing for events that it has no use for, or
/// (tasks) is told otherwise.
pub(crate) fn for_driver(executor: &Executor, driver: &Driver, event: Event) -> Option<Outgoing> {
    let slave_id = driver.agent_id.to_proto();
    let framework_id = executor.framework_id.to_proto();
    Some(match event {
        Event {
            subscribed:
                Some(event::Subscribed {
                    executor_info,
                    framework_info,
                    agent_info,
                    ..
                }),
            ..
        } => Outgoing::ExecutorRegistered(Box::new(internal::ExecutorRegisteredMessage {
            executor_info,
            framework_id,
            framework_info,
            slave_id,
            slave_info: agent_info,
        })),
        Event {
            kill: Some(kill), ..
        } => Outgoing::KillTask(internal::KillTaskMessage {
            framework_id,
            task_id: kill.task_id,
            kill_policy: kill.kill_policy,
        }),
        Event {
            acknowledged: Some(event::Acknowledged { task_id, uuid }),
            ..
        } => {
            let message = internal::StatusUpdateAcknowledgementMessage {
                slave_id,
                framework_id,
                task_id,
                uuid,
            };
            Outgoing::StatusUpdateAcknowledgement(message)
        }
        Event {
            message: Some(event::Message { data }),
            ..
        } => Outgoing::FrameworkToExecutor(internal::FrameworkToExecutorMessage {
            slave_id,
            framework_id,
            executor_id: executor.id.to_proto(),
            data,
        }),
        event if event.r#type() == event::Type::Shutdown => {
            Outgoing::ShutdownExecutor(internal::ShutdownExecutorMessage::default())
        }
        _ => return None,
    })
}

/// The message that gives a driver a task.
pub(crate) fn run_task(framework: &Framework, task: v1::TaskInfo) -> Outgoing {
    // Drivers of 0.23 want a pid, and make nothing of it; this is libprocess' nobody.
    let pid = framework.pid.as_ref().map(Pid::to_string);
    Outgoing::RunTask(Box::new(internal::RunTaskMessage {
        framework: (*framework.info).clone(),
        task,
        pid: Some(pid.unwrap_or_else(|| "@0.0.0.0:0".into())),
        ..Default::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, custom_executor, driver, executor_task, framework_id, task, uuid};

    /// What was sent to the driver; forgets all effects.
    fn told(world: &mut World) -> Vec<Outgoing> {
        let told = |effect| match effect {
            Effect::Send { to, message } if to == driver() => Some(*message),
            _ => None,
        };
        world.take().into_iter().filter_map(told).collect()
    }

    /// An executor with a driver that was given a task.
    fn running() -> World {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        world.launched("e");
        world.register_driver("e");
        world.take();
        world
    }

    fn is_shutdown(message: &Outgoing) -> bool {
        matches!(message, Outgoing::ShutdownExecutor(_))
    }

    #[test]
    fn a_driver_registers_and_is_given_what_was_queued() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        let container_id = world.launched("e");
        world.take();
        world.register_driver("e");
        assert!(world.effects.iter().any(|effect| matches!(
            effect,
            Effect::CancelTimer(Timer::ExecutorRegistration(id)) if *id == container_id
        )));
        assert!(
            world
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::Link(pid) if *pid == driver()))
        );
        let told = told(&mut world);
        let [
            Outgoing::ExecutorRegistered(registered),
            Outgoing::RunTask(run),
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        assert_eq!(registered.slave_id.value, "m-S0");
        assert_eq!(registered.framework_id, framework_id().to_proto());
        assert_eq!(registered.executor_info.executor_id.value, "e");
        assert_eq!(registered.slave_info.hostname, "localhost");
        assert_eq!(run.task.task_id.value, "t");
        assert_eq!(run.framework.name, "test");
        assert_eq!(run.pid(), "@0.0.0.0:0");
        assert!(
            world
                .executor("e")
                .launched
                .contains_key(&model::ids::TaskId::from("t"))
        );
    }

    #[test]
    fn a_task_for_a_registered_driver_goes_to_it() {
        let mut world = running();
        world.run(executor_task("t2", "e"));
        let container_id = world.executor("e").container_id.clone();
        assert!(told(&mut world).is_empty(), "the container grows first");
        world.input(crate::Input::ContainerUpdated {
            container_id,
            sequence: 1,
            result: Ok(()),
        });
        let told = told(&mut world);
        assert!(matches!(&told[..], [Outgoing::RunTask(run)] if run.task.task_id.value == "t2"));
    }

    #[test]
    fn an_update_is_completed_forwarded_and_acknowledged() {
        let mut world = running();
        let mut status = world.status("t", v1::TaskState::TaskRunning, uuid(1));
        status.source = None;
        world.driver_update("e", status);
        let sent = world.sent();
        let [
            Outgoing::StatusUpdate(forwarded),
            Outgoing::StatusUpdateAcknowledgement(acknowledged),
        ] = &sent[..]
        else {
            panic!("{sent:?}")
        };
        let status = &forwarded.update.status;
        assert_eq!(status.source(), v1::task_status::Source::Executor);
        assert_eq!(status.executor_id.as_ref().unwrap().value, "e");
        assert_eq!(status.agent_id.as_ref().unwrap().value, "m-S0");
        assert_eq!(status.uuid, forwarded.update.uuid);
        assert!(status.container_status.is_some());
        assert_eq!(Some(&acknowledged.uuid), status.uuid.as_ref());
        assert_eq!(acknowledged.task_id.value, "t");
        assert_eq!(acknowledged.slave_id.value, "m-S0");
    }

    #[test]
    fn kills_messages_and_the_end_reach_the_driver() {
        let mut world = running();
        world.kill("t");
        world.message(crate::Message::FrameworkToExecutor(
            internal::FrameworkToExecutorMessage {
                slave_id: AgentId::from("m-S0").to_proto(),
                framework_id: framework_id().to_proto(),
                executor_id: ExecutorId::from("e").to_proto(),
                data: b"hi".to_vec().into(),
            },
        ));
        world.message(crate::Message::ShutdownExecutor(
            internal::ShutdownExecutorMessage {
                framework_id: Some(framework_id().to_proto()),
                executor_id: Some(ExecutorId::from("e").to_proto()),
            },
        ));
        let told = told(&mut world);
        let [
            Outgoing::KillTask(kill),
            Outgoing::FrameworkToExecutor(message),
            end,
        ] = &told[..]
        else {
            panic!("{told:?}")
        };
        assert_eq!(kill.task_id.value, "t");
        assert_eq!(&message.data[..], b"hi");
        assert!(is_shutdown(end));
    }

    #[test]
    fn an_executors_message_goes_to_its_framework() {
        let mut world = running();
        let message = internal::ExecutorToFrameworkMessage {
            slave_id: AgentId::from("m-S0").to_proto(),
            framework_id: framework_id().to_proto(),
            executor_id: ExecutorId::from("e").to_proto(),
            data: b"ho".to_vec().into(),
        };
        let from_driver = crate::Message::ExecutorToFramework(message.clone());
        world.message_from(&driver(), from_driver);
        assert_eq!(world.sent(), [Outgoing::ExecutorToFramework(message)]);
    }

    #[test]
    fn who_is_not_waited_for_is_told_to_end() {
        let mut world = World::registered();
        world.register_driver("nobody");
        assert!(matches!(&told(&mut world)[..], [end] if is_shutdown(end)));
        let mut world = running();
        world.register_driver("e");
        assert!(matches!(&told(&mut world)[..], [end] if is_shutdown(end)));
        let again = internal::ReregisterExecutorMessage {
            framework_id: framework_id().to_proto(),
            executor_id: ExecutorId::from("e").to_proto(),
            ..Default::default()
        };
        world.message_from(&driver(), crate::Message::ReregisterExecutor(again));
        assert!(matches!(&told(&mut world)[..], [end] if is_shutdown(end)));
    }

    #[test]
    fn a_driver_without_work_ends() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        world.launched("e");
        world.kill("t");
        world.take();
        world.register_driver("e");
        assert!(matches!(&told(&mut world)[..], [end] if is_shutdown(end)));
    }

    #[test]
    fn a_driver_that_comes_back_brings_its_updates() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        world.launched("e");
        world.take();
        let again = internal::ReregisterExecutorMessage {
            framework_id: framework_id().to_proto(),
            executor_id: ExecutorId::from("e").to_proto(),
            ..Default::default()
        };
        world.message_from(&driver(), crate::Message::ReregisterExecutor(again));
        let told = told(&mut world);
        assert!(matches!(
            &told[..],
            [Outgoing::ExecutorReregistered(_), Outgoing::RunTask(_)]
        ));
    }

    #[test]
    fn updates_of_unregistered_executors_do_not_count() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        world.launched("e");
        world.take();
        let status = world.status("t", v1::TaskState::TaskRunning, uuid(1));
        world.driver_update("e", status);
        assert!(world.sent().is_empty());
        let counters = &world.agent.snapshot().state.counters;
        assert_eq!(counters.invalid_status_updates, 1);
    }

    #[test]
    fn staging_is_not_for_executors_to_say() {
        let mut world = running();
        let status = world.status("t", v1::TaskState::TaskStaging, uuid(1));
        world.driver_update("e", status);
        assert!(matches!(&told(&mut world)[..], [end] if is_shutdown(end)));
    }

    #[test]
    fn groups_of_tasks_are_refused() {
        let mut world = World::registered();
        world.run_group(custom_executor("e"), vec![task("a"), task("b")]);
        world.launched("e");
        world.register_driver("e");
        let updates = world.updates();
        assert_eq!(updates.len(), 2);
        for update in updates {
            assert_eq!(update.status.state(), v1::TaskState::TaskError);
            assert_eq!(
                update.status.reason(),
                v1::task_status::Reason::TaskGroupInvalid
            );
        }
    }
}
