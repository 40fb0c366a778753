//! An executor subscribes: it has begun, or come back (V15).

use messages::v1;
use model::ids::{ContainerId, ExecutorId, FrameworkId, TaskId};
use v1::executor::{call, event};

use crate::agent::Agent;
use crate::effect::{CallId, Effect};
use crate::events;
use crate::limits::EXECUTOR_HEARTBEAT_INTERVAL;
use crate::state::{Executor, ExecutorConnection, ExecutorPhase, Framework, FrameworkPhase, Phase};
use crate::status::NewStatus;
use crate::task;
use crate::timer::Timer;
use crate::turn::Turn;

impl Agent {
    pub(crate) fn subscribe(
        &mut self,
        stream: CallId,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        subscribe: call::Subscribe,
        turn: &mut Turn<'_, '_>,
    ) {
        let agent_ends = self.state.phase == Phase::Terminating;
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        let framework_ends = framework.phase == FrameworkPhase::Terminating;
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        let over = matches!(
            executor.phase,
            ExecutorPhase::Terminating | ExecutorPhase::Terminated
        );
        if agent_ends || framework_ends || over {
            tracing::warn!(executor = %executor_id, "Shutting down an executor that is over");
            turn.event(stream, events::shutdown());
            turn.effect(Effect::CloseStream(stream));
            return;
        }
        tracing::info!(executor = %executor_id, framework = %framework_id, "Executor subscribed");
        let previous =
            std::mem::replace(&mut executor.connection, ExecutorConnection::Stream(stream));
        executor.phase = ExecutorPhase::Running;
        let container_id = executor.container_id.clone();
        self.streams_by_call.insert(stream, container_id.clone());
        if let ExecutorConnection::Stream(previous) = previous {
            self.streams_by_call.remove(&previous);
            turn.effect(Effect::CloseStream(previous));
        }
        turn.cancel_timer(Timer::ExecutorRegistration(container_id.clone()));
        turn.set_timer(
            Timer::ExecutorHeartbeat(container_id),
            EXECUTOR_HEARTBEAT_INTERVAL,
        );

        for update in subscribe.unacknowledged_updates {
            self.executor_update(framework_id, executor_id, update.status, turn);
        }
        self.drop_undelivered(
            framework_id,
            executor_id,
            &subscribe.unacknowledged_tasks,
            turn,
        );
        self.begin_work(framework_id, executor_id, turn);
    }

    /// A connected executor is told so, and given its queued work.
    pub(crate) fn begin_work(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        if executor.never_had_work() {
            self.begin_shutdown(framework_id, executor_id, turn);
            return;
        }
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        turn.tell(executor, self.subscribed_event(framework, executor));
        self.grant(framework_id, executor_id, turn);
        self.deliver(framework_id, executor_id, turn);
    }

    fn subscribed_event(&self, framework: &Framework, executor: &Executor) -> v1::executor::Event {
        events::subscribed(event::Subscribed {
            executor_info: (*executor.info).clone(),
            framework_info: (*framework.info).clone(),
            agent_info: (*self.state.info).clone(),
            container_id: Some(executor.container_id.to_proto()),
        })
    }

    /// Tasks that were sent to an executor which does not know them got lost on the way.
    pub(crate) fn drop_undelivered(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        known: &[v1::TaskInfo],
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        let state = task::dropped_state(&framework.info);
        let Some(executor) = framework.executors.get(executor_id) else {
            return;
        };
        let lost: Vec<TaskId> = executor
            .launched
            .iter()
            .filter(|(_, task)| task.state() == v1::TaskState::TaskStaging)
            .filter(|(id, _)| known.iter().all(|info| info.task_id.value != id.as_str()))
            .map(|(id, _)| id.clone())
            .collect();
        for task_id in lost {
            let reason = v1::task_status::Reason::AgentRestarted;
            let message = "Task launched during agent restart";
            let new = NewStatus::new(state, reason, message, Some(executor_id.clone()));
            self.agent_update(framework_id, &task_id, new, turn);
        }
    }

    pub(crate) fn heartbeat(&mut self, container_id: &ContainerId, turn: &mut Turn<'_, '_>) {
        let Some((framework_id, executor_id)) = self.owner_of(container_id) else {
            return;
        };
        let Some(executor) = self.executor(&framework_id, &executor_id) else {
            return;
        };
        if executor.connection == ExecutorConnection::None {
            return;
        }
        turn.tell(executor, events::heartbeat());
        turn.set_timer(
            Timer::ExecutorHeartbeat(container_id.clone()),
            EXECUTOR_HEARTBEAT_INTERVAL,
        );
    }
}

