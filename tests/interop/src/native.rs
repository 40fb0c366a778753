//! Apache Mesos' own daemons: a master, or agents of any master.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use tests::process::Process;

use crate::Mesos;

/// Room for many small tasks.
const RESOURCES: &str = "cpus:16;mem:16384;disk:10000;ports:[31000-32000]";

/// Agents of Apache Mesos, all in one process.
pub struct Agents {
    /// The process.
    pub process: Process,
}

impl Agents {
    /// Starts agents that join the master at `master`, with their files in `folder` and more
    /// flags as `MESOS_` variables. They need not be registered yet.
    pub fn start(
        mesos: &Mesos,
        count: usize,
        master: SocketAddr,
        folder: &Path,
        flags: &[(&str, &str)],
    ) -> Self {
        let mut command = cluster(mesos, count, 0, folder, flags);
        let process = Process::start(command.arg(master.to_string()));
        Self { process }
    }

    /// Stops all of them in the middle of what they do; they keep their connections.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::CONT);
    }
}

/// A master of Apache Mesos without agents of its own.
pub struct Master {
    /// The process.
    pub process: Process,
    /// Where it listens. Its endpoints are below `/master`.
    pub address: SocketAddr,
}

impl Master {
    /// Starts a master and waits until it leads. `port` 0 is any.
    pub fn start(mesos: &Mesos, port: u16, folder: &Path, flags: &[(&str, &str)]) -> Self {
        Self::of(&mut cluster(mesos, 0, port, folder, flags))
    }

    /// Starts a master with one agent in the same process, whose endpoints are below
    /// `/slave(1)`.
    pub fn with_agent(mesos: &Mesos, folder: &Path) -> Self {
        Self::of(&mut cluster(mesos, 1, 0, folder, &[]))
    }

    fn of(command: &mut Command) -> Self {
        let process = Process::start(command);
        let line = process.wait_for_line("the master is at ");
        let text = line.rsplit(' ').next().unwrap_or_default();
        let address = text.parse().unwrap();
        Self { process, address }
    }

    /// Kills it and starts another at the same address over the same registry.
    pub fn restart(&mut self, mesos: &Mesos, folder: &Path, flags: &[(&str, &str)]) {
        self.process.signal(Signal::KILL);
        self.process.wait();
        *self = Self::start(mesos, self.address.port(), folder, flags);
    }
}

fn cluster(
    mesos: &Mesos,
    agents: usize,
    port: u16,
    folder: &Path,
    flags: &[(&str, &str)],
) -> Command {
    let mut command = mesos.script("cluster.py");
    command
        .env("LIBPROCESS_PORT", port.to_string())
        .env("MESOS_NUM_SLAVES", agents.to_string())
        .env("MESOS_WORK_DIR", folder)
        .env("MESOS_RUNTIME_DIR", folder.join("run"))
        .env("MESOS_RESOURCES", RESOURCES)
        .env("MESOS_LAUNCHER", "posix")
        .env("MESOS_LAUNCHER_DIR", mesos.helpers())
        .env("MESOS_ISOLATION", "posix/cpu,posix/mem")
        .env("MESOS_SYSTEMD_ENABLE_SUPPORT", "false")
        .env("MESOS_REGISTRATION_BACKOFF_FACTOR", "50ms")
        .envs(flags.iter().copied());
    command
}
