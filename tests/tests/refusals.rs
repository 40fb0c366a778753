//! What the APIs refuse, in upstream's words and with its status codes.

use serde_json::json;
use tests::cluster::Cluster;
use tests::http::{self, call};
use tests::scheduler::{Scheduler, framework_info};

const SCHEDULER: &str = "/api/v1/scheduler";
const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn scheduler_calls_are_refused_as_upstream_refuses_them() {
    let cluster = Cluster::master(&[]);
    let subscribe =
        json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info("x")}})
            .to_string();
    let differ = json!({"type": "SUBSCRIBE", "framework_id": {"value": "a"}, "subscribe": {
        "framework_info": {"user": "root", "name": "x", "id": {"value": "b"}}}})
    .to_string();
    type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str, u16, &'a str);
    let cases: Vec<Case<'_>> = vec![
        (
            "GET",
            vec![JSON],
            "",
            405,
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.",
        ),
        (
            "POST",
            vec![],
            "{}",
            400,
            "Expecting 'Content-Type' to be present",
        ),
        (
            "POST",
            vec![("Content-Type", "text/plain")],
            "{}",
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (
            "POST",
            vec![JSON, ("Accept", "text/html")],
            &subscribe,
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        ),
        (
            "POST",
            vec![JSON, ("Accept", "application/recordio")],
            &subscribe,
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        ),
        (
            "POST",
            vec![JSON],
            "{nope",
            400,
            "Failed to parse body into JSON: syntax error at line 1 near: nope",
        ),
        (
            "POST",
            vec![JSON],
            "[1]",
            400,
            "Failed to convert JSON into Call protobuf: Expecting a JSON object",
        ),
        (
            "POST",
            vec![JSON],
            "{}",
            400,
            "Failed to validate scheduler::Call: Expecting 'type' to be present",
        ),
        (
            "POST",
            vec![JSON],
            r#"{"type":"NOPE"}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'type' to be present",
        ),
        (
            "POST",
            vec![JSON],
            r#"{"type":"SUBSCRIBE"}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'subscribe' to be present",
        ),
        (
            "POST",
            vec![JSON],
            r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"x"}}}"#,
            400,
            "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info.user",
        ),
        (
            "POST",
            vec![JSON],
            &differ,
            400,
            "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'",
        ),
        (
            "POST",
            vec![JSON],
            r#"{"type":"REVIVE"}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
        ),
        (
            "POST",
            vec![JSON],
            r#"{"type":"REVIVE","framework_id":{"value":"nobody"}}"#,
            400,
            "Framework cannot be found",
        ),
        (
            "POST",
            vec![("Content-Type", "application/x-protobuf")],
            "garbage",
            400,
            "Failed to parse body into Call protobuf",
        ),
    ];
    for (method, headers, body, status, text) in cases {
        let answer = call(
            cluster.address,
            method,
            SCHEDULER,
            &headers,
            body.as_bytes(),
        );
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (status, text),
            "{method} {body}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
    }
    let allowed = call(cluster.address, "GET", SCHEDULER, &[], b"");
    assert_eq!(allowed.header("allow"), Some("POST"));
}

#[test]
fn what_a_caller_accepts_matters_only_for_a_stream() {
    let cluster = Cluster::start();
    let html = ("Accept", "text/html");
    let master = cluster.address;
    let revive = r#"{"type":"REVIVE","framework_id":{"value":"nobody"}}"#;
    let answer = call(master, "POST", SCHEDULER, &[JSON, html], revive.as_bytes());
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (400, "Framework cannot be found")
    );
    let answer = call(master, "POST", SCHEDULER, &[JSON, html], b"{}");
    assert_eq!(
        answer.text(),
        "Failed to validate scheduler::Call: Expecting 'type' to be present"
    );
    let executor =
        r#"{"type":"SUBSCRIBE","executor_id":{"value":"e"},"framework_id":{"value":"f"}}"#;
    let at = "/api/v1/executor";
    let agent = cluster.agents[0].1;
    let answer = call(agent, "POST", at, &[JSON, html], executor.as_bytes());
    assert_eq!(
        answer.text(),
        "Failed to validate Executor::Call: Expecting 'subscribe' to be present"
    );
}

