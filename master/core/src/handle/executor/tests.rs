use messages::internal::ExitedExecutorMessage;
use messages::v1;
use messages::v1::scheduler::call::{Shutdown, Type};

use crate::effect::ToAgent;
use crate::input::FromAgent;
use crate::testing::*;

#[test]
fn an_executor_is_shut_down_and_its_end_is_told_once() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:2;mem:96");
    let executor = executor_info("e", "cpus:1;mem:64");
    let task = by_executor(task_info("t", &agent), executor.clone());
    world.accept(&framework, &[&offer], vec![launch(vec![task])]);
    let shutdown = Shutdown {
        executor_id: executor.executor_id.clone(),
        agent_id: agent.to_proto(),
    };
    let call = v1::scheduler::Call {
        shutdown: Some(shutdown),
        ..call(Type::Shutdown)
    };
    let effects = world.call(&framework, call);
    assert!(matches!(
        to_agents(&effects)[..],
        [ToAgent::ShutdownExecutor(message)] if message.executor_id.as_ref().unwrap().value == "e"
    ));
    let exited = ExitedExecutorMessage {
        slave_id: agent.to_proto(),
        framework_id: framework.to_proto(),
        executor_id: executor.executor_id,
        status: 9,
    };
    let effects = world.agent_says(1, FromAgent::ExitedExecutor(exited.clone()));
    assert_eq!(freed(&effects), [("cpus:1; mem:64".to_owned(), None)]);
    let failure = events(&effects)
        .find_map(|event| event.failure.as_ref())
        .unwrap();
    assert_eq!(failure.status, Some(9));
    assert_eq!(failure.agent_id, Some(agent.to_proto()));
    world.check_books();
    assert_eq!(world.agent_says(1, FromAgent::ExitedExecutor(exited)), []);
}
