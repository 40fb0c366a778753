//! The v1 HTTP APIs: calls that arrive, events that are answered with, and what is checked
//! of each before anything else happens.

use messages::v1;
use model::validation;

use crate::encodings::{read, seeds};

/// Calls and events of the scheduler API.
pub(crate) fn scheduler(data: &[u8]) {
    if let Some(call) = read::<v1::scheduler::Call>(data) {
        let _ = validation::scheduler_call::validate(&call, Some("principal"));
        if let Some(subscribe) = &call.subscribe {
            let _ = validation::framework::validate(&subscribe.framework_info);
        }
    }
    read::<v1::scheduler::Event>(data);
}

pub(crate) fn scheduler_seeds() -> Vec<Vec<u8>> {
    let mut all = seeds::<v1::scheduler::Call>(&[
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"f","roles":["a/b"],"failover_timeout":1.5,"capabilities":[{"type":"MULTI_ROLE"},{"type":"NEW"}]},"suppressed_roles":["a/b"]}}"#,
        r#"{"framework_id":{"value":"f-1"},"type":"ACCEPT","accept":{"offer_ids":[{"value":"o"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"a"},"command":{"value":"sleep 1"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}}],"limits":{"mem":{"value":"64"}}}]}}],"filters":{"refuse_seconds":5.0}}}"#,
        r#"{"framework_id":{"value":"f-1"},"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAAAAAAAAAAAAAAAAAAAA=="}}"#,
        r#"{"framework_id":{"value":"f-1"},"type":"KILL","kill":{"task_id":{"value":"t"},"kill_policy":{"grace_period":{"nanoseconds":5000000000}}}}"#,
        r#"{"framework_id":{"value":"f-1"},"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t"}}]}}"#,
    ]);
    all.extend(seeds::<v1::scheduler::Event>(&[
        r#"{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"f"},"heartbeat_interval_seconds":15.0}}"#,
        r#"{"type":"OFFERS","offers":{"offers":[{"id":{"value":"o"},"framework_id":{"value":"f"},"agent_id":{"value":"a"},"hostname":"h","resources":[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":9}]},"role":"*"}]}]}}"#,
    ]));
    all
}

/// Calls and events of the executor API.
pub(crate) fn executor(data: &[u8]) {
    if let Some(call) = read::<v1::executor::Call>(data) {
        let _ = validation::executor_call::validate(&call);
    }
    read::<v1::executor::Event>(data);
}

pub(crate) fn executor_seeds() -> Vec<Vec<u8>> {
    let mut all = seeds::<v1::executor::Call>(&[
        r#"{"type":"SUBSCRIBE","executor_id":{"value":"e"},"framework_id":{"value":"f"},"subscribe":{"unacknowledged_tasks":[],"unacknowledged_updates":[]}}"#,
        r#"{"type":"UPDATE","executor_id":{"value":"e"},"framework_id":{"value":"f"},"update":{"status":{"task_id":{"value":"t"},"state":"TASK_RUNNING","source":"SOURCE_EXECUTOR","uuid":"AAAAAAAAQACAAAAAAAAAAA==","timestamp":1.5}}}"#,
        r#"{"type":"MESSAGE","executor_id":{"value":"e"},"framework_id":{"value":"f"},"message":{"data":"aGVsbG8="}}"#,
    ]);
    all.extend(seeds::<v1::executor::Event>(&[
        r#"{"type":"LAUNCH","launch":{"task":{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"a"}}}}"#,
        r#"{"type":"SHUTDOWN"}"#,
    ]));
    all
}

/// Calls of the master's operator API.
pub(crate) fn master(data: &[u8]) {
    if let Some(call) = read::<v1::master::Call>(data) {
        let _ = validation::master_call::validate(&call);
    }
}

pub(crate) fn master_seeds() -> Vec<Vec<u8>> {
    seeds::<v1::master::Call>(&[
        r#"{"type":"GET_STATE"}"#,
        r#"{"type":"GET_METRICS","get_metrics":{"timeout":{"nanoseconds":1}}}"#,
        r#"{"type":"READ_FILE","read_file":{"path":"/master/log","offset":0,"length":10}}"#,
        r#"{"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"a"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1e300},"reservations":[{"type":"DYNAMIC","role":"r"}]}]}}"#,
        r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"weight":"2.5","role":"r"}]}}"#,
    ])
}

/// Calls of the agent's operator API.
pub(crate) fn agent(data: &[u8]) {
    if let Some(call) = read::<v1::agent::Call>(data) {
        let _ = validation::agent_call::validate(&call);
    }
}

pub(crate) fn agent_seeds() -> Vec<Vec<u8>> {
    seeds::<v1::agent::Call>(&[
        r#"{"type":"GET_CONTAINERS","get_containers":{"show_nested":true}}"#,
        r#"{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":60000000000}}}"#,
        r#"{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{"container_id":{"value":"c","parent":{"value":"p"}},"command":{"value":"ls"}}}"#,
    ])
}

/// A task and all that is checked of one by itself.
pub(crate) fn task(data: &[u8]) {
    let Some(task) = read::<v1::TaskInfo>(data) else {
        return;
    };
    let _ = model::ids::check(&task.task_id.value);
    let _ = task.command.as_ref().map(validation::command::validate);
    let _ = task.container.as_ref().map(validation::container::validate);
    let _ = task
        .health_check
        .as_ref()
        .map(validation::check::health_check);
    let _ = task.check.as_ref().map(validation::check::check);
    let _ = task.executor.as_ref().map(validation::executor::validate);
    if let Ok(resources) = validation::resources::validate(&task.resources) {
        crate::resources::algebra(&resources);
    }
    let _ = serde_json::to_string(&model::endpoint::V0(&task)).expect("every task is shown");
}

pub(crate) fn task_seeds() -> Vec<Vec<u8>> {
    seeds::<v1::TaskInfo>(&[
        r#"{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"a"},"command":{"value":"sleep 1","uris":[{"value":"http://h/f.tgz","extract":true}],"environment":{"variables":[{"name":"A","value":"b"}]}},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.001}},{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":5,"end":1},{"begin":0,"end":18446744073709551615}]}},{"name":"s","type":"SET","set":{"item":["a","a"]}}]}"#,
        r#"{"name":"t","task_id":{"value":"a/b"},"agent_id":{"value":"a"},"executor":{"type":"CUSTOM","executor_id":{"value":"e"},"framework_id":{"value":"f"},"command":{"shell":false,"arguments":["x"]}},"health_check":{"type":"HTTP","http":{"port":1,"path":"x"},"delay_seconds":-1.0},"container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"/a"}]}}"#,
        r#"{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"a"},"resources":[{"name":"disk","type":"SCALAR","scalar":{"value":64},"reservations":[{"type":"STATIC","role":"r"},{"type":"DYNAMIC","role":"r/s","principal":"p"}],"disk":{"persistence":{"id":"v"},"volume":{"mode":"RW","container_path":"p"}},"revocable":{},"shared":{}}]}"#,
    ])
}
