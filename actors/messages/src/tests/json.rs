//! Mesos' JSON, against what the real thing prints and takes.

use crate::json::{from_json, to_json};
use crate::table::Described;
use crate::v1;
use crate::v1::scheduler::{Call, Event};
use serde::Serialize;

/// A record as Mesos 1.11.0 sent it.
const SUBSCRIBED: &str = r#"{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"fe46d010-4750-4399-b4b6-52ff4216176f-0115"},"heartbeat_interval_seconds":15.0,"master_info":{"id":"fe46d010-4750-4399-b4b6-52ff4216176f","ip":16777343,"port":15060,"pid":"master@127.0.0.1:15060","hostname":"localhost","version":"1.11.0","address":{"hostname":"localhost","ip":"127.0.0.1","port":15060},"capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{}]}}}"#;

/// Another one.
const OFFERS: &str = r#"{"type":"OFFERS","offers":{"offers":[{"id":{"value":"fe46d010-4750-4399-b4b6-52ff4216176f-O330"},"framework_id":{"value":"fe46d010-4750-4399-b4b6-52ff4216176f-0115"},"agent_id":{"value":"fe46d010-4750-4399-b4b6-52ff4216176f-S0"},"hostname":"localhost","url":{"scheme":"http","address":{"hostname":"localhost","ip":"127.0.0.1","port":15060},"path":"/slave(1)"},"resources":[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":32000}]},"role":"*"},{"name":"cpus","type":"SCALAR","scalar":{"value":7.9},"role":"*"},{"name":"mem","type":"SCALAR","scalar":{"value":8160.0},"role":"*"},{"name":"disk","type":"SCALAR","scalar":{"value":10000.0},"role":"*"}]}]}}"#;

fn print<T: Serialize>(message: &T) -> String {
    String::from_utf8(to_json(message).unwrap()).unwrap()
}

fn parse<T: Described>(text: &str) -> T {
    from_json(text.as_bytes()).unwrap()
}

#[test]
fn events_print_as_mesos_prints_them() {
    assert_eq!(print(&parse::<Event>(SUBSCRIBED)), SUBSCRIBED);
    assert_eq!(print(&parse::<Event>(OFFERS)), OFFERS);
}

