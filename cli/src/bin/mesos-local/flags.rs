//! The flags of `mesos-local`; all others are the master's or the agents'.

use std::path::PathBuf;

use runtime::flags::{Flag, FlagError, Flags, Program};

const FLAGS: &[Flag] = &[
    Flag::integer(
        "agent_port",
        "Port of the first agent; others follow it. 0 takes free ones.",
    )
    .default("5051"),
    Flag::text("ip", "IP address to listen on.").default("127.0.0.1"),
    Flag::integer(
        "num_agents",
        "Agents to start; each shares out the whole machine.",
    )
    .default("1")
    .aliases(&["num_slaves"]),
    Flag::integer("port", "Port of the master. 0 takes a free one.").default("5050"),
    Flag::bool("verbose", "Whether to log to standard error too.").default("false"),
    Flag::path("work_dir", "Directory of the cluster's files.").default("/tmp/mesos/work"),
];

/// `mesos-local` and its flags.
pub(crate) const PROGRAM: Program = Program {
    name: "mesos-local",
    version: concat!("mesos ", env!("CARGO_PKG_VERSION")),
    environment_prefix: "MESOS_LOCAL_",
    flags: &[FLAGS],
};

const OTHERS: &str = "\
All other flags are the master's and the agents', and are handed to them; see
`mesos-master --help` and `mesos-agent --help`. For example:
  mesos-local --num_agents=2 --resources='cpus:8;mem:4096' --allocation_interval=100ms";

/// The help with a word on the flags that it does not list; any other text as it is.
pub(crate) fn with_others(text: &str) -> String {
    if text.starts_with("Usage") {
        format!("{text}\n\n{OTHERS}")
    } else {
        text.to_owned()
    }
}

/// Parts the arguments into those of this program and those for its daemons.
pub(crate) fn split(arguments: impl Iterator<Item = String>) -> (Vec<String>, Vec<String>) {
    arguments.partition(|argument| {
        PROGRAM.takes(argument)
            || !(master::PROGRAM.takes(argument) || agent::PROGRAM.takes(argument))
    })
}

/// What the flags say.
#[derive(Debug)]
pub(crate) struct Local {
    /// `--num_agents`
    pub(crate) agents: u16,
    /// `--agent_port`
    pub(crate) agent_port: u16,
    /// `--ip`
    pub(crate) ip: String,
    /// `--port`
    pub(crate) port: u16,
    /// `--verbose`
    pub(crate) verbose: bool,
    /// `--work_dir`
    pub(crate) work_dir: PathBuf,
}

impl Local {
    /// Reads the flags.
    pub(crate) fn read(flags: &Flags) -> Result<Self, FlagError> {
        Ok(Self {
            agents: flags.get("num_agents")?,
            agent_port: flags.get("agent_port")?,
            ip: flags.get("ip")?,
            port: flags.get("port")?,
            verbose: flags.get("verbose")?,
            work_dir: flags.get("work_dir")?,
        })
    }
}
