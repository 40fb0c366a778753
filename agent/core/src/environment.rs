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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, custom_executor, framework_id};

    fn environment(config: &Config, checkpoint: bool) -> BTreeMap<String, String> {
        let executor = custom_executor("e");
        let agent = AgentId::from("m-S0");
        let sandbox = Path::new("/w/s");
        executor_environment(
            config,
            &agent,
            &framework_id(),
            &executor,
            sandbox,
            checkpoint,
        )
    }

    #[test]
    fn executors_find_their_agent() {
        let text: Vec<String> = environment(&config(), false)
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            text,
            [
                "LIBPROCESS_IP=127.0.0.1",
                "LIBPROCESS_PORT=0",
                "MESOS_AGENT_ENDPOINT=127.0.0.1:5051",
                "MESOS_CHECKPOINT=0",
                "MESOS_DIRECTORY=/w/s",
                "MESOS_EXECUTOR_ID=e",
                "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD=5secs",
                "MESOS_FRAMEWORK_ID=m-0001",
                "MESOS_HTTP_COMMAND_EXECUTOR=0",
                "MESOS_SANDBOX=/w/s",
                "MESOS_SLAVE_ID=m-S0",
                "MESOS_SLAVE_PID=slave(1)@127.0.0.1:5051",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ]
        );
    }

    #[test]
    fn checkpointing_frameworks_executors_know_how_long_to_wait() {
        let environment = environment(&config(), true);
        assert_eq!(environment["MESOS_CHECKPOINT"], "1");
        assert_eq!(environment["MESOS_RECOVERY_TIMEOUT"], "15mins");
        assert_eq!(environment["MESOS_SUBSCRIPTION_BACKOFF_MAX"], "2secs");
    }

    #[test]
    fn the_operator_may_set_all_but_the_agents_own() {
        let mut config = config();
        config.executor_environment = BTreeMap::from([
            ("PATH".into(), "/mine".into()),
            ("MESOS_SLAVE_ID".into(), "forged".into()),
        ]);
        let environment = environment(&config, false);
        assert_eq!(environment["PATH"], "/mine");
        assert_eq!(environment["MESOS_SLAVE_ID"], "m-S0");
    }
}
