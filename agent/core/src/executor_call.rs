//! Executors' calls (V15, V16).

use messages::{internal, v1};
use model::ids::{ContainerId, ExecutorId, FrameworkId, TaskId};
use runtime_core::Pid;
use uuid::Uuid;
use v1::executor::{Call, call, event};

use crate::agent::Agent;
use crate::effect::{Answer, CallId, Effect, Outgoing};
use crate::events;
use crate::limits::EXECUTOR_HEARTBEAT_INTERVAL;
use crate::state::{Executor, ExecutorConnection, ExecutorPhase, Framework, FrameworkPhase, Phase};
use crate::status::NewStatus;
use crate::task;
use crate::timer::Timer;
use crate::turn::Turn;

/// A call that says something, by type.
enum Body {
    Subscribe(call::Subscribe),
    /// With its uuid, which is valid.
    Update(Box<v1::TaskStatus>, Uuid),
    Message(call::Message),
    Heartbeat,
    Unknown,
}

impl Agent {
    pub(crate) fn executor_call(&mut self, call_id: CallId, call: Call, turn: &mut Turn<'_, '_>) {
        let framework_id = FrameworkId::from(&call.framework_id);
        let executor_id = ExecutorId::from(&call.executor_id);
        let body = match validate(call) {
            Ok(Body::Heartbeat) => return turn.answer(call_id, Answer::Accepted),
            Ok(body) => body,
            Err(refusal) => {
                let text = format!("Failed to validate Executor::Call: {refusal}");
                return turn.answer(call_id, Answer::BadRequest(text));
            }
        };
        let bad_request = |text: &str| Answer::BadRequest(text.into());
        let Some(framework) = self.framework(&framework_id) else {
            return turn.answer(call_id, bad_request("Framework cannot be found"));
        };
        let Some(executor) = framework.executors.get(&executor_id) else {
            return turn.answer(call_id, bad_request("Executor cannot be found"));
        };
        let registering = executor.phase == ExecutorPhase::Registering;
        if registering && !matches!(body, Body::Subscribe(_)) {
            let text = "Executor is not subscribed".into();
            return turn.answer(call_id, Answer::Forbidden(text));
        }
        match body {
            Body::Subscribe(subscribe) => {
                turn.answer(call_id, Answer::Stream);
                self.subscribe(call_id, &framework_id, &executor_id, subscribe, turn);
            }
            Body::Update(status, uuid) => {
                turn.answer(call_id, Answer::Accepted);
                self.executor_update(&framework_id, &executor_id, *status, uuid, turn);
            }
            Body::Message(message) => {
                turn.answer(call_id, Answer::Accepted);
                self.executor_to_framework(&framework_id, &executor_id, message, turn);
            }
            Body::Heartbeat => turn.answer(call_id, Answer::Accepted),
            Body::Unknown => turn.answer(call_id, Answer::NotImplemented),
        }
    }

    fn subscribe(
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
            self.unacknowledged_update(framework_id, executor_id, update.status, turn);
        }
        self.drop_undelivered(
            framework_id,
            executor_id,
            &subscribe.unacknowledged_tasks,
            turn,
        );

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

    /// An update that the executor sent before, and heard nothing of.
    fn unacknowledged_update(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        status: v1::TaskStatus,
        turn: &mut Turn<'_, '_>,
    ) {
        match status.uuid.as_deref().map(parse_uuid) {
            Some(Ok(uuid)) => {
                self.executor_update(framework_id, executor_id, status, uuid, turn);
            }
            Some(Err(_)) | None => {
                tracing::warn!(executor = %executor_id, "Ignoring an update without a valid uuid");
                self.state.counters.invalid_status_updates += 1;
            }
        }
    }

