//! Schedulers that speak libprocess: their messages as calls, events as theirs (M1, M2).

use master_core::{DriverDetail, Input, ToFramework};
use messages::v1::scheduler::{Call, Event, call, event};
use messages::{internal, scheduler, v1};
use model::ids::FrameworkId;
use runtime::{Context, Declaration, Pid};

use crate::actor::Master;

fn call(of: call::Type, framework: Option<v1::FrameworkId>) -> Call {
    Call {
        r#type: Some(of.into()),
        framework_id: framework,
        ..Default::default()
    }
}

fn feed(
    master: &mut Master,
    from: &Pid,
    force: bool,
    call: Call,
    context: &mut Context<'_, Master>,
) {
    let from = from.clone();
    master.input(
        Input::DriverCall {
            from,
            force,
            call: Box::new(call),
        },
        context,
    );
}

/// Declares what drivers send: one message for all calls, and the older ones each for
/// its own.
pub(crate) fn declare(declaration: &mut Declaration<Master>) {
    declaration
        .on(
            "A scheduler driver's call.",
            |master, from, message: scheduler::Call, context| {
                let (call, force) = message.into_v1();
                feed(master, from, force, call, context);
            },
        )
        .on(
            "A new framework.",
            |master, from, message: internal::RegisterFrameworkMessage, context| {
                let mut subscribe = call(call::Type::Subscribe, None);
                subscribe.subscribe = Some(call::Subscribe {
                    framework_info: v1::FrameworkInfo {
                        id: None,
                        ..message.framework
                    },
                    ..Default::default()
                });
                feed(master, from, false, subscribe, context);
            },
        )
        .on(
            "A framework returns.",
            |master, from, message: internal::ReregisterFrameworkMessage, context| {
                let mut subscribe = call(call::Type::Subscribe, message.framework.id.clone());
                subscribe.subscribe = Some(call::Subscribe {
                    framework_info: message.framework,
                    ..Default::default()
                });
                feed(master, from, message.failover, subscribe, context);
            },
        )
        .on(
            "A framework ends.",
            |master, from, message: internal::UnregisterFrameworkMessage, context| {
                feed(
                    master,
                    from,
                    false,
                    call(call::Type::Teardown, Some(message.framework_id)),
                    context,
                );
            },
        )
        .on(
            "A driver aborts.",
            |master, from, message: internal::DeactivateFrameworkMessage, context| {
                let framework = FrameworkId::from(&message.framework_id);
                master.input(
                    Input::DriverDeactivate {
                        from: from.clone(),
                        framework,
                    },
                    context,
                );
            },
        )
        .on(
            "A framework launches tasks, or declines.",
            |master, from, message: internal::LaunchTasksMessage, context| {
                feed(master, from, false, launch(message), context);
            },
        )
        .on(
            "A framework lifts its filters.",
            |master, from, message: internal::ReviveOffersMessage, context| {
                let mut revive = call(call::Type::Revive, Some(message.framework_id));
                revive.revive = Some(call::Revive {
                    roles: message.roles,
                });
                feed(master, from, false, revive, context);
            },
        )
        .on(
            "A framework kills a task.",
            |master, from, message: internal::KillTaskMessage, context| {
                let mut kill = call(call::Type::Kill, Some(message.framework_id));
                kill.kill = Some(call::Kill {
                    task_id: message.task_id,
                    kill_policy: message.kill_policy,
                    agent_id: None,
                });
                feed(master, from, false, kill, context);
            },
        )
        .on(
            "A framework acknowledges a status update.",
            |master, from, message: internal::StatusUpdateAcknowledgementMessage, context| {
                let mut acknowledge = call(call::Type::Acknowledge, Some(message.framework_id));
                acknowledge.acknowledge = Some(call::Acknowledge {
                    agent_id: message.slave_id,
                    task_id: message.task_id,
                    uuid: message.uuid,
                });
                feed(master, from, false, acknowledge, context);
            },
        )
        .on(
            "A framework's message to an executor.",
            |master, from, message: internal::FrameworkToExecutorMessage, context| {
                let mut to_executor = call(call::Type::Message, Some(message.framework_id));
                to_executor.message = Some(call::Message {
                    agent_id: message.slave_id,
                    executor_id: message.executor_id,
                    data: message.data,
                });
                feed(master, from, false, to_executor, context);
            },
        )
        .on(
            "A framework asks for its tasks' states.",
            |master, from, message: internal::ReconcileTasksMessage, context| {
                let mut reconcile = call(call::Type::Reconcile, Some(message.framework_id));
                let tasks = message
                    .statuses
                    .into_iter()
                    .map(|status| call::reconcile::Task {
                        task_id: status.task_id,
                        agent_id: status.agent_id,
                    });
                reconcile.reconcile = Some(call::Reconcile {
                    tasks: tasks.collect(),
                });
                feed(master, from, false, reconcile, context);
            },
        );
}

