//! What an agent tells its executors by environment variables (G22).

use std::time::Duration;

use model::{AgentId, ExecutorId, FrameworkId};
use runtime::units::{DurationError, parse_duration};
use runtime::{ParsePidError, Pid};
use runtime_core::percent;
use thiserror::Error;

use crate::http_client::{Authorization, AuthorizationError, Endpoint};

/// The `MESOS_` variables that an executor lives by.
#[derive(Debug, Clone)]
pub struct ExecutorEnvironment {
    /// The framework that the executor belongs to.
    pub framework_id: FrameworkId,
    /// The executor's own id within the framework.
    pub executor_id: ExecutorId,
    /// The agent's id, when it is told.
    pub agent_id: Option<AgentId>,
    /// The agent, for libprocess.
    pub agent_pid: Pid,
    /// The agent's executor API.
    pub endpoint: Endpoint,
    /// How long the agent waits after SHUTDOWN before it destroys the container.
    pub shutdown_grace_period: Duration,
    /// How to outlive the agent's restarts; none when the framework does not checkpoint.
    pub checkpointing: Option<Checkpointing>,
    /// What the executor proves itself with.
    pub authorization: Option<Authorization>,
}

/// How an executor of a checkpointing framework waits for its agent to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpointing {
    /// How long the agent may be away before the executor shuts down.
    pub recovery_timeout: Duration,
    /// The longest pause between two attempts to subscribe.
    pub backoff_max: Duration,
}

/// The environment is not that of an executor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// A variable is missing.
    #[error("Expecting '{0}' to be set in the environment: an executor is started by its agent")]
    Missing(&'static str),
    /// A duration cannot be read.
    #[error("Failed to parse {name} '{value}': {source}")]
    BadDuration {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        source: DurationError,
    },
    /// The agent's pid cannot be read.
    #[error("Failed to parse {AGENT_PID}: {0}")]
    BadPid(#[from] ParsePidError),
    /// The token cannot be used.
    #[error("Failed to use {TOKEN}: {0}")]
    BadToken(#[from] AuthorizationError),
}

const FRAMEWORK_ID: &str = "MESOS_FRAMEWORK_ID";
const EXECUTOR_ID: &str = "MESOS_EXECUTOR_ID";
const AGENT_ID: &str = "MESOS_SLAVE_ID";
const AGENT_PID: &str = "MESOS_SLAVE_PID";
const CHECKPOINT: &str = "MESOS_CHECKPOINT";
const RECOVERY_TIMEOUT: &str = "MESOS_RECOVERY_TIMEOUT";
const BACKOFF_MAX: &str = "MESOS_SUBSCRIPTION_BACKOFF_MAX";
const GRACE_PERIOD: &str = "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD";
const TOKEN: &str = ExecutorEnvironment::TOKEN;

impl ExecutorEnvironment {
    /// The variable that holds the executor's secret: not for the eyes of its tasks.
    pub const TOKEN: &'static str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

    /// Reads the environment through `variable`, at the edge and once.
    ///
    /// # Errors
    ///
    /// When a variable that is needed is missing or cannot be read.
    pub fn read(
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, EnvironmentError> {
        let needed = |name| variable(name).ok_or(EnvironmentError::Missing(name));
        let duration = |name| {
            let value = needed(name)?;
            parse_duration(&value).map_err(|source| EnvironmentError::BadDuration {
                name,
                value,
                source,
            })
        };
        let agent: Pid = needed(AGENT_PID)?.parse()?;
        let path = format!("/{}/api/v1/executor", percent::encode(agent.id.as_str()));
        let is_checkpointing = variable(CHECKPOINT).is_some_and(|value| value == "1");
        let checkpointing = is_checkpointing.then(|| {
            Ok::<_, EnvironmentError>(Checkpointing {
                recovery_timeout: duration(RECOVERY_TIMEOUT)?,
                backoff_max: duration(BACKOFF_MAX)?,
            })
        });
        let authorization = variable(TOKEN).map(|token| Authorization::bearer(&token));
        Ok(Self {
            framework_id: needed(FRAMEWORK_ID)?.into(),
            executor_id: needed(EXECUTOR_ID)?.into(),
            agent_id: variable(AGENT_ID).map(AgentId::from),
            endpoint: Endpoint::new(agent.address.ip().to_string(), agent.address.port(), path),
            agent_pid: agent,
            shutdown_grace_period: duration(GRACE_PERIOD)?,
            checkpointing: checkpointing.transpose()?,
            authorization: authorization.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn variables() -> BTreeMap<&'static str, &'static str> {
        BTreeMap::from([
            (FRAMEWORK_ID, "F"),
            (EXECUTOR_ID, "E"),
            (AGENT_ID, "S0"),
            (AGENT_PID, "slave(1)@127.0.0.1:5051"),
            (CHECKPOINT, "0"),
            (GRACE_PERIOD, "5secs"),
        ])
    }

    fn read(
        variables: &BTreeMap<&'static str, &'static str>,
    ) -> Result<ExecutorEnvironment, EnvironmentError> {
        ExecutorEnvironment::read(|name| variables.get(name).map(|&value| value.to_owned()))
    }

    #[test]
    fn the_agents_pid_says_where_the_api_is() {
        let environment = read(&variables()).unwrap();
        assert_eq!(
            environment.endpoint.to_string(),
            "http://127.0.0.1:5051/slave(1)/api/v1/executor"
        );
        assert_eq!(environment.shutdown_grace_period, Duration::from_secs(5));
        assert_eq!(environment.checkpointing, None);
    }

    #[test]
    fn checkpointing_needs_its_times() {
        let mut variables = variables();
        variables.insert(CHECKPOINT, "1");
        assert_eq!(
            read(&variables).unwrap_err(),
            EnvironmentError::Missing(RECOVERY_TIMEOUT)
        );
        variables.insert(RECOVERY_TIMEOUT, "15mins");
        variables.insert(BACKOFF_MAX, "2secs");
        assert_eq!(
            read(&variables).unwrap().checkpointing,
            Some(Checkpointing {
                recovery_timeout: Duration::from_secs(900),
                backoff_max: Duration::from_secs(2),
            })
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let mut variables = variables();
        variables.insert(GRACE_PERIOD, "5 parsecs");
        let text = read(&variables).unwrap_err().to_string();
        assert!(
            text.starts_with("Failed to parse MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"),
            "{text}"
        );
        variables.insert(AGENT_PID, "slave(1)");
        assert!(matches!(read(&variables), Err(EnvironmentError::BadPid(_))));
        variables.remove(AGENT_PID);
        assert_eq!(
            read(&variables).unwrap_err(),
            EnvironmentError::Missing(AGENT_PID)
        );
    }
}