    /// Tasks that were sent to an executor which does not know them got lost on the way.
    fn drop_undelivered(
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

    /// An executor's own message for its framework.
    fn executor_to_framework(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        message: call::Message,
        turn: &mut Turn<'_, '_>,
    ) {
        let to = self
            .framework(framework_id)
            .and_then(|framework| self.address_of(framework));
        let Some(to) = to else {
            self.state.counters.invalid_framework_messages += 1;
            return;
        };
        let message = internal::ExecutorToFrameworkMessage {
            slave_id: self.agent_id(),
            framework_id: framework_id.to_proto(),
            executor_id: executor_id.to_proto(),
            data: message.data,
        };
        turn.send(&to, Outgoing::ExecutorToFramework(message));
        self.state.counters.valid_framework_messages += 1;
    }

    /// Where a framework's messages go: to its driver, or through the master (M54).
    fn address_of(&self, framework: &Framework) -> Option<Pid> {
        if self.state.phase != Phase::Running || framework.phase == FrameworkPhase::Terminating {
            return None;
        }
        let master = self.state.master.as_ref().map(|master| master.pid.clone());
        framework.pid.clone().or(master)
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

/// What is wrong with a call, in upstream's words.
fn validate(call: Call) -> Result<Body, String> {
    let missing = |field: &str| format!("Expecting '{field}' to be present");
    let Some(kind) = call.r#type else {
        return Err(missing("type"));
    };
    match call::Type::try_from(kind) {
        Ok(call::Type::Subscribe) => call
            .subscribe
            .map(Body::Subscribe)
            .ok_or_else(|| missing("subscribe")),
        Ok(call::Type::Update) => {
            let update = call.update.ok_or_else(|| missing("update"))?;
            let uuid = validate_update(&update.status, &call.executor_id, &call.framework_id)?;
            Ok(Body::Update(Box::new(update.status), uuid))
        }
        Ok(call::Type::Message) => call
            .message
            .map(Body::Message)
            .ok_or_else(|| missing("message")),
        Ok(call::Type::Heartbeat) => Ok(Body::Heartbeat),
        Ok(call::Type::Unknown) | Err(_) => Ok(Body::Unknown),
    }
}

fn validate_update(
    status: &v1::TaskStatus,
    executor_id: &v1::ExecutorId,
    framework_id: &v1::FrameworkId,
) -> Result<Uuid, String> {
    let uuid = status
        .uuid
        .as_deref()
        .ok_or("Expecting 'uuid' to be present")?;
    let uuid = parse_uuid(uuid)?;
    if let Some(named) = status
        .executor_id
        .as_ref()
        .filter(|named| *named != executor_id)
    {
        return Err(format!(
            "ExecutorID in Call: {} does not match ExecutorID in TaskStatus: {}",
            executor_id.value, named.value
        ));
    }
    if status.source() != v1::task_status::Source::Executor {
        return Err(format!(
            "Received Call from executor {} of framework {} with invalid source, expecting \
             'SOURCE_EXECUTOR'",
            executor_id.value, framework_id.value
        ));
    }
    if status.state() == v1::TaskState::TaskStaging {
        return Err(format!(
            "Received TASK_STAGING from executor {} of framework {} which is not allowed",
            executor_id.value, framework_id.value
        ));
    }
    Ok(uuid)
}

/// Uuids of updates must say which of the versions of RFC 4122 they are; other 16 bytes
/// are refused.
fn parse_uuid(bytes: &[u8]) -> Result<Uuid, String> {
    model::uuid::parse(bytes)
        .map(Uuid::from_bytes)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use v1::executor::event::Type as EventType;

    use super::*;
    use crate::testing::{World, command_task, executor_task, framework_id, update_call, uuid};

    fn of_type(kind: call::Type) -> Call {
        Call {
            r#type: Some(kind as i32),
            ..Default::default()
        }
    }

    /// The text of the only answer, a 400.
    fn refusal(world: &World) -> String {
        let answers = world.answers();
        match &answers[..] {
            [Answer::BadRequest(text)] => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn refusal_of(call: Call) -> String {
        let mut world = World::registered();
        world.running_command_task("t");
        world.take();
        world.call("t", call);
        refusal(&world)
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
        world.call(
            "e",
            Call {
                subscribe: Some(subscribe),
                ..of_type(call::Type::Subscribe)
            },
        );
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
        world.call(
            "t",
            Call {
                subscribe: Some(subscribe),
                ..of_type(call::Type::Subscribe)
            },
        );
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
    fn calls_without_a_body_are_refused() {
        let expecting = |field: &str| {
            format!("Failed to validate Executor::Call: Expecting '{field}' to be present")
        };
        assert_eq!(refusal_of(Call::default()), expecting("type"));
        assert_eq!(
            refusal_of(of_type(call::Type::Subscribe)),
            expecting("subscribe")
        );
        assert_eq!(refusal_of(of_type(call::Type::Update)), expecting("update"));
        assert_eq!(
            refusal_of(of_type(call::Type::Message)),
            expecting("message")
        );
    }

    #[test]
    fn bad_updates_are_refused() {
        let world = World::registered();
        let good = world.status("t", v1::TaskState::TaskRunning, uuid(1));
        let reason = |change: &dyn Fn(&mut v1::TaskStatus)| {
            let mut status = good.clone();
            change(&mut status);
            let text = refusal_of(update_call(status));
            text.strip_prefix("Failed to validate Executor::Call: ")
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            reason(&|status| status.uuid = None),
            "Expecting 'uuid' to be present"
        );
        assert_eq!(
            reason(&|status| status.uuid = Some(vec![0xff; 16].into())),
            "Not a valid UUID"
        );
        assert_eq!(
            reason(&|status| status.uuid = Some(vec![0x44; 3].into())),
            "Not a valid UUID"
        );
        assert_eq!(
            reason(&|status| {
                status.executor_id = Some(v1::ExecutorId {
                    value: "other".into(),
                });
            }),
            "ExecutorID in Call: t does not match ExecutorID in TaskStatus: other"
        );
        assert_eq!(
            reason(&|status| status.source = None),
            "Received Call from executor t of framework m-0001 with invalid source, expecting \
             'SOURCE_EXECUTOR'"
        );
        assert_eq!(
            reason(&|status| status.state = v1::TaskState::TaskStaging as i32),
            "Received TASK_STAGING from executor t of framework m-0001 which is not allowed"
        );
    }

    #[test]
    fn strangers_are_refused() {
        let mut world = World::registered();
        let subscribe = Call {
            subscribe: Some(call::Subscribe::default()),
            ..of_type(call::Type::Subscribe)
        };
        world.call("t", subscribe.clone());
        assert_eq!(refusal(&world), "Framework cannot be found");
        world.run(command_task("t", "true"));
        world.take();
        world.call("other", subscribe);
        assert_eq!(refusal(&world), "Executor cannot be found");
        world.take();
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        let text = "Executor is not subscribed".to_owned();
        assert_eq!(world.answers(), [Answer::Forbidden(text)]);
        world.take();
        world.call("t", of_type(call::Type::Heartbeat));
        assert_eq!(world.answers(), [Answer::Accepted]);
    }

    #[test]
    fn messages_go_to_the_driver_or_through_the_master() {
        let mut world = World::registered();
        world.running_command_task("t");
        let message = Call {
            message: Some(call::Message {
                data: b"hi".to_vec().into(),
            }),
            ..of_type(call::Type::Message)
        };
        world.take();
        world.call("t", message.clone());
        let to = |world: &World| {
            world.effects.iter().find_map(|effect| match effect {
                Effect::Send { to, .. } => Some(to.to_string()),
                _ => None,
            })
        };
        assert_eq!(to(&world).unwrap(), "master@127.0.0.1:5050");
        let driver = "scheduler-1@127.0.0.1:7000";
        world.message(crate::Message::UpdateFramework(
            internal::UpdateFrameworkMessage {
                framework_id: framework_id().to_proto(),
                pid: Some(driver.into()),
                framework_info: None,
            },
        ));
        world.take();
        world.call("t", message.clone());
        assert_eq!(to(&world).unwrap(), driver);
        world.input(crate::Input::MasterLost);
        world.take();
        world.call("t", message);
        assert_eq!(to(&world), None);
        assert_eq!(
            world
                .agent
                .snapshot()
                .state
                .counters
                .invalid_framework_messages,
            1
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
