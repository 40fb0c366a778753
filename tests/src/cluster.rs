//! A cluster of real daemons in a folder of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::process::{PATIENCE, Process, program};

/// A master and some agents. All are killed when it is dropped.
pub struct Cluster {
    /// The master.
    pub master: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// Agents and where they listen.
    pub agents: Vec<(Process, SocketAddr)>,
    /// Where their files are.
    pub folder: TempDir,
    flags: Vec<String>,
}

/// Where a daemon says that it listens.
fn address(process: &Process) -> SocketAddr {
    let line = process.wait_for_line("listening at http://");
    let text = line.split("listening at http://").nth(1).unwrap();
    text.trim_end_matches('/').parse().unwrap()
}

fn start_master(folder: &TempDir, port: u16, flags: &[String]) -> (Process, SocketAddr) {
    let mut command = Command::new(program("mesos-master"));
    command
        .arg("--ip=127.0.0.1")
        .arg(format!("--port={port}"))
        .arg(format!(
            "--work_dir={}",
            folder.path().join("master").display()
        ))
        .args(flags);
    let master = Process::start(&mut command);
    let at = address(&master);
    master.wait_for_line("elected: the registry is recovered");
    (master, at)
}

/// Starts an agent of the master at `master`, waits until it is registered, and tells where
/// it listens.
pub fn start_agent(master: SocketAddr, work_dir: &Path, flags: &[&str]) -> (Process, SocketAddr) {
    let mut command = Command::new(program("mesos-agent"));
    command
        .arg("--ip=127.0.0.1")
        .arg("--port=0")
        .arg(format!("--master={master}"))
        .arg(format!("--work_dir={}", work_dir.display()))
        .arg("--registration_backoff_factor=10ms")
        .args(flags);
    let agent = Process::start(&mut command);
    let at = address(&agent);
    agent.wait_for_line("Registered with master");
    (agent, at)
}

impl Cluster {
    /// A master with flags beside those that tests need, and no agents.
    pub fn master(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags: Vec<_> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let (master, address) = start_master(&folder, 0, &flags);
        Self {
            master,
            address,
            agents: Vec::new(),
            folder,
            flags,
        }
    }

    /// A master and one agent with plenty to share out, registered.
    pub fn start() -> Self {
        let mut cluster = Self::master(&[]);
        cluster.add_agent(&["--resources=cpus:8;mem:4096;disk:4096;ports:[31000-32000]"]);
        cluster
    }

    /// Starts one more agent and waits until it is registered.
    pub fn add_agent(&mut self, flags: &[&str]) -> SocketAddr {
        let number = self.agents.len() + 1;
        let work_dir = self.folder.path().join(format!("agent-{number}"));
        let (agent, at) = start_agent(self.address, &work_dir, flags);
        self.agents.push((agent, at));
        at
    }

    /// Kills the master and starts another at the same address over the same registry.
    pub fn restart_master(&mut self) {
        self.master.signal(rustix::process::Signal::KILL);
        self.master.wait();
        let (master, address) = start_master(&self.folder, self.address.port(), &self.flags);
        assert_eq!(address, self.address);
        self.master = master;
    }

    /// GET of JSON from the master.
    pub fn get(&self, path: &str) -> Value {
        http::get(self.address, path).json()
    }

    /// One metric of the master.
    pub fn metric(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics/snapshot");
        metrics[name]
            .as_f64()
            .unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// Asks for a metric of the master until it is as wanted.
    pub fn wait_for_metric(&self, name: &str, wanted: impl Fn(f64) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name);
            if wanted(value) {
                return;
            }
            assert!(Instant::now() < deadline, "{name} stays at {value}");
        }
    }
}
