//! What is said of JSON that is not right, word for word as Mesos 1.11.0 answered the
//! same bodies.

use crate::json::{JsonError, from_json, list_from_json};
use crate::v1;
use crate::v1::scheduler::Call;

fn refusal(body: &str) -> String {
    match from_json::<Call>(body.as_bytes()) {
        Ok(call) => panic!("{body} was taken as {call:?}"),
        Err(error) => error.refusal("Call"),
    }
}

#[test]
fn text_that_is_not_json_is_quoted_from_where_the_parser_stopped() {
    for (body, near) in [
        ("nope", "1 near: ope"),
        ("{nope", "1 near: nope"),
        (r#"{"type":nul}"#, "1 near: }"),
        (r#"{"type":"SUBSCRIBE""#, "1 near: "),
        ("", "1 near: "),
        ("   ", "1 near: "),
        ("{\n\"a\":\n@ x\ny}", "3 near: @ x"),
        ("\"abc", "1 near: "),
        (r#"{"a":"\q"}"#, "1 near: \"}"),
        (r#"{"a":+1}"#, "1 near: +1}"),
        (r#"{"a":1.2.3}"#, "1 near: }"),
        ("[1,2", "1 near: "),
        ("[1 2]", "1 near: 2]"),
        (r#"{"a" 1}"#, "1 near: 1}"),
        ("{\"a\":\"\u{1}\"}", "1 near: \"}"),
        (r#"{"type":"\ud800"}"#, "1 near: \"}"),
        (r#"{"a":"\u12G4"}"#, "1 near: G4\"}"),
        ("tru", "1 near: "),
        (r#"{"a":[1,2,]}"#, "1 near: ]}"),
        (r#"{"a":1,}"#, "1 near: }"),
    ] {
        let text = format!("Failed to parse body into JSON: syntax error at line {near}");
        assert_eq!(refusal(body), text, "{body}");
    }
}

#[test]
fn json_with_something_behind_it_is_refused() {
    assert_eq!(
        refusal(r#"{"type":"SUBSCRIBE"} x y"#),
        "Failed to parse body into JSON: \
         Parsed JSON included non-whitespace trailing characters:  x y"
    );
}

#[test]
fn a_number_beyond_all_bounds_is_refused() {
    assert_eq!(
        refusal(r#"{"type":1e999}"#),
        "Failed to parse body into JSON: Value out of range"
    );
}

#[test]
fn values_of_the_wrong_type_are_named_by_their_field() {
    for (body, text) in [
        ("[]", "Expecting a JSON object"),
        (r#""x""#, "Expecting a JSON object"),
        ("3", "Expecting a JSON object"),
        (
            r#"{"type":3}"#,
            "Not expecting a JSON number for field 'type'",
        ),
        (
            r#"{"type":true}"#,
            "Not expecting a JSON boolean for field 'type'",
        ),
        (
            r#"{"type":["SUBSCRIBE"]}"#,
            "Not expecting a JSON array for field 'type'",
        ),
        (
            r#"{"type":{}}"#,
            "Not expecting a JSON object for field 'type'",
        ),
        (
            r#"{"framework_id":"x"}"#,
            "Not expecting a JSON string for field 'framework_id'",
        ),
        (
            r#"{"framework_id":[{"value":"x"}]}"#,
            "Not expecting a JSON array for field 'framework_id'",
        ),
        (
            r#"{"framework_id":{"value":3}}"#,
            "Not expecting a JSON number for field 'value'",
        ),
        (
            r#"{"kill":true}"#,
            "Not expecting a JSON boolean for field 'kill'",
        ),
        (
            r#"{"accept":{"filters":{"refuse_seconds":[[3]]}}}"#,
            "Not expecting a JSON array for field 'refuse_seconds'",
        ),
        (
            r#"{"acknowledge":{"uuid":5}}"#,
            "Not expecting a JSON number for field 'uuid'",
        ),
        (
            r#"{"acknowledge":{"uuid":"a*b"}}"#,
            "Failed to base64 decode bytes field 'uuid': Invalid character '*'",
        ),
        (
            r#"{"accept":{"operations":[{"launch":{"task_infos":[{"resources":[{"type":"NOPE"}]}]}}]}}"#,
            "Failed to find enum for 'NOPE'",
        ),
        (
            r#"{"accept":{"operations":[{"launch":{"task_infos":[{"limits":[3]}]}}]}}"#,
            "Not expecting a JSON number for field 'limits'",
        ),
    ] {
        let expected = format!("Failed to convert JSON into Call protobuf: {text}");
        assert_eq!(refusal(body), expected, "{body}");
    }
}

#[test]
fn strings_that_should_be_numbers_or_booleans_are_quoted() {
    for (field, value, what, why) in [
        (
            "checkpoint",
            "maybe",
            "boolean",
            "syntax error at line 1 near: maybe",
        ),
        ("checkpoint", "3", "boolean", "Unexpected JSON type parsed"),
        (
            "failover_timeout",
            "abc",
            "number",
            "syntax error at line 1 near: abc",
        ),
        (
            "failover_timeout",
            "true",
            "number",
            "Unexpected JSON type parsed",
        ),
    ] {
        let body = format!(r#"{{"subscribe":{{"framework_info":{{"{field}":"{value}"}}}}}}"#);
        assert_eq!(
            refusal(&body),
            format!(
                "Failed to convert JSON into Call protobuf: \
                 Failed to parse '{value}' as a JSON {what} for field '{field}': {why}"
            )
        );
    }
}

#[test]
fn missing_fields_are_named_by_their_paths() {
    for (body, paths) in [
        (r#"{"framework_id":{"value":null}}"#, "framework_id.value"),
        (
            r#"{"framework_id":{},"kill":{"task_id":{},"kill_policy":{"grace_period":{}}}}"#,
            "framework_id.value, kill.task_id.value, kill.kill_policy.grace_period.nanoseconds",
        ),
        (
            r#"{"accept":{"operations":[{"type":"LAUNCH","launch":{"task_infos":[{"name":"x","task_id":{"value":"t"},"agent_id":{"value":"a"},"limits":{"cpus":{},"mem":{"value":1}}}]}}]}}"#,
            "accept.operations[0].launch.task_infos[0].limits[0].value.value",
        ),
        (
            r#"{"accept":{"operations":{"launch":{"task_infos":[{"resources":{}}]}}}}"#,
            "accept.operations[0].launch.task_infos[0].name, \
             accept.operations[0].launch.task_infos[0].task_id, \
             accept.operations[0].launch.task_infos[0].agent_id, \
             accept.operations[0].launch.task_infos[0].resources[0].name, \
             accept.operations[0].launch.task_infos[0].resources[0].type",
        ),
    ] {
        assert_eq!(
            refusal(body),
            format!("Failed to convert JSON into Call protobuf: Missing required fields: {paths}")
        );
    }
}

#[test]
fn the_error_named_is_the_first_in_the_order_of_keys() {
    assert_eq!(
        refusal(r#"{"z":1,"type":{},"kill":3}"#),
        "Failed to convert JSON into Call protobuf: \
         Not expecting a JSON number for field 'kill'"
    );
}

#[test]
fn of_keys_that_occur_twice_the_last_counts() {
    let body = r#"{"framework_id":{"value":"a"},"framework_id":{"value":"b"}}"#;
    let call: Call = from_json(body.as_bytes()).unwrap();
    assert_eq!(call.framework_id.unwrap().value, "b");
    assert_eq!(
        refusal(r#"{"kill":3,"kill":{"task_id":{}}}"#),
        "Failed to convert JSON into Call protobuf: Missing required fields: kill.task_id.value"
    );
}

#[test]
fn a_list_of_messages_is_refused_when_it_is_none_or_one_of_them_is_bad() {
    let list = |text: &str| list_from_json::<v1::FrameworkId>(text.as_bytes());
    assert_eq!(list(r#"[{"value":"a"},{"value":"b"}]"#).unwrap().len(), 2);
    assert_eq!(
        list("{}"),
        Err(JsonError::Convert("Expecting a JSON array".to_owned()))
    );
    assert_eq!(
        list("[3]"),
        Err(JsonError::Convert("Expecting a JSON object".to_owned()))
    );
}

#[test]
fn nesting_without_end_is_refused() {
    let body = format!(
        r#"{{"decline":{{"offer_ids":{}{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(from_json::<Call>(body.as_bytes()).is_err());
    let mut container = String::from(r#"{"value":"c"}"#);
    for _ in 0..110 {
        container = format!(r#"{{"value":"c","parent":{container}}}"#);
    }
    assert!(from_json::<v1::ContainerId>(container.as_bytes()).is_err());
}
