//! The master's state as messages of the v1 operator API (V18, V21, V22).

mod agent;
mod message;
mod task;

use messages::v1;
use messages::v1::master::response::{GetMaintenanceSchedule, GetMaintenanceStatus};
use messages::v1::master::response::{
    GetMaster, GetOperations, GetQuota, GetRoles, GetWeights, get_executors, get_frameworks,
};
use messages::v1::master::{Response, event, response};
use model::ids::FrameworkId;

pub use message::Form;

use self::message::{Field, Growing, encoded, write};
use self::task::Tasks;
use super::output::Output;
use super::roles;
use super::tasks::frameworks;
use crate::frameworks::Framework;
use crate::handle::url_of;
use crate::limits::HEARTBEAT_INTERVAL;
use crate::offers::Offer;
use crate::snapshot::Snapshot;

/// The answer to GET_STATE.
pub fn get_state(snapshot: &Snapshot, form: Form, out: &mut Output) {
    answer(form, out, response::Type::GetState, |response| {
        put_state(snapshot, ("get_state", 9), response);
    });
}

/// The answer to GET_TASKS.
pub fn get_tasks(snapshot: &Snapshot, form: Form, out: &mut Output) {
    answer(form, out, response::Type::GetTasks, |response| {
        Tasks::of(snapshot, form).put(("get_tasks", 13), response);
    });
}

/// The answer to GET_AGENTS.
pub fn get_agents(snapshot: &Snapshot, form: Form, out: &mut Output) {
    answer(form, out, response::Type::GetAgents, |response| {
        response.message(("get_agents", 10), |agents| put_agents(snapshot, agents));
    });
}

/// The answer to GET_FRAMEWORKS.
pub fn get_frameworks(snapshot: &Snapshot, form: Form, out: &mut Output) {
    answer(form, out, response::Type::GetFrameworks, |response| {
        response.message(("get_frameworks", 11), |it| put_frameworks(snapshot, it));
    });
}

/// The answer to GET_EXECUTORS.
pub fn get_executors(snapshot: &Snapshot, form: Form, out: &mut Output) {
    answer(form, out, response::Type::GetExecutors, |response| {
        response.message(("get_executors", 12), |it| put_executors(snapshot, it));
    });
}

/// The event SUBSCRIBED, which begins an operator's event stream with the whole state.
pub fn subscribed(snapshot: &Snapshot, form: Form, out: &mut Output) {
    let kind = event::Type::Subscribed;
    write(form, out, |event| {
        event.value(("type", 1), kind, kind.as_str_name());
        event.message(("subscribed", 2), |subscribed| {
            put_state(snapshot, ("get_state", 1), subscribed);
            let interval = HEARTBEAT_INTERVAL.as_secs_f64();
            subscribed.double(("heartbeat_interval_seconds", 2), interval);
        });
    });
}

/// The answer to GET_MASTER.
pub fn get_master(snapshot: &Snapshot) -> Response {
    let get_master = GetMaster {
        master_info: Some((*snapshot.info).clone()),
        start_time: Some(snapshot.started.seconds()),
        elected_time: snapshot.elected.map(|time| time.seconds()),
    };
    Response {
        get_master: Some(get_master),
        ..empty(response::Type::GetMaster)
    }
}

/// The answer to GET_ROLES.
pub fn get_roles(snapshot: &Snapshot) -> Response {
    let get_roles = GetRoles {
        roles: roles::messages(snapshot).collect(),
    };
    Response {
        get_roles: Some(get_roles),
        ..empty(response::Type::GetRoles)
    }
}

/// The answer to GET_WEIGHTS.
pub fn get_weights(snapshot: &Snapshot) -> Response {
    let weight_infos: Vec<_> = snapshot
        .weights
        .iter()
        .map(|(role, weight)| v1::WeightInfo {
            weight: *weight,
            role: Some(role.to_string()),
        })
        .collect();
    Response {
        // Upstream leaves an empty list out with all around it.
        get_weights: (!weight_infos.is_empty()).then_some(GetWeights { weight_infos }),
        ..empty(response::Type::GetWeights)
    }
}

/// The answer to GET_QUOTA: no role has a quota.
pub fn get_quota() -> Response {
    let get_quota = GetQuota::default();
    Response {
        get_quota: Some(get_quota),
        ..empty(response::Type::GetQuota)
    }
}

/// The answer to GET_OPERATIONS: no operation is on its way.
pub fn get_operations() -> Response {
    let get_operations = GetOperations::default();
    Response {
        get_operations: Some(get_operations),
        ..empty(response::Type::GetOperations)
    }
}

