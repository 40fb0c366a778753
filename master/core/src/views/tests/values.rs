//! What the views of V0 say of the sample.

use serde_json::{Value, json as value};

use super::{about, json, sample};
use crate::views::{self, Order, Output, TaskQuery};

#[test]
fn a_task_shows_its_parts_as_mesos_names_them() {
    let sample = sample();
    let query = TaskQuery {
        task: Some("runs"),
        ..TaskQuery::default()
    };
    let answer = json(&Output::whole(|out| {
        views::tasks(&sample.snapshot, query, out)
    }));
    let network = value!({
        "labels": [{"key": "k", "value": "v"}],
        "ip_addresses": [{"protocol": "IPv4", "ip_address": "10.0.0.1"}],
    });
    let container = value!({"container_id": {"value": "c1"}, "network_infos": [network]});
    let status = |state: &str, timestamp: f64| {
        value!({
            "state": state,
            "timestamp": timestamp,
            "container_status": container,
            "healthy": true,
        })
    };
    assert_eq!(
        answer["tasks"],
        value!([{
            "id": "runs",
            "name": "a \"name\"",
            "framework_id": sample.framework.as_str(),
            "executor_id": "e1",
            "slave_id": sample.agent.as_str(),
            "state": "TASK_RUNNING",
            "resources": {
                "cpus": 1.0, "gpus": 0.0, "mem": 32.0, "disk": 0.0, "ports": "[31000-31001]",
            },
            "limits": {"cpus": 2.0},
            "role": "*",
            "statuses": [status("TASK_STARTING", 3001.0), status("TASK_RUNNING", 3002.0)],
            "labels": [{"key": "k", "value": "v"}],
            "discovery": {
                "visibility": "CLUSTER",
                "name": "found",
                "ports": {"ports": [{"number": 80, "name": "http"}]},
            },
            "container": {
                "type": "MESOS",
                "network_infos": [
                    {"port_mappings": [{"host_port": 31000, "container_port": 80}]}
                ],
            },
        }])
    );
}

#[test]
fn an_executor_shows_its_command() {
    let sample = sample();
    let answer = json(&Output::whole(|out| {
        views::frameworks(&sample.snapshot, Some(sample.framework.as_str()), out)
    }));
    assert_eq!(
        answer["frameworks"][0]["executors"],
        value!([{
            "executor_id": "e1",
            "name": "runner",
            "framework_id": sample.framework.as_str(),
            "command": {
                "shell": false,
                "value": "run",
                "argv": ["run", "fast"],
                "uris": [{"value": "http://x/y", "executable": false}],
            },
            "resources": {"cpus": 0.1, "gpus": 0.0, "mem": 32.0, "disk": 0.0},
            "role": "*",
            "slave_id": sample.agent.as_str(),
        }])
    );
    let offers = answer["frameworks"][0]["offers"].as_array().unwrap();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0]["allocation_info"], value!({"role": "*"}));
    assert_eq!(offers[0]["resources"]["cpus"], value!(1.0));
}

#[test]
fn tasks_are_sorted_by_time_and_cut() {
    let sample = sample();
    let ids = |query: TaskQuery<'_>| {
        let answer = json(&Output::whole(|out| {
            views::tasks(&sample.snapshot, query, out)
        }));
        let tasks = answer["tasks"].as_array().unwrap();
        tasks
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = TaskQuery::default();
    let ascending = TaskQuery {
        order: Order::Ascending,
        ..all
    };
    assert_eq!(ids(all), ["other", "ended", "runs"]);
    assert_eq!(ids(ascending), ["runs", "ended", "other"]);
    assert_eq!(
        ids(TaskQuery {
            limit: Some(1),
            offset: 1,
            ..all
        }),
        ["ended"]
    );
    assert!(ids(TaskQuery { offset: 3, ..all }).is_empty());
    assert_eq!(
        ids(TaskQuery {
            framework: Some(sample.completed.as_str()),
            ..all
        }),
        ["other"]
    );
    assert!(
        ids(TaskQuery {
            task: Some("none"),
            ..all
        })
        .is_empty()
    );
}

