//! The operator API's messages of the sample.

use messages::table::Described;
use messages::v1::TaskState;
use messages::v1::master::{Event, Response, event, response};
use messages::{binary, json as mesos_json};
use serde::Serialize;
use serde_json::{Value, json as value};

use super::{json, sample};
use crate::snapshot::Snapshot;
use crate::views::Output;
use crate::views::operator::{self, Form};

/// What both forms say, which must be the same message.
fn read<M: Described + Serialize>(view: impl Fn(&Snapshot, Form, &mut Output)) -> M {
    let snapshot = sample().snapshot;
    let written = |form| Output::whole(|out| view(&snapshot, form, out));
    let message: M = binary::decode(&written(Form::Protobuf)).unwrap();
    let shown: M = mesos_json::from_json(&written(Form::Json)).unwrap();
    assert_eq!(print(&message), print(&shown));
    message
}

fn print<M: Serialize>(message: &M) -> String {
    String::from_utf8(mesos_json::to_json(message).unwrap()).unwrap()
}

#[test]
fn the_state_is_the_same_in_both_forms() {
    let response: Response = read(operator::get_state);
    assert_eq!(response.r#type(), response::Type::GetState);
    let state = response.get_state.unwrap();
    let tasks = state.get_tasks.unwrap();
    assert_eq!(tasks.tasks.len(), 1);
    assert_eq!(tasks.completed_tasks.len(), 2);
    assert_eq!(state.get_executors.unwrap().executors.len(), 1);
    let frameworks = state.get_frameworks.unwrap();
    assert_eq!(frameworks.frameworks.len(), 1);
    assert_eq!(frameworks.completed_frameworks.len(), 1);
    assert_eq!(frameworks.frameworks[0].offers.len(), 1);
    assert_eq!(frameworks.frameworks[0].offers[0].hostname, "host1");
    let agents = state.get_agents.unwrap().agents;
    let sample = sample();
    let agent = sample.snapshot.agents.get(&sample.agent).unwrap();
    assert_eq!(agents, [agent.to_proto()]);
    assert!(!agents[0].allocated_resources.is_empty());
}

#[test]
fn a_task_is_the_message_that_it_is() {
    let sample = sample();
    let response: Response = read(operator::get_tasks);
    let shown = response.get_tasks.unwrap().tasks.remove(0);
    let framework = sample.snapshot.frameworks.get(&sample.framework).unwrap();
    let task = framework.task(&"runs".into()).unwrap();
    assert_eq!(shown, task.to_proto());
    let text = Output::whole(|out| operator::get_tasks(&sample.snapshot, Form::Json, out));
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(&print(&shown)), "{text}");
    assert_eq!(shown.statuses.len(), 2);
    assert_eq!(shown.statuses[1].state(), TaskState::TaskRunning);
    assert_eq!(shown.statuses[1].executor_id.as_ref().unwrap().value, "e1");
    assert!(shown.discovery.is_some() && shown.container.is_some());
}

#[test]
fn statuses_of_command_tasks_name_the_agents_own_executor() {
    let response: Response = read(operator::get_tasks);
    let tasks = response.get_tasks.unwrap().completed_tasks;
    let executors = |name: &str| {
        let task = tasks.iter().find(|task| task.name == name).unwrap();
        let ids = task
            .statuses
            .iter()
            .map(|status| status.executor_id.clone());
        ids.map(|id| id.map(|id| id.value)).collect::<Vec<_>>()
    };
    assert_eq!(executors("ended"), [Some("ended".to_owned())]);
    // Its last status is the master's.
    assert_eq!(executors("other"), [Some("other".to_owned()), None]);
}

#[test]
fn lists_are_shown_even_if_they_are_empty() {
    let world = crate::testing::World::new();
    let snapshot = world.master.snapshot();
    assert_eq!(
        json(&Output::whole(|out| operator::get_state(
            &snapshot,
            Form::Json,
            out
        ))),
        value!({
            "type": "GET_STATE",
            "get_state": {
                "get_tasks": {"tasks": [], "unreachable_tasks": [], "completed_tasks": []},
                "get_executors": {"executors": []},
                "get_frameworks": {"frameworks": [], "completed_frameworks": []},
                "get_agents": {"agents": [], "recovered_agents": []},
            },
        })
    );
}

#[test]
fn a_stream_begins_with_the_state() {
    let event: Event = read(operator::subscribed);
    assert_eq!(event.r#type(), event::Type::Subscribed);
    let subscribed = event.subscribed.unwrap();
    assert_eq!(subscribed.heartbeat_interval_seconds, Some(15.0));
    assert!(subscribed.get_state.unwrap().get_tasks.is_some());
}

#[test]
fn small_answers_are_whole_messages() {
    let snapshot = sample().snapshot;
    let shown = |response: &Response| -> Value { json(print(response).as_bytes()) };
    assert_eq!(
        shown(&operator::get_weights(&snapshot)),
        value!({
            "type": "GET_WEIGHTS",
            "get_weights": {"weight_infos": [{"weight": 2.5, "role": "heavy/sub"}]},
        })
    );
    assert_eq!(
        shown(&operator::get_quota()),
        value!({"type": "GET_QUOTA", "get_quota": {"status": {}}})
    );
    assert_eq!(
        shown(&operator::get_maintenance_schedule())["get_maintenance_schedule"],
        value!({"schedule": {}})
    );
    let master = shown(&operator::get_master(&snapshot));
    assert_eq!(master["get_master"]["elected_time"], value!(2000.0));
    let roles = shown(&operator::get_roles(&snapshot));
    let any = &roles["get_roles"]["roles"][0];
    assert_eq!(any["name"], value!("*"));
    assert_eq!(any["resources"][0]["name"], value!("cpus"));
}