/// The answer to GET_MAINTENANCE_STATUS: all machines are up.
pub fn get_maintenance_status() -> Response {
    let status = GetMaintenanceStatus::default();
    let kind = response::Type::GetMaintenanceStatus;
    Response {
        get_maintenance_status: Some(status),
        ..empty(kind)
    }
}

/// The answer to GET_MAINTENANCE_SCHEDULE: nothing is planned.
pub fn get_maintenance_schedule() -> Response {
    let schedule = GetMaintenanceSchedule::default();
    let kind = response::Type::GetMaintenanceSchedule;
    Response {
        get_maintenance_schedule: Some(schedule),
        ..empty(kind)
    }
}

fn empty(kind: response::Type) -> Response {
    Response {
        r#type: Some(kind.into()),
        ..Response::default()
    }
}

fn answer(
    form: Form,
    out: &mut Output,
    kind: response::Type,
    fields: impl FnOnce(&mut Growing<'_>),
) {
    write(form, out, |response| {
        response.value(("type", 1), kind, kind.as_str_name());
        fields(response);
    });
}

/// The tasks in a `GetState`.
const GET_TASKS: Field = ("get_tasks", 1);

/// Adds a `GetState`. What is not tasks is little: in protobuf it is written first, since its
/// length stands before all.
fn put_state(snapshot: &Snapshot, field: Field, out: &mut Growing<'_>) {
    let put_others = |state: &mut Growing<'_>| {
        state.message(("get_executors", 2), |it| put_executors(snapshot, it));
        state.message(("get_frameworks", 3), |it| put_frameworks(snapshot, it));
        state.message(("get_agents", 4), |it| put_agents(snapshot, it));
    };
    let form = out.form();
    let tasks = Tasks::of(snapshot, form);
    let others = match form {
        Form::Json => Vec::new(),
        Form::Protobuf => encoded(put_others),
    };
    let length = tasks.size(GET_TASKS.1) + others.len();
    out.message_of(field, length, |state| {
        tasks.put(GET_TASKS, state);
        match form {
            Form::Json => put_others(state),
            Form::Protobuf => state.raw(&others),
        }
    });
}

fn put_executors(snapshot: &Snapshot, executors: &mut Growing<'_>) {
    let all = frameworks(snapshot).flat_map(|framework| framework.executors().values());
    let shown = all.map(|executor| get_executors::Executor {
        executor_info: executor.info().clone(),
        agent_id: executor.agent().to_proto(),
    });
    executors.messages(("executors", 1), shown);
}

fn put_frameworks(snapshot: &Snapshot, frameworks: &mut Growing<'_>) {
    let registered = snapshot.frameworks.registered().values();
    let registered = registered.map(|it| framework(snapshot, it));
    frameworks.messages(("frameworks", 1), registered);
    let completed = snapshot.frameworks.completed().values();
    let completed = completed.map(|it| framework(snapshot, it));
    frameworks.messages(("completed_frameworks", 2), completed);
}

fn framework(snapshot: &Snapshot, framework: &Framework) -> get_frameworks::Framework {
    let offers = framework
        .offers()
        .iter()
        .filter_map(|id| snapshot.offers.get(id.as_str()));
    get_frameworks::Framework {
        offers: offers
            .filter_map(|it| offer(snapshot, it, framework.id()))
            .collect(),
        allocated_resources: snapshot.used_by(framework).to_proto_endpoint(),
        offered_resources: snapshot.offered_to(framework).to_proto_endpoint(),
        ..framework.to_proto()
    }
}

fn offer(snapshot: &Snapshot, offer: &Offer, framework: &FrameworkId) -> Option<v1::Offer> {
    let agent = snapshot.agents.get(offer.agent())?;
    Some(v1::Offer {
        id: offer.id().to_proto(),
        framework_id: framework.to_proto(),
        agent_id: offer.agent().to_proto(),
        hostname: agent.hostname().to_owned(),
        url: Some(url_of(agent)),
        domain: agent.info().domain().cloned(),
        resources: offer.resources().to_proto(),
        attributes: agent.info().attributes().to_vec(),
        executor_ids: agent
            .executors_of(framework)
            .map(|id| id.to_proto())
            .collect(),
        unavailability: None,
        allocation_info: Some(v1::resource::AllocationInfo {
            role: Some(offer.role().to_string()),
        }),
    })
}

fn put_agents(snapshot: &Snapshot, agents: &mut Growing<'_>) {
    let mut encoder = agent::Encoder::default();
    let registered = snapshot.agents.registered().values();
    agents.list(("agents", 1), registered, |agent, form, out| {
        encoder.append(agent, form, out);
    });
    let recovered = snapshot
        .agents
        .recovered()
        .iter()
        .map(|(id, info)| v1::AgentInfo {
            id: Some(id.to_proto()),
            ..(**info).clone()
        });
    agents.messages(("recovered_agents", 2), recovered);
}
