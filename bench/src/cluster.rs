//! Daemons of this project, from the folder of the running program.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::connection::Connection;
use crate::process::listener;
use crate::scheduler::Master;
use crate::swarm::{Load, Swarm};

/// How many tasks fit into the agent.
pub const ROOM: usize = 6400;

/// A daemon that ends with its handle.
pub struct Daemon {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Daemon {
    /// Starts it and waits until it says that it is ready.
    fn start(command: &mut Command, ready: &str) -> Option<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(child.stderr.take()?).lines();
        let (mut address, mut is_ready) = (None, false);
        for line in lines.by_ref().map_while(Result::ok) {
            is_ready |= line.contains(ready);
            if let Some(text) = line.split("listening at http://").nth(1) {
                address = text.trim_end_matches('/').parse().ok();
            }
            if is_ready && address.is_some() {
                break;
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            child,
            address: address?,
        })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A master that a case drives: this project's, or another that runs already.
pub struct Driven {
    /// Where it is.
    pub master: Master,
    /// Its process.
    pub pid: u32,
    /// What ends with the case, and where it keeps its registry.
    own: Option<(Daemon, PathBuf)>,
}

impl Driven {
    /// The master of a side: `ours` is started, `reference` is there.
    pub fn of(side: &str, reference: Option<&str>) -> Option<Self> {
        if side == "ours" {
            let folder = folder()?;
            let (daemon, master) = master(&folder)?;
            Some(Self {
                master,
                pid: daemon.pid(),
                own: Some((daemon, folder)),
            })
        } else {
            let master = Master::parse(reference?)?;
            Some(Self {
                pid: listener(master.address.port())?,
                master,
                own: None,
            })
        }
    }

    /// Has the agents leave a master that goes on to be used.
    pub fn clear(&self, swarm: &Swarm, load: &Load) -> Option<()> {
        if self.own.is_none() {
            swarm.leave(load);
            while self.metric("master/slaves_connected")? > 0.0 {}
        }
        Some(())
    }

    /// Kills a master of this project without warning, and starts it again at the same
    /// address and with the same registry.
    pub fn restart(self) -> Option<Self> {
        let (daemon, folder) = self.own?;
        drop(daemon);
        let (daemon, master) = master_at(&folder, self.master.address.port())?;
        Some(Self {
            master,
            pid: daemon.pid(),
            own: Some((daemon, folder)),
        })
    }

    /// One of its metrics.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let mut connection = Connection::open(self.master.address).ok()?;
        let body = connection.get("/metrics/snapshot").ok()?;
        let all: serde_json::Value = serde_json::from_slice(&body).ok()?;
        all.get(name)?.as_f64()
    }

    /// Whether a metric is what it should be; complains if it is not.
    pub fn has(&self, name: &str, wanted: usize) -> bool {
        let found = self.metric(name);
        let is_so = found == Some(wanted as f64);
        if !is_so {
            eprintln!("{name} is {found:?} and not {wanted}");
        }
        is_so
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.parent()?.join(name);
    path.exists().then_some(path)
}

/// A folder with copies of the programs that an agent starts for each task, as an installation
/// makes them: what a linker has written is in the page cache in single pages, and each of these
/// costs every start of the program.
fn launcher_dir(folder: &Path) -> Option<PathBuf> {
    let to = folder.join("libexec");
    std::fs::create_dir(&to).ok()?;
    for name in ["mesos-executor", "mesos-containerizer"] {
        let from = program(name)?;
        let mut copy = File::create_new(to.join(name)).ok()?;
        copy.write_all(&std::fs::read(&from).ok()?).ok()?;
        copy.set_permissions(from.metadata().ok()?.permissions())
            .ok()?;
        // Not while something is measured.
        copy.sync_all().ok()?;
    }
    Some(to)
}

/// A new folder, which is removed when all cases have run. Not before: ext4 without a journal
/// does not give out the inodes of files removed in the last minutes, and its search for others
/// slows down to a half whoever makes files meanwhile.
pub fn folder() -> Option<PathBuf> {
    tempfile::tempdir().ok().map(tempfile::TempDir::keep)
}

/// A master without agents.
pub fn master(folder: &Path) -> Option<(Daemon, Master)> {
    master_at(folder, 0)
}

fn master_at(folder: &Path, port: u16) -> Option<(Daemon, Master)> {
    let mut command = Command::new(program("mesos-master")?);
    command
        .arg("--ip=127.0.0.1")
        .arg(format!("--port={port}"))
        // All simulated agents are behind one connection, as no real ones are.
        .arg("--max_peer_backlog=1GB")
        .arg(format!("--work_dir={}", folder.join("master").display()));
    let daemon = Daemon::start(&mut command, "elected: the registry is recovered")?;
    let master = Master {
        address: daemon.address,
        prefix: String::new(),
    };
    Some((daemon, master))
}

/// An agent with more than enough to share out.
pub fn agent(folder: &Path, master: &Master) -> Option<Daemon> {
    let mut command = Command::new(program("mesos-agent")?);
    command
        .args([
            "--ip=127.0.0.1",
            "--port=0",
            "--resources=cpus:64;mem:65536;disk:65536",
        ])
        .arg("--registration_backoff_factor=10ms")
        .arg(format!(
            "--launcher_dir={}",
            launcher_dir(folder)?.display()
        ))
        .arg(format!("--master={}", master.address))
        .arg(format!("--work_dir={}", folder.join("agent").display()));
    Daemon::start(&mut command, "Registered with master")
}