#[test]
fn the_agents_operator_api_has_words_of_its_own() {
    let cluster = Cluster::start();
    let agent = cluster.agents[0].1;
    let all = "application/json or application/x-protobuf or application/recordio";
    let recordio = ("Content-Type", "application/recordio");
    let protobuf = ("Content-Type", "application/x-protobuf");
    let messages = ("Message-Content-Type", "application/json");
    type Case<'a> = (Vec<(&'a str, &'a str)>, &'a [u8], u16, String);
    let cases: [Case<'_>; 8] = [
        (
            vec![("Content-Type", "text/plain")],
            b"{}",
            415,
            format!("Expecting 'Content-Type' of {all}"),
        ),
        (
            vec![JSON, ("Accept", "text/html")],
            b"{}",
            406,
            format!("Expecting 'Accept' to allow {all}"),
        ),
        (
            vec![recordio],
            b"2\n{}",
            400,
            "Expecting 'Message-Content-Type' to be set for streaming requests".into(),
        ),
        (
            vec![JSON, messages],
            b"{}",
            415,
            "Expecting 'Message-Content-Type' to be not set for non-streaming requests".into(),
        ),
        (vec![JSON], b"[]", 400, "Expecting a JSON object".into()),
        (
            vec![JSON],
            br#"{"type":"READ_FILE","read_file":{}}"#,
            400,
            "Missing required fields: read_file.path, read_file.offset".into(),
        ),
        (
            vec![JSON],
            b"{nope",
            400,
            "Failed to parse body into JSON: syntax error at line 1 near: nope".into(),
        ),
        (
            vec![protobuf],
            b"\xff\xff",
            400,
            "Failed to parse body into a protobuf object".into(),
        ),
    ];
    for (headers, body, status, text) in cases {
        let answer = call(agent, "POST", "/api/v1", &headers, body);
        assert_eq!(
            (answer.status, answer.text()),
            (status, text),
            "{headers:?}"
        );
    }
}

#[test]
fn operators_writes_that_are_not_supported_say_so() {
    let cluster = Cluster::master(&[]);
    let master = cluster.address;
    for path in [
        "reserve",
        "unreserve",
        "create-volumes",
        "destroy-volumes",
        "machine/up",
        "machine/down",
        "quota",
        "maintenance/schedule",
    ] {
        let answer = call(master, "POST", &format!("/master/{path}"), &[], b"");
        assert_eq!(
            (answer.status, answer.text()),
            (501, format!("POST /{path} is not supported"))
        );
    }
    let read = call(master, "GET", "/machine/up", &[], b"");
    assert_eq!((read.status, read.header("allow")), (405, Some("POST")));
    for method in ["GET", "POST", "OPTIONS"] {
        assert_eq!(call(master, method, "/flags", &[], b"").status, 200);
    }
}

#[test]
fn stream_ids_are_checked() {
    let cluster = Cluster::master(&[]);
    let scheduler = Scheduler::subscribe(cluster.address, &framework_info("stream"));
    let revive =
        json!({"type": "REVIVE", "framework_id": {"value": scheduler.framework}}).to_string();
    let missing = call(
        cluster.address,
        "POST",
        SCHEDULER,
        &[JSON],
        revive.as_bytes(),
    );
    assert_eq!(missing.status, 400);
    assert_eq!(
        missing.text(),
        "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
    );
    let id = "11111111-1111-4111-8111-111111111111";
    let wrong = call(
        cluster.address,
        "POST",
        SCHEDULER,
        &[JSON, ("Mesos-Stream-Id", id)],
        revive.as_bytes(),
    );
    assert_eq!(wrong.status, 400);
    assert_eq!(
        wrong.text(),
        format!(
            "The stream ID '{id}' included in this request didn't match the stream ID currently \
             associated with framework ID {}",
            scheduler.framework
        )
    );
    let right = scheduler.call(json!({"type": "REVIVE"}));
    assert_eq!(
        (right.status, right.header("content-length")),
        (202, Some("0"))
    );
    let bad_uuid = scheduler.call(json!({"type": "ACKNOWLEDGE", "acknowledge": {
        "agent_id": {"value": "a"}, "task_id": {"value": "t"}, "uuid": "AAAA"}}));
    assert_eq!(bad_uuid.status, 400);
    assert_eq!(
        bad_uuid.text(),
        "Failed to validate scheduler::Call: Not a valid UUID"
    );
}

#[test]
fn frameworks_that_make_no_sense_are_refused() {
    let cluster = Cluster::master(&["--no-root_submissions"]);
    for info in [
        json!({"user": "root", "name": "x"}),
        json!({"user": "nobody", "name": "x", "role": "a b"}),
        json!({"user": "nobody", "name": "x", "role": ".."}),
        json!({"user": "nobody", "name": "x", "roles": ["a"]}),
        json!({"user": "nobody", "name": "x", "failover_timeout": 1e300}),
        json!({"user": "nobody", "name": "x", "roles": ["a", "a"], "capabilities": [{"type": "MULTI_ROLE"}]}),
    ] {
        let body = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}).to_string();
        let mut connection = http::Connection::open(cluster.address);
        connection.request("POST", SCHEDULER, &[JSON], body.as_bytes());
        let head = connection.stream_head();
        if head.status == 200 {
            let first = String::from_utf8(connection.chunk().unwrap()).unwrap();
            assert!(first.contains("\"ERROR\""), "{info}: {first}");
            assert_eq!(connection.chunk(), None);
        } else {
            assert_eq!(head.status, 400, "{info}: {}", head.text());
        }
    }
    assert_eq!(cluster.get("/frameworks")["frameworks"], json!([]));
}

