//! The events that go to executors (V15).

use messages::v1;
use model::ids::TaskId;
use uuid::Uuid;
use v1::executor::Event;
use v1::executor::event::{self, Type};

fn event(kind: Type) -> Event {
    Event {
        r#type: Some(kind as i32),
        ..Event::default()
    }
}

pub(crate) fn subscribed(subscribed: event::Subscribed) -> Event {
    Event {
        subscribed: Some(subscribed),
        ..event(Type::Subscribed)
    }
}

pub(crate) fn launch(task: v1::TaskInfo) -> Event {
    Event {
        launch: Some(event::Launch { task }),
        ..event(Type::Launch)
    }
}

pub(crate) fn launch_group(task_group: v1::TaskGroupInfo) -> Event {
    Event {
        launch_group: Some(event::LaunchGroup { task_group }),
        ..event(Type::LaunchGroup)
    }
}

pub(crate) fn kill(task_id: &TaskId, kill_policy: Option<v1::KillPolicy>) -> Event {
    let kill = event::Kill {
        task_id: task_id.to_proto(),
        kill_policy,
    };
    Event {
        kill: Some(kill),
        ..event(Type::Kill)
    }
}

pub(crate) fn acknowledged(task_id: &TaskId, uuid: Uuid) -> Event {
    let acknowledged = event::Acknowledged {
        task_id: task_id.to_proto(),
        uuid: uuid.as_bytes().to_vec().into(),
    };
    Event {
        acknowledged: Some(acknowledged),
        ..event(Type::Acknowledged)
    }
}

pub(crate) fn message(message: event::Message) -> Event {
    Event {
        message: Some(message),
        ..event(Type::Message)
    }
}

pub(crate) fn shutdown() -> Event {
    event(Type::Shutdown)
}

pub(crate) fn heartbeat() -> Event {
    event(Type::Heartbeat)
}
