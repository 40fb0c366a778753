//! What the flags ask for, checked.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use actors::detector::{Detector, NoZooKeeper, detector};
use actors::http_client::{Authorization, AuthorizationError, ContentType};
use actors::scheduler_driver::Transport;
use messages::v1::FrameworkInfo;
use messages::v1::framework_info::{Capability, capability::Type};
use model::Role;
use model::role::RoleError;
use runtime::flags::{FlagError, Flags, LocatorError, MasterLocator};
use thiserror::Error;

use crate::flags::UNSUPPORTED;
use crate::work::{Work, WorkError};

/// How the framework is called.
const FRAMEWORK_NAME: &str = "mesos-execute instance";

/// Everything that the program was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) detector: Arc<dyn Detector>,
    /// Without its user.
    pub(crate) framework_info: FrameworkInfo,
    pub(crate) work: Work,
    pub(crate) transport: Transport,
    pub(crate) kill_after: Option<Duration>,
}

/// The flags make no sense.
#[derive(Debug, Error)]
pub(crate) enum OptionsError {
    #[error(transparent)]
    Flag(#[from] FlagError),
    #[error(transparent)]
    Locator(#[from] LocatorError),
    #[error(transparent)]
    ZooKeeper(#[from] NoZooKeeper),
    #[error("'--{0}' is not supported yet")]
    Unsupported(&'static str),
    #[error("Containerizer '{0}' is not supported yet: 'mesos' is")]
    UnsupportedContainerizer(String),
    #[error("Invalid content type '{0}'")]
    ContentType(String),
    #[error("Flags '--framework_capabilities' specifies an unknown capability '{0}'")]
    UnknownCapability(String),
    #[error("Flags '--framework_capabilities' specifies an unsupported capability '{0}'")]
    UnsupportedCapability(String),
    #[error("Invalid role '{role}': {error}")]
    Role { role: String, error: RoleError },
    #[error("A secret needs a principal: give --principal too")]
    SecretWithoutPrincipal,
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Options {
    /// Checks the flags.
    pub(crate) fn read(flags: &Flags) -> Result<Self, OptionsError> {
        if let Some(flag) = UNSUPPORTED.iter().find(|flag| flags.is_given(flag.name())) {
            return Err(OptionsError::Unsupported(flag.name()));
        }
        let containerizer: String = flags.get("containerizer")?;
        if containerizer != "mesos" {
            return Err(OptionsError::UnsupportedContainerizer(containerizer));
        }
        let role: String = flags.get("role")?;
        let role = match Role::parse(&role) {
            Ok(role) => role,
            Err(error) => return Err(OptionsError::Role { role, error }),
        };
        let principal: Option<String> = flags.get("principal")?;
        Ok(Self {
            detector: master(flags)?,
            work: Work::read(flags, role.clone())?,
            transport: Transport::Http {
                content_type: content_type(flags)?,
                authorization: authorization(principal.as_deref(), flags)?,
            },
            kill_after: flags.get("kill_after")?,
            framework_info: FrameworkInfo {
                name: FRAMEWORK_NAME.to_owned(),
                role: Some(role.as_str().to_owned()),
                checkpoint: Some(flags.get("checkpoint")?),
                capabilities: capabilities(flags)?,
                principal,
                ..FrameworkInfo::default()
            },
        })
    }
}

fn master(flags: &Flags) -> Result<Arc<dyn Detector>, OptionsError> {
    let text: String = flags.get("master")?;
    let locator = MasterLocator::parse(&text, |path| fs::read_to_string(path))?;
    Ok(detector(locator)?)
}

fn content_type(flags: &Flags) -> Result<ContentType, OptionsError> {
    let name: String = flags.get("content_type")?;
    match name.as_str() {
        "json" | "application/json" => Ok(ContentType::Json),
        "protobuf" | "application/x-protobuf" => Ok(ContentType::Protobuf),
        _ => Err(OptionsError::ContentType(name)),
    }
}

fn authorization(
    principal: Option<&str>,
    flags: &Flags,
) -> Result<Option<Authorization>, OptionsError> {
    let secret: Option<String> = flags.get("secret")?;
    match (principal, secret) {
        (_, None) => Ok(None),
        (None, Some(_)) => Err(OptionsError::SecretWithoutPrincipal),
        (Some(principal), Some(secret)) => Ok(Some(Authorization::basic(principal, &secret)?)),
    }
}

fn capabilities(flags: &Flags) -> Result<Vec<Capability>, OptionsError> {
    let mut types = vec![
        Type::ReservationRefinement,
        Type::TaskKillingState,
        Type::RevocableResources,
    ];
    if flags.get("partition_aware")? {
        types.push(Type::PartitionAware);
    }
    let names: Option<String> = flags.get("framework_capabilities")?;
    for name in names
        .iter()
        .flat_map(|names| names.split(','))
        .filter(|name| !name.is_empty())
    {
        match Type::from_str_name(name) {
            Some(Type::GpuResources) => types.push(Type::GpuResources),
            Some(_) => return Err(OptionsError::UnsupportedCapability(name.to_owned())),
            None => return Err(OptionsError::UnknownCapability(name.to_owned())),
        }
    }
    Ok(types
        .into_iter()
        .map(|one| Capability {
            r#type: Some(one.into()),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use runtime::flags::Loaded;

    use super::*;
    use crate::flags::PROGRAM;

    fn read(more: &[&str]) -> Result<Options, OptionsError> {
        let always = ["--master=127.0.0.1:5050", "--name=n", "--command=true"];
        let args = always.iter().chain(more).map(|&arg| arg.to_owned());
        match PROGRAM.load(args, [], |path| fs::read_to_string(path))? {
            Loaded::Run(flags) => Options::read(&flags),
            Loaded::Print(text) => panic!("{text}"),
        }
    }

    fn refusal(arg: &str) -> String {
        read(&[arg]).unwrap_err().to_string()
    }

    #[test]
    fn the_usual_flags_make_the_usual_framework() {
        let options = read(&["--role=ads", "--checkpoint", "--kill_after=2mins"]).unwrap();
        let info = &options.framework_info;
        assert_eq!((info.name.as_str(), info.role()), (FRAMEWORK_NAME, "ads"));
        assert!(info.checkpoint());
        assert_eq!(info.capabilities.len(), 4);
        let Transport::Http { content_type, .. } = options.transport else {
            panic!()
        };
        assert_eq!(content_type, ContentType::Protobuf);
        assert_eq!(options.kill_after, Some(Duration::from_secs(120)));
    }

    #[test]
    fn what_is_not_there_yet_is_said() {
        assert!(refusal("--containerizer=docker").contains("not supported yet"));
        assert_eq!(
            refusal("--docker_image=busybox"),
            "'--docker_image' is not supported yet"
        );
    }

    #[test]
    fn capabilities_are_checked() {
        assert!(refusal("--framework_capabilities=NOSUCH").contains("unknown capability"));
        assert!(refusal("--framework_capabilities=MULTI_ROLE").contains("unsupported"));
        let options = read(&[
            "--framework_capabilities=GPU_RESOURCES",
            "--no-partition_aware",
        ])
        .unwrap();
        let last = options.framework_info.capabilities.last().unwrap();
        assert_eq!(last.r#type(), Type::GpuResources);
        assert_eq!(options.framework_info.capabilities.len(), 4);
    }

    #[test]
    fn bad_values_are_named() {
        assert_eq!(refusal("--content_type=xml"), "Invalid content type 'xml'");
        assert!(refusal("--role=a//b").starts_with("Invalid role 'a//b'"));
        assert!(refusal("--secret=s").contains("--principal"));
        assert!(refusal("--kill_after=soon").contains("kill_after"));
        assert!(refusal("--resources=cpus:many").contains("cpus:many"));
    }

    #[test]
    fn zookeeper_is_not_spoken_yet() {
        let args = ["--master=zk://a:1/m", "--name=n", "--command=true"];
        let loaded = PROGRAM.load(args.map(str::to_owned), [], |path| fs::read_to_string(path));
        let Ok(Loaded::Run(flags)) = loaded else {
            panic!()
        };
        assert!(matches!(
            Options::read(&flags),
            Err(OptionsError::ZooKeeper(_))
        ));
    }
}