impl Executor {
    /// It was never given a task, and there is none to give.
    pub(crate) fn never_had_work(&self) -> bool {
        !self.ever_sent_task && self.queued.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use v1::executor::Call;
    use v1::executor::event::Type as EventType;

    use super::*;
    use crate::effect::Answer;
    use crate::testing::{World, command_task, executor_task, framework_id, uuid};

    fn subscribe_call(subscribe: call::Subscribe) -> Call {
        Call {
            r#type: Some(call::Type::Subscribe as i32),
            subscribe: Some(subscribe),
            ..Default::default()
        }
    }

    #[test]
    fn subscribing_begins_a_stream_and_brings_what_was_queued() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        world.launched("t");
        world.take();
        let stream = world.subscribe("t");
        assert_eq!(world.answers(), [Answer::Stream]);
        assert_eq!(
            world.event_types(),
            [EventType::Subscribed, EventType::Launch]
        );
        let subscribed = world.events()[0].subscribed.clone().unwrap();
        assert_eq!(subscribed.executor_info.executor_id.value, "t");
        assert_eq!(
            subscribed.framework_info.id,
            Some(framework_id().to_proto())
        );
        assert_eq!(subscribed.agent_info.id.unwrap().value, "m-S0");
        let container = &world.executor("t").container_id;
        assert_eq!(subscribed.container_id, Some(container.to_proto()));
        assert!(
            world
                .timer_set(&Timer::ExecutorHeartbeat(container.clone()))
                .is_some()
        );
        assert_eq!(
            world.executor("t").connection,
            ExecutorConnection::Stream(stream)
        );
        assert!(
            world
                .effects
                .iter()
                .all(|effect| { !matches!(effect, Effect::UpdateContainer { .. }) }),
            "the launch has granted it all"
        );
    }

    #[test]
    fn a_second_subscription_replaces_the_first() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        let ExecutorConnection::Stream(first) = world.executor("t").connection else {
            panic!()
        };
        world.take();
        let second = world.subscribe("t");
        assert!(
            world.effects.iter().any(|effect| {
                matches!(effect, Effect::CloseStream(stream) if *stream == first)
            })
        );
        world.take();
        world.input(crate::Input::StreamClosed(first));
        assert_eq!(
            world.executor("t").connection,
            ExecutorConnection::Stream(second)
        );
        world.input(crate::Input::StreamClosed(second));
        assert_eq!(world.executor("t").connection, ExecutorConnection::None);
    }

    #[test]
    fn a_task_lost_on_the_way_is_lost() {
        let mut world = World::registered();
        world.run(executor_task("known", "e"));
        world.run(executor_task("lost", "e"));
        let container_id = world.launched("e");
        world.subscribe("e");
        let result = Ok(());
        world.input(crate::Input::ContainerUpdated {
            container_id,
            sequence: 1,
            result,
        });
        assert_eq!(world.executor("e").launched.len(), 2);
        world.take();
        let subscribe = call::Subscribe {
            unacknowledged_tasks: vec![executor_task("known", "e")],
            unacknowledged_updates: Vec::new(),
        };
        world.call("e", subscribe_call(subscribe));
        let update = world.only_update();
        assert_eq!(update.status.task_id.value, "lost");
        assert_eq!(update.status.state(), v1::TaskState::TaskLost);
        assert_eq!(
            update.status.reason(),
            v1::task_status::Reason::AgentRestarted
        );
    }

    #[test]
    fn updates_sent_before_are_taken_on_subscription() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.take();
        let status = world.status("t", v1::TaskState::TaskRunning, uuid(1));
        let subscribe = call::Subscribe {
            unacknowledged_tasks: vec![command_task("t", "true")],
            unacknowledged_updates: vec![call::Update { status }],
        };
        world.call("t", subscribe_call(subscribe));
        assert_eq!(
            world.event_types(),
            [EventType::Acknowledged, EventType::Subscribed]
        );
        assert_eq!(
            world.only_update().status.state(),
            v1::TaskState::TaskRunning
        );
    }

    #[test]
    fn connected_executors_get_heartbeats() {
        let mut world = World::registered();
        let container = world.running_command_task("t");
        world.take();
        let timer = Timer::ExecutorHeartbeat(container);
        world.timer(timer.clone());
        assert_eq!(world.event_types(), [EventType::Heartbeat]);
        assert_eq!(world.timer_set(&timer), Some(EXECUTOR_HEARTBEAT_INTERVAL));
    }
}
