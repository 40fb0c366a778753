//! The environment of executors (G22).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use messages::v1;
use model::ids::{AgentId, FrameworkId};
use runtime_core::units::DurationText;

use crate::config::Config;

/// The search path of executors, unless `--executor_environment_variables` sets another.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All variables that an executor is given by its agent.
pub(crate) fn executor_environment(
    config: &Config,
    agent: &AgentId,
    framework: &FrameworkId,
    executor: &v1::ExecutorInfo,
    sandbox: &Path,
    checkpoint: bool,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
    if let Some(ip) = &config.libprocess_ip {
        environment.insert("LIBPROCESS_IP".into(), ip.clone());
    }
    environment.extend(config.executor_environment.clone());

    let flag = |set: bool| if set { "1" } else { "0" }.to_owned();
    let sandbox = sandbox.display().to_string();
    let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
    set("LIBPROCESS_PORT", "0".into());
    set("MESOS_FRAMEWORK_ID", framework.to_string());
    set("MESOS_EXECUTOR_ID", executor.executor_id.value.clone());
    set("MESOS_DIRECTORY", sandbox.clone());
    set("MESOS_SANDBOX", sandbox);
    set("MESOS_SLAVE_ID", agent.to_string());
    set("MESOS_SLAVE_PID", config.pid.to_string());
    set("MESOS_AGENT_ENDPOINT", config.pid.address.to_string());
    set("MESOS_CHECKPOINT", flag(checkpoint));
    set(
        "MESOS_HTTP_COMMAND_EXECUTOR",
        flag(config.http_command_executor),
    );
    set(
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
        DurationText(shutdown_grace_period(config, executor)).to_string(),
    );
    if checkpoint {
        set(
            "MESOS_RECOVERY_TIMEOUT",
            DurationText(config.recovery_timeout).to_string(),
        );
        set(
            "MESOS_SUBSCRIPTION_BACKOFF_MAX",
            DurationText(config.executor_reregistration_timeout).to_string(),
        );
    }
    environment
}

/// How long an executor may take to shut down: its own wish, else the agent's flag (G26).
pub(crate) fn shutdown_grace_period(config: &Config, executor: &v1::ExecutorInfo) -> Duration {
    executor
        .shutdown_grace_period
        .as_ref()
        .and_then(|grace| u64::try_from(grace.nanoseconds).ok())
        .map_or(config.executor_shutdown_grace_period, Duration::from_nanos)
}
