//! Executors' calls (V15, V16).

use messages::{internal, v1};
use model::ids::{ExecutorId, FrameworkId};
use model::validation::executor_call;
use runtime_core::Pid;
use v1::executor::{
    Call,
    call::{self, Type},
};

use crate::agent::Agent;
use crate::effect::{Answer, CallId, Outgoing};
use crate::state::{ExecutorPhase, Framework, FrameworkPhase, Phase};
use crate::turn::Turn;

impl Agent {
    pub(crate) fn executor_call(&mut self, call_id: CallId, call: Call, turn: &mut Turn<'_, '_>) {
        let framework_id = FrameworkId::from(&call.framework_id);
        let executor_id = ExecutorId::from(&call.executor_id);
        let kind = call.r#type();
        if let Err(refusal) = executor_call::validate(&call) {
            let text = format!("Failed to validate Executor::Call: {refusal}");
            return turn.answer(call_id, Answer::BadRequest(text));
        }
        if kind == Type::Heartbeat {
            return turn.answer(call_id, Answer::Accepted);
        }
        let bad_request = |text: &str| Answer::BadRequest(text.into());
        let Some(framework) = self.framework(&framework_id) else {
            return turn.answer(call_id, bad_request("Framework cannot be found"));
        };
        let Some(executor) = framework.executors.get(&executor_id) else {
            return turn.answer(call_id, bad_request("Executor cannot be found"));
        };
        if executor.phase == ExecutorPhase::Registering && kind != Type::Subscribe {
            let text = "Executor is not subscribed".into();
            return turn.answer(call_id, Answer::Forbidden(text));
        }
        match (kind, call.subscribe, call.update, call.message) {
            (Type::Subscribe, Some(subscribe), ..) => {
                turn.answer(call_id, Answer::Stream);
                self.subscribe(call_id, &framework_id, &executor_id, subscribe, turn);
            }
            (Type::Update, _, Some(update), _) => {
                turn.answer(call_id, Answer::Accepted);
                self.executor_update(&framework_id, &executor_id, update.status, turn);
            }
            (Type::Message, _, _, Some(message)) => {
                turn.answer(call_id, Answer::Accepted);
                self.executor_to_framework(&framework_id, &executor_id, message, turn);
            }
            _ => turn.answer(call_id, Answer::NotImplemented),
        }
    }

    /// An executor's own message for its framework.
    pub(crate) fn executor_to_framework(
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Effect;
    use crate::testing::{World, command_task, framework_id, update_call, uuid};

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
}
