//! The events that frameworks get (V12).

use std::sync::Arc;

use messages::v1;
use messages::v1::scheduler::{Event, event};
use model::ids::{AgentId, ExecutorId, FrameworkId, OfferId};
use prost::bytes::Bytes;

use crate::limits::HEARTBEAT_INTERVAL;

fn empty(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}

pub(crate) fn subscribed(framework: &FrameworkId, master: &Arc<v1::MasterInfo>) -> Event {
    Event {
        subscribed: Some(event::Subscribed {
            framework_id: framework.to_proto(),
            heartbeat_interval_seconds: Some(HEARTBEAT_INTERVAL.as_secs_f64()),
            master_info: Some((**master).clone()),
        }),
        ..empty(event::Type::Subscribed)
    }
}

pub(crate) fn heartbeat() -> Event {
    empty(event::Type::Heartbeat)
}

pub(crate) fn error(message: impl Into<String>) -> Event {
    let error = event::Error {
        message: message.into(),
    };
    Event {
        error: Some(error),
        ..empty(event::Type::Error)
    }
}

pub(crate) fn offers(offers: Vec<v1::Offer>) -> Event {
    Event {
        offers: Some(event::Offers { offers }),
        ..empty(event::Type::Offers)
    }
}

pub(crate) fn rescind(offer: &OfferId) -> Event {
    let rescind = event::Rescind {
        offer_id: offer.to_proto(),
    };
    Event {
        rescind: Some(rescind),
        ..empty(event::Type::Rescind)
    }
}

pub(crate) fn update(status: v1::TaskStatus) -> Event {
    Event {
        update: Some(event::Update { status }),
        ..empty(event::Type::Update)
    }
}

pub(crate) fn message(agent: v1::AgentId, executor: v1::ExecutorId, data: Bytes) -> Event {
    let message = event::Message {
        agent_id: agent,
        executor_id: executor,
        data,
    };
    Event {
        message: Some(message),
        ..empty(event::Type::Message)
    }
}

/// An executor ended with this wait status.
pub(crate) fn executor_failure(agent: &AgentId, executor: &ExecutorId, status: i32) -> Event {
    let failure = event::Failure {
        agent_id: Some(agent.to_proto()),
        executor_id: Some(executor.to_proto()),
        status: Some(status),
    };
    Event {
        failure: Some(failure),
        ..empty(event::Type::Failure)
    }
}

/// An agent was removed.
pub(crate) fn agent_failure(agent: &AgentId) -> Event {
    let failure = event::Failure {
        agent_id: Some(agent.to_proto()),
        ..Default::default()
    };
    Event {
        failure: Some(failure),
        ..empty(event::Type::Failure)
    }
}

pub(crate) fn operation_status(status: v1::OperationStatus) -> Event {
    Event {
        update_operation_status: Some(event::UpdateOperationStatus { status }),
        ..empty(event::Type::UpdateOperationStatus)
    }
}
