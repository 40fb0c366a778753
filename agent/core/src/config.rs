//! What the agent is told once, at start: flags as types, and what the shell found
//! out about the machine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use messages::v1;
use model::resources::Resources;
use runtime_core::Pid;

/// The agent's settings. Immutable while the agent lives.
#[derive(Debug, Clone)]
pub struct Config {
    /// The pid under which masters and executors reach the agent: `slave(1)@ip:port`.
    pub pid: Pid,
    /// The name that the agent is shown under, in place of its address.
    pub hostname: String,
    /// `x.y.z` of this program; what the master checks (M11) and `/state` prints.
    pub version: String,
    /// Root of the sandboxes (G9). Absolute.
    pub work_dir: PathBuf,
    /// Where the helpers lie (`--launcher_dir`).
    pub launcher_dir: PathBuf,
    /// The command executor's program, or why it cannot be run; the text reaches the
    /// frameworks' sandboxes.
    pub command_executor: Result<PathBuf, String>,
    /// The sandbox's path as seen inside a container with its own root filesystem.
    pub sandbox_directory: String,
    /// All that the agent offers, given and detected merged (A21).
    pub resources: Resources,
    /// `--attributes`.
    pub attributes: Vec<v1::Attribute>,
    /// `--domain`.
    pub domain: Option<v1::DomainInfo>,
    /// `--default_container_info`, for executors that bring none.
    pub default_container_info: Option<v1::ContainerInfo>,
    /// `--executor_environment_variables`: all that executors inherit (G22).
    pub executor_environment: BTreeMap<String, String>,
    /// The agent's own `LIBPROCESS_IP`, handed on to executors.
    pub libprocess_ip: Option<String>,
    /// `--switch_user`: run executors as the task's user (G30).
    pub switch_user: bool,
    /// `--http_command_executor`, told to executors as `MESOS_HTTP_COMMAND_EXECUTOR`.
    pub http_command_executor: bool,
    /// Whether an isolator enforces limits on cpus above the request (G4).
    pub cpu_limits: bool,
    /// Whether an isolator enforces limits on memory above the request (G4).
    pub mem_limits: bool,
    /// `--registration_backoff_factor` (M10).
    pub registration_backoff_factor: Duration,
    /// `--executor_registration_timeout` (G21).
    pub executor_registration_timeout: Duration,
    /// `--executor_shutdown_grace_period` (G26).
    pub executor_shutdown_grace_period: Duration,
    /// `--executor_reregistration_timeout`, told to executors as
    /// `MESOS_SUBSCRIPTION_BACKOFF_MAX`.
    pub executor_reregistration_timeout: Duration,
    /// `--recovery_timeout`, told to executors as `MESOS_RECOVERY_TIMEOUT`.
    pub recovery_timeout: Duration,
    /// `--gc_delay` (G12).
    pub gc_delay: Duration,
    /// `--gc_disk_headroom` (G12), a part of the disk in `[0, 1]`.
    pub gc_disk_headroom: f64,
    /// `--disk_watch_interval` (G12).
    pub disk_watch_interval: Duration,
    /// `--max_completed_executors_per_framework` (M52).
    pub max_completed_executors_per_framework: usize,
    /// All flags as text, for `/state`.
    pub flags: BTreeMap<String, String>,
}
