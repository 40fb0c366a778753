//! The calls of a framework, typed.

use bytes::Bytes;
use messages::v1::scheduler::{Call, call};
use messages::v1::{
    AgentId, ExecutorId, Filters, KillPolicy, OfferId, TaskId, TaskInfo, TaskStatus, offer,
};
use runtime::EncodeError;
use thiserror::Error;

use super::actor::SchedulerDriver;
use crate::http_client::TooManyCalls;

/// Names a call, for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) u64);

/// A call was not made.
#[derive(Debug, Error)]
pub enum CallError {
    /// There is no master to call now.
    #[error("not subscribed with a master")]
    NotSubscribed,
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

impl SchedulerDriver {
    /// Uses offers for operations; what the operations leave is declined with `filters`.
    pub fn accept(
        &mut self,
        offer_ids: Vec<OfferId>,
        operations: Vec<offer::Operation>,
        filters: Option<Filters>,
    ) -> Called {
        let accept = Some(call::Accept {
            offer_ids,
            operations,
            filters,
        });
        self.call(Call {
            accept,
            ..of(call::Type::Accept)
        })
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
        let decline = Some(call::Decline { offer_ids, filters });
        self.call(Call {
            decline,
            ..of(call::Type::Decline)
        })
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

    /// Acknowledges an update, so that the agent sends the next one.
    ///
    /// # Errors
    ///
    /// [`CallError::NotAcknowledgeable`] for updates that come from the master itself.
    pub fn acknowledge(&mut self, status: &TaskStatus) -> Called {
        let (Some(agent_id), Some(uuid)) = (&status.agent_id, &status.uuid) else {
            return Err(CallError::NotAcknowledgeable);
        };
        let acknowledge = Some(call::Acknowledge {
            agent_id: agent_id.clone(),
            task_id: status.task_id.clone(),
            uuid: uuid.clone(),
        });
        self.call(Call {
            acknowledge,
            ..of(call::Type::Acknowledge)
        })
    }

    /// Asks for the present state of these tasks, or with none given of all.
    pub fn reconcile(&mut self, tasks: Vec<(TaskId, Option<AgentId>)>) -> Called {
        let tasks = tasks
            .into_iter()
            .map(|(task_id, agent_id)| call::reconcile::Task { task_id, agent_id })
            .collect();
        self.call(Call {
            reconcile: Some(call::Reconcile { tasks }),
            ..of(call::Type::Reconcile)
        })
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

    /// Ends the framework: its executors and tasks are ended too.
    pub fn teardown(&mut self) -> Called {
        self.call(of(call::Type::Teardown))
    }
}
