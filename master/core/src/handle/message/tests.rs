use messages::internal::ExecutorToFrameworkMessage;
use messages::v1;
use messages::v1::scheduler::call::{Message, Type};

use crate::effect::ToAgent;
use crate::input::{FromAgent, Input};
use crate::testing::*;

#[test]
fn messages_go_both_ways_while_both_ends_are_there() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (framework, stream) = world.framework();
    let message = Message {
        agent_id: agent.to_proto(),
        executor_id: v1::ExecutorId {
            value: "e".to_owned(),
        },
        data: vec![1, 2].into(),
    };
    let down = v1::scheduler::Call {
        message: Some(message.clone()),
        ..call(Type::Message)
    };
    let effects = world.call(&framework, down.clone());
    let [ToAgent::FrameworkToExecutor(sent)] = to_agents(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (sent.data.as_ref(), &sent.framework_id),
        (&[1, 2][..], &framework.to_proto())
    );
    let up = ExecutorToFrameworkMessage {
        slave_id: agent.to_proto(),
        framework_id: framework.to_proto(),
        executor_id: message.executor_id,
        data: vec![3].into(),
    };
    let effects = world.agent_says(1, FromAgent::ExecutorToFramework(up.clone()));
    let event = events(&effects)
        .find_map(|event| event.message.as_ref())
        .unwrap();
    assert_eq!(event.data.as_ref(), [3]);
    world.handle(Input::Exited(agent_pid(1)));
    assert_eq!(world.call(&framework, down), []);
    world.handle(Input::StreamClosed(stream));
    assert_eq!(world.agent_says(1, FromAgent::ExecutorToFramework(up)), []);
    let metrics = world.master.snapshot().metrics;
    assert_eq!(metrics.valid_framework_to_executor_messages, 1);
    assert_eq!(metrics.invalid_framework_to_executor_messages, 1);
    assert_eq!(metrics.valid_executor_to_framework_messages, 1);
    assert_eq!(metrics.invalid_executor_to_framework_messages, 1);
}