#[test]
fn agents_and_frameworks_are_found_by_id() {
    let sample = sample();
    let agents = |id| {
        json(&Output::whole(|out| {
            views::agents(&sample.snapshot, Some(id), out)
        }))["slaves"]
            .clone()
    };
    assert_eq!(agents("none"), value!([]));
    let agent = agents(sample.agent.as_str())[0].clone();
    assert_eq!(agent["attributes"], value!({"rack": "r1", "n": 5.0}));
    assert_eq!(
        agent["reserved_resources"]["web/front"]["cpus"],
        value!(1.5)
    );
    let reserved = &agent["reserved_resources_full"]["web/front"][0];
    assert_eq!(reserved["role"], value!("web/front"));
    assert_eq!(agent["used_resources_full"][0]["role"], value!("*"));

    let id = Some(sample.completed.as_str());
    let answer = json(&Output::whole(|out| {
        views::frameworks(&sample.snapshot, id, out)
    }));
    assert_eq!(answer["frameworks"], value!([]));
    let completed = answer["completed_frameworks"].as_array().unwrap();
    assert_eq!(completed.len(), 1);
    assert!(completed[0]["unregistered_time"].as_f64().unwrap() > 0.0);
    assert_eq!(
        completed[0]["completed_tasks"][0]["state"],
        value!("TASK_KILLED")
    );
}

#[test]
fn the_summary_counts_tasks_by_state() {
    let sample = sample();
    let answer = json(&Output::whole(|out| {
        views::state_summary(&sample.snapshot, &about(), out)
    }));
    assert_eq!(answer["cluster"], value!("test"));
    for counted in [&answer["slaves"][0], &answer["frameworks"][0]] {
        assert_eq!(counted["TASK_RUNNING"], value!(1));
        assert_eq!(counted["TASK_FINISHED"], value!(1));
        assert_eq!(counted["TASK_KILLED"], value!(0));
    }
    assert_eq!(
        answer["slaves"][0]["framework_ids"],
        value!([sample.framework.as_str()])
    );
    assert_eq!(
        answer["frameworks"][0]["slave_ids"],
        value!([sample.agent.as_str()])
    );
}

#[test]
fn roles_add_up_what_is_below_them() {
    let answer = json(&Output::whole(|out| views::roles(&sample().snapshot, out)));
    let roles = answer["roles"].as_array().unwrap();
    let role = |name: &str| -> &Value {
        roles
            .iter()
            .find(|role| role["name"] == name)
            .unwrap_or(&Value::Null)
    };
    let names: Vec<_> = roles
        .iter()
        .filter_map(|role| role["name"].as_str())
        .collect();
    assert_eq!(names, ["*", "heavy", "heavy/sub", "web", "web/front"]);
    assert_eq!(role("heavy/sub")["weight"], value!(2.5));
    assert_eq!(role("heavy")["weight"], value!(1.0));
    for name in ["web", "web/front"] {
        assert_eq!(role(name)["reserved"], value!({"cpus": 1.5}));
        assert_eq!(role(name)["quota"]["consumed"], value!({"cpus": 1.5}));
    }
    assert_eq!(
        role("*")["allocated"],
        value!({"cpus": 1.1, "mem": 64.0, "ports": 2.0})
    );
    assert_eq!(role("*")["offered"], value!({"cpus": 1.0, "mem": 32.0}));
    assert_eq!(
        role("*")["resources"],
        value!({"cpus": 2.1, "mem": 96.0, "ports": 2.0})
    );
    assert_eq!(role("*")["frameworks"].as_array().unwrap().len(), 1);
}

#[test]
fn the_state_says_who_this_master_is() {
    let answer = json(&Output::whole(|out| {
        views::state(&sample().snapshot, &about(), out)
    }));
    assert_eq!(answer["version"], value!("1.12.0"));
    assert_eq!(answer["cluster"], value!("test"));
    assert_eq!(answer["log_dir"], value!("/log"));
    assert_eq!(answer["flags"], value!({"log_dir": "/log"}));
    assert_eq!(answer["activated_slaves"], value!(1.0));
    assert_eq!(answer["elected_time"], value!(2000.0));
    assert_eq!(answer["leader_info"]["id"], answer["id"]);
    assert_eq!(answer["git_branch"], Value::Null);
}
