//! Scheduler drivers, the unmodified C++ one above all, led by `python/driver.py`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ChildStdin;

use serde_json::{Value, json};
use tests::process::Process;

use crate::Mesos;

/// A framework on a driver.
pub struct Driver {
    /// The process.
    pub process: Process,
    input: ChildStdin,
    /// How many of its lines were read.
    read: usize,
    /// Events that were waited past, in their order.
    pub passed: Vec<Value>,
}

impl Driver {
    /// Starts the native driver for a master at `master`, with a `FrameworkInfo` in JSON.
    pub fn start(mesos: &Mesos, master: SocketAddr, info: &Value) -> Self {
        Self::of("mesos.scheduler", mesos, master, info)
    }

    /// Starts a driver in Python that sends the older messages (M1), with HTTP/1.0.
    pub fn start_old(mesos: &Mesos, master: SocketAddr, info: &Value) -> Self {
        Self::of("pymesos", mesos, master, info)
    }

    fn of(module: &str, mesos: &Mesos, master: SocketAddr, info: &Value) -> Self {
        let mut command = mesos.script("driver.py");
        command.args([module, &master.to_string(), &info.to_string()]);
        let (process, input) = Process::start_with_input(&mut command);
        let (read, passed) = (0, Vec::new());
        Self {
            process,
            input,
            read,
            passed,
        }
    }

    /// The next callback.
    pub fn event(&mut self) -> Value {
        loop {
            let line = self.process.line(self.read);
            self.read += 1;
            // The driver's log goes between.
            if line.starts_with('{') {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }

    /// The next callback of this name that `is_it`; what comes before it is kept in
    /// [`Driver::passed`].
    pub fn wait_for(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.event();
            if event["event"] == name && is_it(&event) {
                return event;
            }
            self.passed.push(event);
        }
    }

    /// The id under which the framework is registered.
    pub fn registered(&mut self) -> String {
        let event = self.wait_for("registered", |_| true);
        event["framework_id"].as_str().unwrap().to_owned()
    }

    /// The next offer.
    pub fn offer(&mut self) -> Value {
        self.wait_for("offer", |_| true)["offer"].clone()
    }

    /// The status by which a task reaches `state`.
    pub fn status(&mut self, task: &str, state: &str) -> Value {
        let event = self.wait_for("status", |event| {
            let status = &event["status"];
            status["task_id"]["value"] == task && status["state"] == state
        });
        event["status"].clone()
    }

    /// Calls the driver: `{"call": NAME, …}`.
    pub fn call(&mut self, call: &Value) {
        writeln!(self.input, "{call}").unwrap();
    }

    /// Launches tasks on an offer.
    pub fn launch(&mut self, offer: &Value, tasks: &[Value]) {
        self.call(&json!({"call": "launch", "offer": offer["id"]["value"], "tasks": tasks}));
    }
}

/// A small task that runs a shell command, on the agent of `offer`.
pub fn command_task(id: &str, offer: &Value, command: &str) -> Value {
    let mut task = small_task(id, offer);
    task["command"] = json!({"value": command});
    task
}

/// A small task that lacks what to run.
pub fn small_task(id: &str, offer: &Value) -> Value {
    json!({
        "name": id,
        "task_id": {"value": id},
        "slave_id": offer["slave_id"],
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0}},
        ],
    })
}

/// A small task of the executor in `python/executor.py`. One that `waits` runs until it is
/// killed.
pub fn executor_task(mesos: &Mesos, id: &str, offer: &Value, waits: bool) -> Value {
    let mut task = small_task(id, offer);
    task["executor"] = json!({
        "executor_id": {"value": "echo"},
        "command": {"value": mesos.executor_command("executor.py")},
    });
    if waits {
        task["data"] = json!("d2FpdA=="); // "wait"
    }
    task
}
