//! The flags that all of these frameworks have.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use actors::detector::{NoZooKeeper, detector};
use actors::http_client::{Authorization, AuthorizationError, ContentType};
use actors::scheduler_driver::{Acknowledgements, Backoff, SchedulerConfig, Transport};
use messages::v1::FrameworkInfo;
use messages::v1::framework_info::{Capability, capability::Type};
use model::Role;
use model::role::RoleError;
use nix::unistd::{Uid, User};
use runtime::flags::{Flag, FlagError, Flags, LocatorError, MasterLocator, Secret};
use thiserror::Error;

use crate::framework::Settings;

/// Beside those of logging.
pub(crate) const COMMON: &[Flag] = &[
    Flag::text("master", "The master, as host:port.").required(),
    Flag::path(
        "state",
        "The file in which the framework writes down what it does. Started\n\
         again with the same file, it goes on where it was.",
    )
    .required(),
    Flag::bool(
        "teardown",
        "Instead of running, end the framework that the state is of, and all\n\
         of its tasks.",
    )
    .default("false"),
    Flag::text(
        "transport",
        "How master and framework talk: 'http' (the v1 API) or 'libprocess'.",
    )
    .default("http"),
    Flag::text(
        "content_type",
        "How calls and events are written by HTTP: 'json' or 'protobuf'.",
    )
    .default("protobuf"),
    Flag::text(
        "principal",
        "The principal to use for framework authentication.",
    ),
    Flag::text("secret", "The secret to use for framework authentication.").secret(Secret::All),
    Flag::text("name", "The framework's name; the program's if not given."),
    Flag::text("role", "The role that resources are taken for.").default("*"),
    Flag::text("user", "The user that tasks run as; this one if not given."),
    Flag::duration(
        "failover_timeout",
        "How long the tasks live on without the framework.",
    )
    .default("1weeks"),
    Flag::bool("checkpoint", "Let tasks outlive a restart of their agent.").default("false"),
    Flag::duration(
        "patience",
        "How long a task may be on an agent that is not reachable; then\n\
         another one is launched, and the task is killed if it comes back.",
    )
    .default("2mins"),
    Flag::text(
        "ip",
        "The address to listen at: for `/state`, and for libprocess.",
    )
    .default("127.0.0.1"),
    Flag::integer("port", "The port to listen at; any free one if 0.").default("0"),
];

/// What the common flags say.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) settings: Settings,
    pub(crate) state: PathBuf,
    pub(crate) listen: SocketAddr,
}

/// The common flags make no sense.
#[derive(Debug, Error)]
pub(crate) enum CommonError {
    #[error(transparent)]
    Flag(#[from] FlagError),
    #[error(transparent)]
    Locator(#[from] LocatorError),
    #[error(transparent)]
    ZooKeeper(#[from] NoZooKeeper),
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    #[error("Invalid role '{role}': {error}")]
    Role { role: String, error: RoleError },
    #[error("Invalid --{flag} '{value}': expecting {expected}")]
    Value {
        flag: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error("A secret needs a principal, and the 'http' transport")]
    Secret,
    #[error("No username for uid {0}: give --user")]
    NoUser(Uid),
}

impl Common {
    /// Checks the flags of the program of this name.
    pub(crate) fn read(program: &str, flags: &Flags) -> Result<Self, CommonError> {
        let role: String = flags.get("role")?;
        let role = Role::parse(&role).map_err(|error| CommonError::Role { role, error })?;
        let locator: String = flags.get("master")?;
        let locator = MasterLocator::parse(&locator, |path| std::fs::read_to_string(path))?;
        let failover: Duration = flags.get("failover_timeout")?;
        let principal: Option<String> = flags.get("principal")?;
        let transport = transport(flags, principal.as_deref())?;
        let capabilities = [Type::PartitionAware, Type::ReservationRefinement];
        let name: Option<String> = flags.get("name")?;
        let framework_info = FrameworkInfo {
            user: user(flags)?,
            name: name.unwrap_or_else(|| program.to_owned()),
            role: Some(role.as_str().to_owned()),
            failover_timeout: Some(failover.as_secs_f64()),
            checkpoint: Some(flags.get("checkpoint")?),
            capabilities: capabilities
                .map(|one| Capability {
                    r#type: Some(one.into()),
                })
                .to_vec(),
            principal,
            ..FrameworkInfo::default()
        };
        let ip: String = flags.get("ip")?;
        let ip: IpAddr = ip.parse().map_err(|_| CommonError::Value {
            flag: "ip",
            value: ip,
            expected: "an IP address",
        })?;
        Ok(Self {
            settings: Settings {
                scheduler: SchedulerConfig {
                    detector: detector(locator)?,
                    framework_info,
                    suppressed_roles: Vec::new(),
                    transport,
                    acknowledgements: Acknowledgements::Automatic,
                    backoff: Backoff::default(),
                },
                role,
                patience: flags.get("patience")?,
                teardown: flags.get("teardown")?,
            },
            state: flags.get("state")?,
            listen: SocketAddr::new(ip, flags.get("port")?),
        })
    }
}

fn transport(flags: &Flags, principal: Option<&str>) -> Result<Transport, CommonError> {
    let secret: Option<String> = flags.get("secret")?;
    let content_type: String = flags.get("content_type")?;
    let content_type = match content_type.as_str() {
        "json" => ContentType::Json,
        "protobuf" => ContentType::Protobuf,
        _ => {
            return Err(CommonError::Value {
                flag: "content_type",
                value: content_type,
                expected: "'json' or 'protobuf'",
            });
        }
    };
    let name: String = flags.get("transport")?;
    match (name.as_str(), secret, principal) {
        ("http", None, _) => Ok(Transport::Http {
            content_type,
            authorization: None,
        }),
        ("http", Some(secret), Some(principal)) => Ok(Transport::Http {
            content_type,
            authorization: Some(Authorization::basic(principal, &secret)?),
        }),
        ("libprocess", None, _) => Ok(Transport::Libprocess),
        ("http" | "libprocess", Some(_), _) => Err(CommonError::Secret),
        _ => Err(CommonError::Value {
            flag: "transport",
            value: name,
            expected: "'http' or 'libprocess'",
        }),
    }
}

fn user(flags: &Flags) -> Result<String, CommonError> {
    let given: Option<String> = flags.get("user")?;
    let own = || {
        let uid = Uid::current();
        let user = User::from_uid(uid).ok().flatten();
        user.map(|user| user.name).ok_or(CommonError::NoUser(uid))
    };
    given.map_or_else(own, Ok)
}
