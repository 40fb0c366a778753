//! A scheduler that speaks the v1 API by hand, one record at a time.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Value, json};

use crate::http::{Answer, Connection, call};
use crate::process::PATIENCE;

/// A subscribed scheduler.
pub struct Scheduler {
    master: SocketAddr,
    path: String,
    stream: Connection,
    /// The `Mesos-Stream-Id`.
    pub stream_id: String,
    /// The framework's id.
    pub framework: String,
    /// Events that were read over while waiting for others.
    pub passed: Vec<Value>,
}

/// A FrameworkInfo that any master takes.
pub fn framework_info(name: &str) -> Value {
    json!({"user": "root", "name": name})
}

/// A TaskInfo of a shell command.
pub fn command_task(id: &str, offer: &Value, command: &str) -> Value {
    json!({
        "name": id,
        "task_id": {"value": id},
        "agent_id": offer["agent_id"],
        "command": {"value": command, "shell": true},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
        ],
    })
}

impl Scheduler {
    /// Subscribes, and waits for SUBSCRIBED.
    pub fn subscribe(master: SocketAddr, info: &Value) -> Self {
        Self::subscribe_below(master, "", info)
    }

    /// Subscribes at a master whose paths have something in front, and waits for SUBSCRIBED.
    pub fn subscribe_below(master: SocketAddr, prefix: &str, info: &Value) -> Self {
        let mut scheduler = Self::open(master, prefix, info);
        let subscribed = scheduler.event().unwrap();
        assert_eq!(subscribed["type"], "SUBSCRIBED", "{subscribed:#}");
        scheduler.framework = subscribed["subscribed"]["framework_id"]["value"]
            .as_str()
            .unwrap()
            .to_owned();
        scheduler
    }

    /// Subscribes; the first event is still to be read.
    pub fn subscribe_raw(master: SocketAddr, info: &Value) -> Self {
        Self::open(master, "", info)
    }

    fn open(master: SocketAddr, prefix: &str, info: &Value) -> Self {
        let path = format!("{prefix}/api/v1/scheduler");
        let mut body = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        if let Some(id) = info.get("id") {
            body["framework_id"] = id.clone();
        }
        let mut stream = Connection::open(master);
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        ];
        stream.request("POST", &path, &headers, body.to_string().as_bytes());
        let head = stream.stream_head();
        assert_eq!(head.status, 200, "{}", head.text());
        let stream_id = head.header("mesos-stream-id").unwrap().to_owned();
        Self {
            master,
            path,
            stream,
            stream_id,
            framework: String::new(),
            passed: Vec::new(),
        }
    }

    /// The next event; none when the stream has ended. Each is one chunk with its own
    /// length in front.
    pub fn event(&mut self) -> Option<Value> {
        let chunk = self.stream.chunk()?;
        let text = String::from_utf8(chunk).unwrap();
        let (length, payload) = text.split_once('\n').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), payload.len(), "{text}");
        assert!(!payload.contains('\n'), "{payload}");
        Some(serde_json::from_str(payload).unwrap())
    }

    /// Reads events until one is of this type and `wanted`.
    pub fn wait_for(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        // Heartbeats keep coming, so that reading alone never times out.
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(
                Instant::now() < deadline,
                "no {kind} came; passed: {:#?}",
                self.passed
            );
            let event = self.event().unwrap_or_else(|| {
                panic!("the stream ended before {kind}; passed: {:#?}", self.passed)
            });
            if event["type"] == kind && wanted(&event) {
                return event;
            }
            self.passed.push(event);
        }
    }

    /// The next offer.
    pub fn offer(&mut self) -> Value {
        let event = self.wait_for("OFFERS", |_| true);
        event["offers"]["offers"][0].clone()
    }

    /// The next status of a task, acknowledged if it wants to be.
    pub fn status(&mut self, task: &str) -> Value {
        let event = self.wait_for("UPDATE", |event| {
            event["update"]["status"]["task_id"]["value"] == task
        });
        let status = event["update"]["status"].clone();
        if status.get("uuid").is_some() {
            let answer = self.call(json!({
                "type": "ACKNOWLEDGE",
                "acknowledge": {
                    "agent_id": status["agent_id"],
                    "task_id": status["task_id"],
                    "uuid": status["uuid"],
                },
            }));
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
        status
    }

    /// Follows a task until it is in this state; returns that status.
    pub fn wait_for_state(&mut self, task: &str, state: &str) -> Value {
        loop {
            let status = self.status(task);
            if status["state"] == state {
                return status;
            }
            let now = status["state"].as_str().unwrap();
            assert!(
                matches!(
                    now,
                    "TASK_STAGING" | "TASK_STARTING" | "TASK_RUNNING" | "TASK_KILLING"
                ),
                "{task} ended otherwise: {status:#}"
            );
        }
    }

    /// Makes a call of this framework.
    pub fn call(&self, mut body: Value) -> Answer {
        body["framework_id"] = json!({"value": self.framework});
        let headers = [
            ("Content-Type", "application/json"),
            ("Mesos-Stream-Id", self.stream_id.as_str()),
        ];
        call(
            self.master,
            "POST",
            &self.path,
            &headers,
            body.to_string().as_bytes(),
        )
    }

    /// Launches tasks on an offer; what is left over is refused for this many seconds.
    pub fn launch(&self, offer: &Value, tasks: &[Value], refuse_seconds: f64) {
        let answer = self.call(json!({
            "type": "ACCEPT",
            "accept": {
                "offer_ids": [offer["id"]],
                "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
                "filters": {"refuse_seconds": refuse_seconds},
            },
        }));
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Refuses an offer.
    pub fn decline(&self, offer: &Value, refuse_seconds: f64) {
        let answer = self.call(json!({
            "type": "DECLINE",
            "decline": {"offer_ids": [offer["id"]], "filters": {"refuse_seconds": refuse_seconds}},
        }));
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Ends the framework and reads its stream to the end.
    pub fn teardown(mut self) {
        assert_eq!(self.call(json!({"type": "TEARDOWN"})).status, 202);
        while self.event().is_some() {}
    }
}
