use messages::v1;
use messages::v1::OperationState;
use messages::v1::scheduler::call::{ReconcileOperations, Type, reconcile_operations};

use crate::testing::*;

#[test]
fn of_operations_nothing_is_known() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4");
    let (framework, _) = world.framework();
    world.lose(1, &agent);
    let ask = |agent: Option<&model::AgentId>| reconcile_operations::Operation {
        operation_id: v1::OperationId {
            value: "op".to_owned(),
        },
        agent_id: agent.map(model::AgentId::to_proto),
        resource_provider_id: None,
    };
    let operations = vec![ask(None), ask(Some(&agent))];
    let call = v1::scheduler::Call {
        reconcile_operations: Some(ReconcileOperations { operations }),
        ..call(Type::ReconcileOperations)
    };
    let effects = world.call(&framework, call);
    let answers: Vec<_> = events(&effects)
        .filter_map(|event| event.update_operation_status.as_ref())
        .map(|it| (it.status.state(), it.status.message()))
        .collect();
    assert_eq!(
        answers,
        [
            (
                OperationState::OperationUnknown,
                "Reconciliation: Operation is unknown and no 'agent_id' was provided"
            ),
            (
                OperationState::OperationUnreachable,
                "Reconciliation: Agent is unreachable"
            ),
        ]
    );
}
