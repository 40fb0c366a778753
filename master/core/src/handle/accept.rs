//! ACCEPT: a framework uses what it was offered (V13, M47–M49).

use messages::v1;
use messages::v1::TaskState;
use messages::v1::offer::Operation;
use messages::v1::offer::operation::Type;
use messages::v1::scheduler::call::Accept;
use messages::v1::task_status::Reason;
use model::ids::{AgentId, FrameworkId, OfferId};
use model::validation::offer::{self, KnownOffer, OfferError};
use model::{Resources, Role};
use thiserror::Error;

use super::decline::refusal;
use crate::allocator::messages::RecoverResources;
use crate::master::Master;
use crate::status::Verdict;
use crate::turn::Turn;

/// Why an ACCEPT is refused as a whole (M48).
#[derive(Debug, Error)]
pub(crate) enum AcceptError {
    #[error("No offers specified")]
    NoOffers,
    #[error(transparent)]
    Offer(#[from] OfferError),
}

/// The operations of one ACCEPT being carried out.
#[derive(Debug)]
pub(crate) struct Acceptance {
    pub(crate) framework: FrameworkId,
    pub(crate) agent: AgentId,
    pub(crate) role: Role,
    /// What the offers held and nothing has used yet.
    pub(crate) remaining: Resources,
}

impl Master {
    pub(crate) fn accept(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        call: Accept,
    ) {
        for operation in call
            .operations
            .iter()
            .filter(|it| it.r#type() == Type::Launch)
        {
            if operation
                .launch
                .as_ref()
                .is_some_and(|launch| !launch.task_infos.is_empty())
            {
                self.count().messages_launch_tasks += 1;
            } else {
                self.count().messages_decline_offers += 1;
            }
        }
        let offers: Vec<OfferId> = call.offer_ids.iter().map(OfferId::from).collect();
        match self.check_offers(framework, &call.offer_ids) {
            Err(error) => {
                self.refuse_accept(turn, framework, &offers, &call.operations, &error);
            }
            Ok((agent, role)) => {
                let mut remaining = Resources::default();
                for offer in offers.iter().filter_map(|id| self.remove_offer(id)) {
                    remaining += offer.resources();
                }
                if let Some(framework) = self.frameworks.get_mut(framework) {
                    framework.metrics_mut().accepted(offers.len());
                }
                let mut acceptance = Acceptance {
                    framework: framework.clone(),
                    agent,
                    role,
                    remaining,
                };
                for operation in call.operations {
                    self.operate(turn, &mut acceptance, operation);
                }
                self.return_rest(turn, acceptance, call.filters.as_ref());
            }
        }
    }

    /// The agent and role that all these offers are of.
    fn check_offers(
        &self,
        framework: &FrameworkId,
        ids: &[v1::OfferId],
    ) -> Result<(AgentId, Role), AcceptError> {
        offer::validate(ids, framework.as_str(), |id| {
            self.offers.get(id).map(|offer| KnownOffer {
                framework: offer.framework().as_str(),
                agent: offer.agent().as_str(),
                role: Some(offer.role().as_str()),
            })
        })?;
        let first = ids.first().and_then(|id| self.offers.get(&id.value));
        let first = first.ok_or(AcceptError::NoOffers)?;
        Ok((first.agent().clone(), first.role().clone()))
    }

    /// Nothing of the call is done: its tasks are lost, and those offers that are the
    /// framework's and still stand are free again.
    fn refuse_accept(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        offers: &[OfferId],
        operations: &[Operation],
        error: &AcceptError,
    ) {
        tracing::warn!(%framework, %error, "ACCEPT used invalid offers");
        for id in offers {
            if self
                .offers
                .get(id.as_str())
                .is_some_and(|offer| offer.framework() == framework)
            {
                self.discard_offer(turn, id);
            }
        }
        let aware = self
            .frameworks
            .get(framework)
            .is_some_and(|it| it.capabilities().partition_aware());
        let message = format!("Task launched with invalid offers: {error}");
        let verdict = Verdict {
            state: if aware {
                TaskState::TaskDropped
            } else {
                TaskState::TaskLost
            },
            reason: Reason::InvalidOffers,
            message: &message,
        };
        for operation in operations {
            match operation.r#type() {
                Type::Launch | Type::LaunchGroup => {
                    for task in tasks_of(operation) {
                        let ids = (&task.task_id, &task.agent_id);
                        self.refuse_task(turn, framework, ids, verdict);
                    }
                }
                _ => {
                    let why = format!("Operation attempted with invalid offers: {error}");
                    self.drop_operation(turn, framework, operation, &why);
                }
            }
        }
    }

    fn operate(
        &mut self,
        turn: &mut Turn<'_, '_>,
        acceptance: &mut Acceptance,
        operation: Operation,
    ) {
        match operation.r#type() {
            Type::Launch => self.launch(turn, acceptance, operation),
            Type::LaunchGroup => self.launch_group(turn, acceptance, operation),
            kind => {
                let why = format!("Operation {} is not supported", kind.as_str_name());
                self.drop_operation(turn, &acceptance.framework, &operation, &why);
            }
        }
    }

    /// What no operation used is declined (A12).
    fn return_rest(
        &self,
        turn: &mut Turn<'_, '_>,
        acceptance: Acceptance,
        filters: Option<&v1::Filters>,
    ) {
        if !acceptance.remaining.is_empty() {
            turn.allocator(RecoverResources {
                framework_id: acceptance.framework,
                agent_id: acceptance.agent,
                resources: acceptance.remaining,
                // A framework that goes on launching gets the rest back at once.
                refuse: Some(refusal(filters)).filter(|refuse| !refuse.is_zero()),
            });
        }
    }
}

/// The tasks that an operation launches.
pub(super) fn tasks_of(operation: &Operation) -> &[v1::TaskInfo] {
    if let Some(launch) = &operation.launch {
        &launch.task_infos
    } else if let Some(group) = &operation.launch_group {
        &group.task_group.tasks
    } else {
        &[]
    }
}

#[cfg(test)]
mod tests;