#[test]
fn a_value_of_a_newer_version_is_left_out() {
    let newer = v1::master_info::Capability { r#type: Some(99) };
    assert_eq!(print(&newer), "{}");
    assert_eq!(
        parse::<v1::master_info::Capability>(r#"{"type":"FLYING"}"#).r#type,
        None
    );
}

#[test]
fn explicit_defaults_are_shown_although_unset() {
    let framework = v1::FrameworkInfo {
        user: "root".to_owned(),
        name: "f".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        print(&framework),
        r#"{"user":"root","name":"f","failover_timeout":0.0,"checkpoint":false}"#
    );
}

#[test]
fn a_default_of_a_deprecated_field_is_shown_only_when_set() {
    let mut resource = v1::Resource {
        name: "cpus".to_owned(),
        ..Default::default()
    };
    assert_eq!(print(&resource), r#"{"name":"cpus","type":"SCALAR"}"#);
    resource.role = Some("*".to_owned());
    assert_eq!(
        print(&resource),
        r#"{"name":"cpus","type":"SCALAR","role":"*"}"#
    );
}

#[test]
fn a_field_that_only_the_driver_protocol_has_is_not_in_json() {
    let agent = v1::AgentInfo {
        checkpoint: Some(true),
        ..Default::default()
    };
    assert_eq!(print(&agent), r#"{"hostname":"","port":5051}"#);
    let parsed: v1::AgentInfo = parse(r#"{"hostname":"h","checkpoint":true}"#);
    assert_eq!(parsed.checkpoint, None);
}

#[test]
fn numbers_are_numbers_and_bytes_are_base64() {
    let status = v1::TaskStatus {
        task_id: v1::TaskId {
            value: "t".to_owned(),
        },
        state: v1::TaskState::TaskRunning.into(),
        uuid: Some(bytes::Bytes::from_static(&[0, 255, 16])),
        timestamp: Some(1_479_851_400.25),
        unreachable_time: Some(v1::TimeInfo {
            nanoseconds: i64::MAX,
        }),
        ..Default::default()
    };
    let text = r#"{"task_id":{"value":"t"},"state":"TASK_RUNNING","timestamp":1479851400.25,"uuid":"AP8Q","unreachable_time":{"nanoseconds":9223372036854775807}}"#;
    assert_eq!(print(&status), text);
    assert_eq!(parse::<v1::TaskStatus>(text), status);
}

#[test]
fn maps_are_objects() {
    let text = r#"{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"a"},"limits":{"cpus":{"value":2.0},"mem":{"value":64.5}}}"#;
    let task: v1::TaskInfo = parse(text);
    assert_eq!(task.limits["mem"].value, 64.5);
    assert_eq!(print(&task), text);
}

#[test]
fn a_choice_of_one_is_written_as_its_field() {
    let text =
        r#"{"selector":{"attribute_name":"rack"},"predicate":{"text_equals":{"value":"r1"}}}"#;
    assert_eq!(
        print(&parse::<v1::scheduler::AttributeConstraint>(text)),
        text
    );
}

#[test]
fn text_is_escaped_only_where_it_must_be() {
    let label = v1::Label {
        key: "a/b\"ü\n".to_owned(),
        value: None,
    };
    assert_eq!(print(&label), r#"{"key":"a/b\"ü\n"}"#);
}

#[test]
fn unknown_keys_and_nulls_are_no_values() {
    let call: Call = parse(r#"{"type":"KILL","nope":[{"a":[1]}],"framework_id":null,"kill":null}"#);
    assert_eq!(
        call,
        Call {
            r#type: Some(6),
            ..Default::default()
        }
    );
}

#[test]
fn camel_case_keys_are_unknown() {
    assert_eq!(
        parse::<Call>(r#"{"frameworkId":{"value":"x"}}"#),
        Call::default()
    );
}

#[test]
fn one_is_a_list_of_one_and_lists_in_lists_are_one_list() {
    let decline = |ids: &str| {
        let call: Call = parse(&format!(r#"{{"decline":{{"offer_ids":{ids}}}}}"#));
        call.decline
            .unwrap()
            .offer_ids
            .into_iter()
            .map(|id| id.value)
            .collect::<Vec<_>>()
    };
    assert_eq!(decline(r#"{"value":"a"}"#), ["a"]);
    assert_eq!(
        decline(r#"[[{"value":"a"}],null,[[{"value":"b"}]]]"#),
        ["a", "b"]
    );
    let roles: Call = parse(r#"{"revive":{"roles":"web"}}"#);
    assert_eq!(roles.revive.unwrap().roles, ["web"]);
}

#[test]
fn numbers_and_booleans_may_be_strings() {
    let framework = |timeout: &str, checkpoint: &str| -> v1::FrameworkInfo {
        parse(&format!(
            r#"{{"user":"u","name":"n","failover_timeout":{timeout},"checkpoint":{checkpoint}}}"#
        ))
    };
    let info = framework(r#""2.5""#, r#""true""#);
    assert_eq!(
        (info.failover_timeout, info.checkpoint),
        (Some(2.5), Some(true))
    );
    assert_eq!(
        framework(r#""Infinity""#, "true").failover_timeout,
        Some(f64::INFINITY)
    );
    assert_eq!(
        framework(r#""-Infinity""#, "true").failover_timeout,
        Some(f64::NEG_INFINITY)
    );
    assert_eq!(framework("7", "true").failover_timeout, Some(7.0));
}

#[test]
fn whole_numbers_may_be_written_with_a_point() {
    let port = |text: &str| parse::<v1::Port>(&format!(r#"{{"number":{text}}}"#)).number;
    assert_eq!(port("4.0"), 4);
    assert_eq!(port("4.9"), 4);
    assert_eq!(port(r#""4""#), 4);
    let range: v1::value::Range = parse(r#"{"begin":18446744073709551615,"end":1e3}"#);
    assert_eq!((range.begin, range.end), (u64::MAX, 1000));
}

#[test]
fn base64_may_lack_padding_and_hold_white_space() {
    let data = |text: &str| {
        let body =
            format!(r#"{{"task_id":{{"value":"t"}},"state":"TASK_RUNNING","data":"{text}"}}"#);
        parse::<v1::TaskStatus>(&body).data.unwrap().to_vec()
    };
    assert_eq!(data("aGVsbG8="), b"hello");
    assert_eq!(data("aGVsbG8"), b"hello");
    assert_eq!(data("aGVs bG8=ignored"), b"hello");
    assert_eq!(data("aGVsbG8x2"), b"hello1");
}

#[test]
fn enums_by_themselves_are_their_names() {
    assert_eq!(print(&v1::TaskState::TaskLost), r#""TASK_LOST""#);
    let state: v1::TaskState = serde_json::from_str(r#""TASK_GONE""#).unwrap();
    assert_eq!(state, v1::TaskState::TaskGone);
    assert!(serde_json::from_str::<v1::TaskState>(r#""GONE""#).is_err());
}

#[test]
fn encoded_messages_are_written_as_the_decoded_ones() {
    let event: Event = parse(OFFERS);
    let bytes = crate::binary::encode(&event);
    assert_eq!(print(&crate::json::Encoded::<Event>::new(&bytes)), OFFERS);
    let cut_short = crate::json::Encoded::<Event>::new(&bytes[..bytes.len() - 1]);
    assert!(to_json(&cut_short).is_err());
}