#[test]
fn the_operator_api_refuses_as_upstream_does() {
    let cluster = Cluster::start();
    for at in [cluster.address, cluster.agents[0].1] {
        let call = |body: &str| http::call(at, "POST", "/api/v1", &[JSON], body.as_bytes());
        for body in ["{}", r#"{"type":"NOPE"}"#] {
            let answer = call(body);
            assert_eq!(answer.status, 400);
            assert!(
                answer.text().ends_with("Expecting 'type' to be present"),
                "{}",
                answer.text()
            );
        }
        assert_eq!(call("[").status, 400);
        assert_eq!(
            call(r#"{"type":"GET_HEALTH"}"#).text(),
            r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#
        );
        assert_eq!(http::get(at, "/api/v1").status, 405);
        assert_eq!(http::get(at, "/nope").text(), "404 Not Found.");
        assert_eq!(http::call(at, "HEAD", "/health", &[], b"").status, 200);
    }
    let teardown = |body: &str| {
        http::call(
            cluster.address,
            "POST",
            "/master/teardown",
            &[],
            body.as_bytes(),
        )
    };
    assert_eq!(
        teardown("frameworkId=nobody").text(),
        "No framework found with specified ID"
    );
    assert_eq!(
        teardown("").text(),
        "Missing 'frameworkId' query parameter in the request body"
    );
    let agent = cluster.agents[0].1;
    let executor = |body: &str| {
        http::call(
            agent,
            "POST",
            "/slave(1)/api/v1/executor",
            &[JSON],
            body.as_bytes(),
        )
    };
    let ids = r#""executor_id":{"value":"e"},"framework_id":{"value":"f"}"#;
    assert_eq!(
        executor(&format!(r#"{{"type":"SUBSCRIBE",{ids}}}"#)).text(),
        "Failed to validate Executor::Call: Expecting 'subscribe' to be present"
    );
    assert_eq!(
        executor(&format!(r#"{{"type":"SUBSCRIBE",{ids},"subscribe":{{}}}}"#)).text(),
        "Framework cannot be found"
    );
}

#[test]
fn malformed_input_of_every_kind_leaves_the_daemons_alive_and_small() {
    let cluster = Cluster::start();
    let resident = |id: u32| {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let daemons = [
        (cluster.address, cluster.master.id()),
        (cluster.agents[0].1, cluster.agents[0].0.id()),
    ];
    for (at, id) in daemons {
        let before = resident(id);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let bodies: Vec<Vec<u8>> = vec![
            deep.into_bytes(),
            br#"{"type":1e999999}"#.to_vec(),
            b"\xff\xfe\x00".to_vec(),
            vec![b'a'; 1 << 20],
            br#"{"type":"SUBSCRIBE","subscribe":"#.to_vec(),
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
            b"\x12\xff\xff\xff\xff\x0f".to_vec(),
        ];
        for path in [
            "/api/v1",
            "/api/v1/scheduler",
            "/api/v1/executor",
            "/slave(1)/api/v1/executor",
        ] {
            for body in &bodies {
                for content_type in [
                    "application/json",
                    "application/x-protobuf",
                    "application/recordio",
                ] {
                    let answer = call(at, "POST", path, &[("Content-Type", content_type)], body);
                    // The agent reads RecordIO only in calls that it does not support yet.
                    let unsupported =
                        content_type == "application/recordio" && answer.status == 501;
                    assert!(
                        (400..500).contains(&answer.status) || unsupported,
                        "{path}: {}",
                        answer.status
                    );
                }
            }
        }
        for raw in [
            "GET /%ZZ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
            format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20)),
            "\0\0\0\0\r\n\r\n".to_owned(),
            "POST /master/mesos.internal.RegisterSlaveMessage HTTP/1.1\r\n\
             Libprocess-From: x@127.0.0.1:1\r\nContent-Length: 7\r\nConnection: close\r\n\r\ngarbage"
                .to_owned(),
        ] {
            let mut connection = http::Connection::open(at);
            connection.send(raw.as_bytes());
            let answer = String::from_utf8_lossy(&connection.read_to_end()).into_owned();
            assert!(!answer.starts_with("HTTP/1.1 5"), "{raw:.60?}: {answer}");
        }
        assert_eq!(http::get(at, "/health").status, 200);
        let grown = resident(id).saturating_sub(before);
        assert!(grown < 64 << 10, "grew by {grown} kB");
    }
}
