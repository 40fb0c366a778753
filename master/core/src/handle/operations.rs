//! Operations on offered resources other than launching: this master has none, and says
//! so to whoever asked for an answer (V13).

use messages::v1;
use messages::v1::scheduler::call::ReconcileOperations;
use messages::v1::{OperationState, OperationStatus};
use model::ids::FrameworkId;

use crate::connection::Connection;
use crate::effect::DriverDetail;
use crate::events;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Drops an operation. A framework that gave it an id, and speaks HTTP, is told.
    pub(crate) fn drop_operation(
        &self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        operation: &v1::offer::Operation,
        why: &str,
    ) {
        let kind = operation.r#type().as_str_name();
        tracing::warn!(%framework, kind, why, "dropping an operation");
        let connection = self
            .frameworks
            .get(framework)
            .and_then(|it| it.connection());
        if let Some(id) = &operation.id
            && connection.and_then(Connection::stream).is_some()
        {
            let status = OperationStatus {
                operation_id: Some(id.clone()),
                state: OperationState::OperationError.into(),
                message: Some(why.to_owned()),
                ..OperationStatus::default()
            };
            let event = events::operation_status(status);
            self.tell(turn, framework, event, DriverDetail::None);
        }
    }

    /// ACKNOWLEDGE_OPERATION_STATUS: there is no operation that could be meant.
    pub(crate) fn acknowledge_operation(&mut self) {
        let count = self.count();
        count.messages_operation_status_update_acknowledgement += 1;
        count.invalid_operation_status_update_acknowledgements += 1;
    }

    /// RECONCILE_OPERATIONS: no operation is known.
    pub(crate) fn reconcile_operations(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        call: ReconcileOperations,
    ) {
        self.count().messages_reconcile_operations += 1;
        for asked in call.operations {
            let agent = asked.agent_id.as_ref().map(model::ids::AgentId::from);
            let agents = self.agents.view();
            let (state, message) = match &agent {
                None => (
                    OperationState::OperationUnknown,
                    "Operation is unknown and no 'agent_id' was provided",
                ),
                Some(id) if agents.recovered().contains_key(id) => (
                    OperationState::OperationRecovering,
                    "Agent is recovered but has not re-registered",
                ),
                Some(id) if agents.get(id).is_some() => {
                    (OperationState::OperationUnknown, "Operation is unknown")
                }
                Some(id) if agents.unreachable().contains_key(id) => {
                    (OperationState::OperationUnreachable, "Agent is unreachable")
                }
                Some(id) if agents.gone().contains_key(id) => (
                    OperationState::OperationGoneByOperator,
                    "Agent marked gone by operator",
                ),
                Some(_) => (
                    OperationState::OperationUnknown,
                    "Both operation and agent are unknown",
                ),
            };
            let status = OperationStatus {
                operation_id: Some(asked.operation_id),
                state: state.into(),
                message: Some(format!("Reconciliation: {message}")),
                agent_id: asked.agent_id,
                resource_provider_id: asked.resource_provider_id,
                ..OperationStatus::default()
            };
            let event = events::operation_status(status);
            self.tell(turn, framework, event, DriverDetail::None);
        }
    }
}

#[cfg(test)]
mod tests;
