//! The calls of a framework, typed.

use bytes::Bytes;
use messages::v1::scheduler::{Call, call};
use messages::v1::{
    AgentId, ExecutorId, Filters, FrameworkInfo, KillPolicy, OfferId, TaskId, TaskInfo, TaskStatus,
    offer,
};
use runtime::{EncodeError, Message};
use thiserror::Error;

use super::driver::{By, SchedulerDriver};
use crate::http_client::TooManyCalls;
use crate::payload::Payload;

/// Names a call, for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

impl CallId {
    pub(super) fn new(number: u64, by: By) -> Self {
        Self((number << 1) | u64::from(by == By::Driver))
    }

    /// The number that goes with the call and comes back with its answer.
    pub(super) fn tag(self) -> u64 {
        self.0
    }

    pub(super) fn of(tag: u64) -> (Self, By) {
        let by = match tag & 1 {
            0 => By::Framework,
            _ => By::Driver,
        };
        (Self(tag), by)
    }
}

/// A call was not made.
#[derive(Debug, Error)]
pub enum CallError {
    /// There is no master to call now.
    #[error("not subscribed with a master")]
    NotSubscribed,
    /// An offer was used already, was rescinded, or is of a former connection.
    #[error("offer '{0}' is not held any more: it was used or rescinded")]
    NoOffer(String),
    /// The master answers too slowly.
    #[error(transparent)]
    TooMany(#[from] TooManyCalls),
    /// The call has no written form.
    #[error("the call cannot be written: {0}")]
    Unwritable(#[from] EncodeError),
    /// The update is one that nobody waits to be acknowledged: it has no uuid, or does
    /// not say which agent sent it.
    #[error("the status update is not one to acknowledge")]
    NotAcknowledgeable,
}

type Called = Result<CallId, CallError>;

fn of(kind: call::Type) -> Call {
    Call {
        r#type: Some(kind.into()),
        ..Call::default()
    }
}

/// The call that acknowledges an update.
pub(super) fn acknowledgement(status: &TaskStatus) -> Result<Call, CallError> {
    let (Some(agent_id), Some(uuid)) = (&status.agent_id, &status.uuid) else {
        return Err(CallError::NotAcknowledgeable);
    };
    let acknowledge = Some(call::Acknowledge {
        agent_id: agent_id.clone(),
        task_id: status.task_id.clone(),
        uuid: uuid.clone(),
    });
    Ok(Call {
        acknowledge,
        ..of(call::Type::Acknowledge)
    })
}

impl SchedulerDriver {
    /// Makes any call; the framework's id is filled in. The methods below make the usual
    /// ones.
    ///
    /// # Errors
    ///
    /// When there is no master to call, or too many calls wait.
    pub fn call(&mut self, call: Call) -> Called {
        self.make(By::Framework, call)
    }

    /// Uses offers of one agent for operations; what the operations leave is declined with
    /// `filters`.
    ///
    /// # Errors
    ///
    /// [`CallError::NoOffer`] if one of them is void; then none is used.
    pub fn accept(
        &mut self,
        offer_ids: Vec<OfferId>,
        operations: Vec<offer::Operation>,
        filters: Option<Filters>,
    ) -> Called {
        let accept = call::Accept {
            offer_ids: offer_ids.clone(),
            operations,
            filters,
        };
        let accept = Call {
            accept: Some(accept),
            ..of(call::Type::Accept)
        };
        self.answer_offers(&offer_ids, accept)
    }

    /// Launches tasks on the agent of the offers.
    pub fn launch(
        &mut self,
        offer_ids: Vec<OfferId>,
        task_infos: Vec<TaskInfo>,
        filters: Option<Filters>,
    ) -> Called {
        let operation = offer::Operation {
            r#type: Some(offer::operation::Type::Launch.into()),
            launch: Some(offer::operation::Launch { task_infos }),
            ..offer::Operation::default()
        };
        self.accept(offer_ids, vec![operation], filters)
    }

    /// Gives offers back.
    pub fn decline(&mut self, offer_ids: Vec<OfferId>, filters: Option<Filters>) -> Called {
        let decline = Call {
            decline: Some(call::Decline {
                offer_ids: offer_ids.clone(),
                filters,
            }),
            ..of(call::Type::Decline)
        };
        self.answer_offers(&offer_ids, decline)
    }

    /// Gives all offers back that are held; nothing is called if there is none.
    ///
    /// # Errors
    ///
    /// As for every call.
    pub fn decline_held(&mut self, filters: Option<Filters>) -> Result<Option<CallId>, CallError> {
        let held = self.held.all();
        if held.is_empty() {
            return Ok(None);
        }
        self.decline(held, filters).map(Some)
    }

    /// Makes a call that uses offers up.
    fn answer_offers(&mut self, offers: &[OfferId], call: Call) -> Called {
        if let Some(offer) = self.held.missing(offers) {
            return Err(CallError::NoOffer(offer.value.clone()));
        }
        let id = self.call(call)?;
        for offer in offers {
            self.held.remove(offer);
        }
        Ok(id)
    }

    /// Asks for offers again: for these roles, or with none given for all.
    pub fn revive(&mut self, roles: Vec<String>) -> Called {
        self.call(Call {
            revive: Some(call::Revive { roles }),
            ..of(call::Type::Revive)
        })
    }

    /// Asks for no more offers: for these roles, or with none given for all.
    pub fn suppress(&mut self, roles: Vec<String>) -> Called {
        self.call(Call {
            suppress: Some(call::Suppress { roles }),
            ..of(call::Type::Suppress)
        })
    }

    /// Kills a task.
    pub fn kill(
        &mut self,
        task_id: TaskId,
        agent_id: Option<AgentId>,
        kill_policy: Option<KillPolicy>,
    ) -> Called {
        let kill = Some(call::Kill {
            task_id,
            agent_id,
            kill_policy,
        });
        self.call(Call {
            kill,
            ..of(call::Type::Kill)
        })
    }

    /// Acknowledges an update, so that the agent sends the next one: for a framework that
    /// acknowledges [explicitly](super::Acknowledgements::Explicit).
    ///
    /// # Errors
    ///
    /// [`CallError::NotAcknowledgeable`] for updates that come from the master itself.
    pub fn acknowledge(&mut self, status: &TaskStatus) -> Called {
        self.call(acknowledgement(status)?)
    }

    /// Asks for the present state of these tasks, or with none given of all. The answers
    /// are updates. After a subscription the driver does it by itself.
    pub fn reconcile(&mut self, tasks: Vec<(TaskId, Option<AgentId>)>) -> Called {
        self.reconcile_by(By::Framework, tasks)
    }

    pub(super) fn reconcile_by(&mut self, by: By, tasks: Vec<(TaskId, Option<AgentId>)>) -> Called {
        let tasks = tasks
            .into_iter()
            .map(|(task_id, agent_id)| call::reconcile::Task { task_id, agent_id })
            .collect();
        let reconcile = Call {
            reconcile: Some(call::Reconcile { tasks }),
            ..of(call::Type::Reconcile)
        };
        self.make(by, reconcile)
    }

    /// Sends a message to an executor: at most once. An executor of this kit reads it with
    /// [`Payload`].
    ///
    /// # Errors
    ///
    /// When the message has no written form, and as for every call.
    pub fn send<M: Message>(
        &mut self,
        agent_id: AgentId,
        executor_id: ExecutorId,
        message: &M,
    ) -> Called {
        self.message(agent_id, executor_id, Payload::write(message)?)
    }

    /// Sends data to an executor: at most once.
    pub fn message(&mut self, agent_id: AgentId, executor_id: ExecutorId, data: Bytes) -> Called {
        let message = Some(call::Message {
            agent_id,
            executor_id,
            data,
        });
        self.call(Call {
            message,
            ..of(call::Type::Message)
        })
    }

    /// Shuts an executor down with all its tasks.
    pub fn shutdown_executor(&mut self, executor_id: ExecutorId, agent_id: AgentId) -> Called {
        let shutdown = Some(call::Shutdown {
            executor_id,
            agent_id,
        });
        self.call(Call {
            shutdown,
            ..of(call::Type::Shutdown)
        })
    }

    /// Changes the framework's description, for this master and the next; the id stays.
    pub fn update_framework(&mut self, framework_info: FrameworkInfo) -> Called {
        let framework_info = FrameworkInfo {
            id: self.framework_info().id.clone(),
            ..framework_info
        };
        let update_framework = Some(call::UpdateFramework {
            framework_info: framework_info.clone(),
            suppressed_roles: self.suppressed_roles().to_vec(),
            offer_constraints: None,
        });
        let id = self.call(Call {
            update_framework,
            ..of(call::Type::UpdateFramework)
        })?;
        self.describe(framework_info);
        Ok(id)
    }

    /// Ends the framework: its executors and tasks are ended too. Then
    /// [`leave`](Self::leave).
    pub fn teardown(&mut self) -> Called {
        self.call(of(call::Type::Teardown))
    }
}
