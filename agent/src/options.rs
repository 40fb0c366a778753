//! What the flags say, each read once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::daemon::{Address, AddressError, VERSION};
use agent_core::{COMMAND_EXECUTOR_PROGRAM, Config, command_executor_arguments};
use containerizer::{Isolation, IsolationError, Launcher, LauncherError, TemplateProgram};
use messages::json::{self, JsonError};
use messages::table::Described;
use model::attributes::{self, AttributeError};
use model::{ResourceError, Role};
use runtime::flags::{FlagError, Flags, LocatorError, MasterLocator};
use runtime::units::DurationText;
use runtime_core::libprocess::Peer;
use serde_json::Value;
use thiserror::Error;

use crate::machine::Machine;
use crate::resources::resources;

/// Where sandboxes are inside containers that have a root filesystem of their own.
const SANDBOX_IN_CONTAINER: &str = "/mnt/mesos/sandbox";

/// The longest `--executor_reregistration_timeout` (G16).
const REREGISTRATION_TIMEOUT_MAX: Duration = Duration::from_secs(15);

/// A flag's value does not make sense.
#[derive(Debug, Error)]
pub enum OptionError {
    /// It is not of the flag's form.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// No address can be made out.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// It is of the form, but not a value that the flag may have.
    #[error("--{flag}={value}: {expected}")]
    Unfit {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// `--master` locates no master.
    #[error("--master: {0}")]
    Master(#[from] LocatorError),
    /// `--isolation` names what does not exist.
    #[error(transparent)]
    Isolation(#[from] IsolationError),
    /// `--launcher` names what does not exist.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// `--resources` cannot be read.
    #[error("--resources: {0}")]
    Resources(#[from] ResourceError),
    /// `--attributes` cannot be read.
    #[error("--attributes: {0}")]
    Attributes(#[from] AttributeError),
    /// A flag's JSON is not what it should be.
    #[error("--{flag}: {error}")]
    Json {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        error: JsonError,
    },
    /// The directory of this program is not known, and none is given.
    #[error("--launcher_dir: cannot find this program's own directory, give it: {0}")]
    OwnDirectory(std::io::Error),
    /// A path cannot be made absolute.
    #[error("--work_dir: {0}")]
    WorkDir(std::io::Error),
}

/// What an agent is told at its start.
#[derive(Debug)]
pub struct Options {
    /// Where to listen, and under which name.
    pub address: Address,
    /// Where the master is.
    pub master: Peer,
    /// How containers are run.
    pub containers: containerizer::Options,
    /// What the core decides by; its pid is known when the agent listens.
    pub core: Config,
    /// Old words in flags, each with what to write instead.
    pub deprecated: Vec<(&'static str, &'static str)>,
}

impl Options {
    /// What the agent shares out, as text.
    pub fn resources(&self) -> String {
        self.core.resources.to_string()
    }

    /// Reads the flags; `variable` reads the environment for libprocess' variables,
    /// `machine` says what is not given.
    ///
    /// # Errors
    ///
    /// A flag's value does not make sense.
    pub fn read(
        flags: &Flags,
        variable: impl Fn(&str) -> Option<String>,
        machine: &Machine,
    ) -> Result<Self, OptionError> {
        check_containerizers(flags)?;
        let Launcher::Posix = flags.get::<String>("launcher")?.parse()?;
        let isolation: Isolation = flags.get::<String>("isolation")?.parse()?;
        let address = Address::resolve(flags, &variable)?;
        let launcher_dir = launcher_dir(flags)?;
        let home: String = flags.get("frameworks_home")?;
        let given_ip = flags
            .get::<Option<String>>("ip")?
            .or_else(|| variable("LIBPROCESS_IP"));
        let core = core(flags, &address, &launcher_dir, given_ip, machine)?;
        Ok(Self {
            master: master(flags)?,
            deprecated: isolation.deprecated().to_vec(),
            containers: containerizer::Options {
                launcher_dir,
                frameworks_home: Some(home).filter(|home| !home.is_empty()),
                fetcher_stall_timeout: flags.get("fetcher_stall_timeout")?,
                isolation,
                template: template(flags, &core)?,
            },
            core,
            address,
        })
    }
}

/// `--work_dir`, absolute.
///
/// # Errors
///
/// The current directory, which a relative one starts from, is not known.
pub(crate) fn work_dir(flags: &Flags) -> Result<PathBuf, OptionError> {
    std::path::absolute(flags.get::<PathBuf>("work_dir")?).map_err(OptionError::WorkDir)
}

fn unfit<T>(flag: &'static str, value: String, expected: &'static str) -> Result<T, OptionError> {
    Err(OptionError::Unfit {
        flag,
        value,
        expected,
    })
}

fn check_containerizers(flags: &Flags) -> Result<(), OptionError> {
    let value: String = flags.get("containerizers")?;
    let names: Vec<_> = value.split(',').map(str::trim).collect();
    match names.as_slice() {
        ["mesos"] => Ok(()),
        names if names.contains(&"docker") => unfit(
            "containerizers",
            value,
            "the docker containerizer is not supported yet, use mesos",
        ),
        _ => unfit("containerizers", value, "the only containerizer is 'mesos'"),
    }
}

fn master(flags: &Flags) -> Result<Peer, OptionError> {
    let value: String = flags.get("master")?;
    // A `file://` has been read in when the flags were loaded.
    let locator = MasterLocator::parse(&value, |_| Err(std::io::ErrorKind::Unsupported.into()))?;
    match locator {
        MasterLocator::Fixed(peer) => Ok(peer),
        MasterLocator::ZooKeeper(_) => unfit(
            "master",
            runtime::flags::hide_credentials(&value),
            "finding the master by ZooKeeper is not supported yet, give its host:port",
        ),
    }
}

fn launcher_dir(flags: &Flags) -> Result<PathBuf, OptionError> {
    if let Some(given) = flags.get::<Option<PathBuf>>("launcher_dir")? {
        return std::path::absolute(given).map_err(OptionError::OwnDirectory);
    }
    let program = std::env::current_exe().map_err(OptionError::OwnDirectory)?;
    Ok(program.parent().map(Path::to_path_buf).unwrap_or_default())
}

fn core(
    flags: &Flags,
    address: &Address,
    launcher_dir: &Path,
    libprocess_ip: Option<String>,
    machine: &Machine,
) -> Result<Config, OptionError> {
    let role = default_role(flags)?;
    let given: Option<String> = flags.get("resources")?;
    let attributes = flags.get::<Option<String>>("attributes")?;
    Ok(Config {
        pid: runtime::Pid::new("slave(1)", address.advertise.unwrap_or(address.listen)),
        hostname: address.hostname.clone(),
        version: VERSION.to_owned(),
        work_dir: work_dir(flags)?,
        launcher_dir: launcher_dir.to_owned(),
        command_executor: command_executor(launcher_dir),
        sandbox_directory: SANDBOX_IN_CONTAINER.to_owned(),
        resources: resources(given.as_deref(), &role, machine)?,
        attributes: attributes.map_or(Ok(Vec::new()), |text| attributes::parse(&text))?,
        domain: message(flags, "domain")?,
        default_container_info: message(flags, "default_container_info")?,
        executor_environment: executor_environment(flags)?,
        libprocess_ip,
        switch_user: flags.get("switch_user")?,
        http_command_executor: flags.get("http_command_executor")?,
        cpu_limits: false,
        mem_limits: false,
        registration_backoff_factor: flags.get("registration_backoff_factor")?,
        executor_registration_timeout: flags.get("executor_registration_timeout")?,
        executor_shutdown_grace_period: flags.get("executor_shutdown_grace_period")?,
        executor_reregistration_timeout: executor_reregistration_timeout(flags)?,
        recovery_timeout: flags.get("recovery_timeout")?,
        gc_delay: flags.get("gc_delay")?,
        gc_disk_headroom: gc_disk_headroom(flags)?,
        disk_watch_interval: flags.get("disk_watch_interval")?,
        max_completed_executors_per_framework: flags
            .get("max_completed_executors_per_framework")?,
        flags: flags.shown(),
    })
}

fn default_role(flags: &Flags) -> Result<Role, OptionError> {
    let value: String = flags.get("default_role")?;
    match Role::parse(&value) {
        Ok(role) => Ok(role),
        Err(_) => unfit("default_role", value, "expected the name of a role, or *"),
    }
}

fn gc_disk_headroom(flags: &Flags) -> Result<f64, OptionError> {
    let value: f64 = flags.get("gc_disk_headroom")?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        unfit(
            "gc_disk_headroom",
            value.to_string(),
            "expected a part, 0 to 1",
        )
    }
}

fn executor_reregistration_timeout(flags: &Flags) -> Result<Duration, OptionError> {
    let value: Duration = flags.get("executor_reregistration_timeout")?;
    if value <= REREGISTRATION_TIMEOUT_MAX {
        return Ok(value);
    }
    let value = DurationText(value).to_string();
    unfit(
        "executor_reregistration_timeout",
        value,
        "expected 15secs or less",
    )
}

fn message<M: Described>(flags: &Flags, flag: &'static str) -> Result<Option<M>, OptionError> {
    flags
        .get::<Option<Value>>(flag)?
        .map(|value| json::from_value(&value))
        .transpose()
        .map_err(|error| OptionError::Json { flag, error })
}

fn executor_environment(flags: &Flags) -> Result<BTreeMap<String, String>, OptionError> {
    const FLAG: &str = "executor_environment_variables";
    let Some(value) = flags.get::<Option<Value>>(FLAG)? else {
        return Ok(BTreeMap::new());
    };
    let variables: Option<BTreeMap<_, _>> = value.as_object().and_then(|variables| {
        variables
            .iter()
            .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    });
    match variables {
        Some(variables) => Ok(variables),
        None => unfit(
            FLAG,
            value.to_string(),
            "expected a JSON object whose values are texts",
        ),
    }
}

/// The command executor's program, or why there is none: tasks' sandboxes will say so.
fn command_executor(launcher_dir: &Path) -> Result<PathBuf, String> {
    let program = launcher_dir.join(COMMAND_EXECUTOR_PROGRAM);
    match fs::metadata(&program) {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(program),
        Ok(_) => Err(format!("{} cannot be executed", program.display())),
        Err(error) => Err(format!("cannot run {}: {error}", program.display())),
    }
}

/// What executors of commands are copied from.
fn template(flags: &Flags, core: &Config) -> Result<Option<TemplateProgram>, OptionError> {
    let program = core.command_executor.as_ref().ok();
    let wanted = flags.get("executor_template")?;
    Ok(program.filter(|_| wanted).map(|program| TemplateProgram {
        program: program.clone(),
        arguments: command_executor_arguments(core)
            .into_iter()
            .map(Into::into)
            .collect(),
    }))
}

#[cfg(test)]
mod tests {
    use runtime::flags::Loaded;

    use super::*;
    use crate::flags::PROGRAM;

    const MACHINE: Machine = Machine {
        cpus: Some(4),
        mem: Some(8 << 30),
        disk: Some(100 << 30),
    };

    fn read(args: &[&str]) -> Result<Options, String> {
        let args = args.iter().map(|&arg| arg.to_owned());
        let none: [(String, String); 0] = [];
        let loaded = PROGRAM
            .load(args, none, |path| match path.to_str() {
                Some("/master") => Ok("10.0.0.1:5050\n".to_owned()),
                _ => Err(std::io::ErrorKind::NotFound.into()),
            })
            .map_err(|error| error.to_string())?;
        let Loaded::Run(flags) = loaded else {
            panic!("help was not asked for")
        };
        Options::read(&flags, |_| None, &MACHINE).map_err(|error| error.to_string())
    }

    fn with(more: &[&str]) -> Result<Options, String> {
        let mut args = vec!["--master=127.0.0.1:5050", "--work_dir=/w", "--ip=127.0.0.1"];
        args.extend(more);
        read(&args)
    }

    #[test]
    fn the_defaults_are_upstreams() {
        let options = with(&[]).unwrap();
        assert_eq!(options.address.listen, ([127, 0, 0, 1], 5051).into());
        assert_eq!(options.master.to_string(), "master@127.0.0.1:5050");
        let core = &options.core;
        assert_eq!(core.gc_delay, Duration::from_secs(7 * 24 * 3600));
        assert_eq!(core.executor_shutdown_grace_period, Duration::from_secs(5));
        assert_eq!(core.max_completed_executors_per_framework, 150);
        assert_eq!(core.libprocess_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(
            core.resources.to_string(),
            "cpus:4; mem:7168; disk:97280; ports:[31000-32000]"
        );
        assert!(core.switch_user && core.attributes.is_empty());
        assert_eq!(options.containers.frameworks_home, None);
        assert_eq!(core.flags["isolation"], "posix/cpu,posix/mem");
    }

    #[test]
    fn helpers_lie_beside_the_program() {
        let own = std::env::current_exe().unwrap();
        let options = with(&[]).unwrap();
        assert_eq!(options.containers.launcher_dir, own.parent().unwrap());
        let missing = with(&["--launcher_dir=/nowhere"])
            .unwrap()
            .core
            .command_executor;
        assert!(missing.unwrap_err().contains("/nowhere/mesos-executor"));
    }

    #[test]
    fn a_master_is_given_in_several_ways() {
        for text in ["10.0.0.1:5050", "master@10.0.0.1:5050", "file:///master"] {
            let master = format!("--master={text}");
            let options = read(&[&master, "--work_dir=/w"]).unwrap();
            assert_eq!(options.master.to_string(), "master@10.0.0.1:5050", "{text}");
        }
        let error = read(&["--master=zk://u:p@a:1/mesos", "--work_dir=/w"]).unwrap_err();
        assert!(error.contains("ZooKeeper is not supported yet"), "{error}");
        assert!(!error.contains("u:p"), "{error}");
    }

    #[test]
    fn resources_attributes_and_environment_are_read() {
        let options = with(&[
            "--resources=cpus:2;mem(web):64",
            "--attributes=rack:r1;n:5",
            r#"--executor_environment_variables={"A":"1"}"#,
            r#"--domain={"fault_domain":{"region":{"name":"r"},"zone":{"name":"z"}}}"#,
        ])
        .unwrap();
        assert_eq!(options.core.resources.cpus().to_f64(), 2.0);
        assert_eq!(options.core.attributes.len(), 2);
        assert_eq!(options.core.executor_environment["A"], "1");
        assert!(options.core.domain.unwrap().fault_domain.is_some());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (arg, words) in [
            ("--containerizers=docker,mesos", "not supported yet"),
            ("--containerizers=lxc", "only containerizer"),
            ("--launcher=linux", "--launcher=posix"),
            ("--isolation=cgroups/cpu", "cgroups/cpu"),
            ("--resources=cpus", "--resources"),
            ("--attributes=rack", "--attributes"),
            ("--gc_disk_headroom=2", "0 to 1"),
            ("--gc_delay=5m", "gc_delay"),
            ("--executor_reregistration_timeout=20secs", "15secs or less"),
            (
                "--executor_environment_variables={\"A\":1}",
                "values are texts",
            ),
            ("--domain={\"fault_domain\":5}", "--domain"),
            ("--default_role=a b", "default_role"),
            ("--nonsense=1", "nonsense"),
        ] {
            let error = with(&[arg]).unwrap_err();
            assert!(error.contains(words), "{arg}: {error}");
        }
        assert!(read(&["--master=a:1"]).unwrap_err().contains("work_dir"));
        assert!(read(&["--work_dir=/w"]).unwrap_err().contains("master"));
        assert!(
            read(&["--work_dir=/w", "--master=a"])
                .unwrap_err()
                .contains("--master")
        );
    }
}