fn launch(message: internal::LaunchTasksMessage) -> Call {
    let mut accept = call(call::Type::Accept, Some(message.framework_id));
    let operation = v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch.into()),
        launch: Some(v1::offer::operation::Launch {
            task_infos: message.tasks,
        }),
        ..Default::default()
    };
    accept.accept = Some(call::Accept {
        offer_ids: message.offer_ids,
        operations: vec![operation],
        filters: Some(message.filters),
    });
    accept
}

/// Sends an event to a driver in the messages that it takes (M2). What has no such
/// message (heartbeats) is not sent.
pub(crate) fn send(to: &Pid, message: ToFramework, context: &Context<'_, Master>) {
    let ToFramework {
        framework,
        event,
        driver,
        ..
    } = message;
    let Event {
        subscribed,
        offers,
        rescind,
        update,
        message,
        failure,
        error,
        ..
    } = event;
    match (subscribed, offers, rescind, error) {
        (Some(subscribed), ..) => send_subscribed(to, subscribed, &driver, context),
        (_, Some(event::Offers { offers }), ..) => {
            let DriverDetail::Agents(agents) = driver else {
                return;
            };
            let pids = agents.iter().map(ToString::to_string).collect();
            context.send(to, internal::ResourceOffersMessage { offers, pids });
        }
        (.., Some(event::Rescind { offer_id }), _) => {
            context.send(to, internal::RescindResourceOfferMessage { offer_id });
        }
        (.., Some(event::Error { message })) => {
            context.send(to, internal::FrameworkErrorMessage { message });
        }
        _ => {
            let Some(framework) = framework else { return };
            send_of_framework(to, &framework, (update, message, failure), &driver, context);
        }
    }
}

fn send_subscribed(
    to: &Pid,
    subscribed: event::Subscribed,
    driver: &DriverDetail,
    context: &Context<'_, Master>,
) {
    let framework_id = subscribed.framework_id;
    let Some(master_info) = subscribed.master_info else {
        return;
    };
    if *driver == DriverDetail::Reregistered {
        context.send(
            to,
            internal::FrameworkReregisteredMessage {
                framework_id,
                master_info,
            },
        );
    } else {
        context.send(
            to,
            internal::FrameworkRegisteredMessage {
                framework_id,
                master_info,
            },
        );
    }
}

type OfFramework = (
    Option<event::Update>,
    Option<event::Message>,
    Option<event::Failure>,
);

fn send_of_framework(
    to: &Pid,
    framework: &FrameworkId,
    event: OfFramework,
    driver: &DriverDetail,
    context: &Context<'_, Master>,
) {
    match event {
        (Some(event::Update { status }), ..) => {
            let agent = match driver {
                DriverDetail::Update(Some(agent)) => agent.to_string(),
                _ => String::new(),
            };
            context.send(to, update_message(framework, status, agent));
        }
        (_, Some(message), _) => {
            let message = internal::ExecutorToFrameworkMessage {
                slave_id: message.agent_id,
                framework_id: framework.to_proto(),
                executor_id: message.executor_id,
                data: message.data,
            };
            context.send(to, message);
        }
        (
            ..,
            Some(event::Failure {
                agent_id: Some(slave_id),
                executor_id,
                status,
            }),
        ) => {
            if let Some(executor_id) = executor_id {
                let message = internal::ExitedExecutorMessage {
                    slave_id,
                    framework_id: framework.to_proto(),
                    executor_id,
                    status: status.unwrap_or_default(),
                };
                context.send(to, message);
            } else {
                context.send(to, internal::LostSlaveMessage { slave_id });
            }
        }
        _ => {}
    }
}

/// `pid` is whom the driver acknowledges to; empty when nobody waits for it (M37).
fn update_message(
    framework: &FrameworkId,
    status: v1::TaskStatus,
    pid: String,
) -> internal::StatusUpdateMessage {
    internal::StatusUpdateMessage {
        update: internal::StatusUpdate {
            framework_id: framework.to_proto(),
            executor_id: status.executor_id.clone(),
            slave_id: status.agent_id.clone(),
            timestamp: status.timestamp.unwrap_or_default(),
            uuid: status.uuid.clone(),
            latest_state: Some(status.state),
            status,
        },
        pid: Some(pid),
    }
}
