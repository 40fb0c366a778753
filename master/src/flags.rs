//! The flags of `mesos-master`, upstream's as far as their feature exists (11.2, 11.3).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use actors::daemon::{self, Address, AddressError};
use master_core::allocator::{self, SorterKind, parse_min_allocatable};
use model::{ResourceError, Role};
use runtime::flags::{Flag, FlagError, Flags, Program};
use thiserror::Error;

use crate::registrar::Timeouts;

const FLAGS: &[Flag] = &[
    Flag::duration("agent_ping_timeout", "Time within which an agent is to answer a ping.")
        .default("15secs")
        .deprecated(&["slave_ping_timeout"]),
    Flag::text(
        "agent_removal_rate_limit",
        "The most agents that are marked unreachable in a time, such as 1/10mins.",
    )
    .deprecated(&["slave_removal_rate_limit"]),
    Flag::duration(
        "agent_reregister_timeout",
        "Time within which known agents are to return after a failover (10mins or more).",
    )
    .default("10mins")
    .deprecated(&["slave_reregister_timeout"]),
    Flag::duration("allocation_interval", "Time between allocations over all agents.")
        .default("1secs"),
    Flag::text("allocator", "The allocator: hierarchical.").default("hierarchical"),
    Flag::text("cluster", "The cluster's name, for people."),
    Flag::text(
        "fair_sharing_excluded_resource_names",
        "Names of resources that do not count for fair sharing, parted by commas.",
    ),
    Flag::bool(
        "filter_gpu_resources",
        "Whether agents with GPUs are offered only to frameworks with GPU_RESOURCES.",
    )
    .default("true"),
    Flag::text("framework_sorter", "How frameworks of a role take turns: drf or random.")
        .default("drf"),
    Flag::integer("max_agent_ping_timeouts", "Unanswered pings after which an agent is unreachable.")
        .default("5")
        .deprecated(&["max_slave_ping_timeouts"]),
    Flag::integer("max_completed_frameworks", "Ended frameworks that are remembered.").default("50"),
    Flag::integer(
        "max_completed_tasks_per_framework",
        "Ended tasks of each framework that are remembered.",
    )
    .default("1000"),
    Flag::integer(
        "max_operator_event_stream_subscribers",
        "Operators' event streams that are kept; beyond, the oldest is ended.",
    )
    .default("1000"),
    Flag::integer(
        "max_unreachable_tasks_per_framework",
        "Tasks on unreachable agents of each framework that are remembered.",
    )
    .default("1000"),
    Flag::text(
        "min_allocatable_resources",
        "The least that is worth an offer: '|' parts alternatives, ';' what must come together.",
    )
    .default("cpus:0.01|mem:32"),
    Flag::duration("offer_timeout", "Time after which an unanswered offer is rescinded; never if not given."),
    Flag::integer("port", "Port to listen on.").default("5050"),
    Flag::bool("publish_per_framework_metrics", "Whether each framework has metrics of its own.")
        .default("true"),
    Flag::text(
        "recovery_agent_removal_limit",
        "Part of the known agents that may fail to return after a failover before the master gives up.",
    )
    .default("100%")
    .deprecated(&["recovery_slave_removal_limit"]),
    Flag::text("registry", "Where the registry is kept: replicated_log (a file) or in_memory.")
        .default("replicated_log"),
    Flag::duration("registry_fetch_timeout", "Time that reading the registry may take.")
        .default("1mins"),
    Flag::duration("registry_gc_interval", "Time between cleanings of the registry.").default("15mins"),
    Flag::duration(
        "registry_max_agent_age",
        "Time after which unreachable and gone agents are forgotten.",
    )
    .default("2weeks"),
    Flag::integer("registry_max_agent_count", "Unreachable and gone agents that are remembered.")
        .default("102400"),
    Flag::duration("registry_store_timeout", "Time that writing the registry may take.").default("5secs"),
    Flag::text("role_sorter", "How roles take turns: drf or random.")
        .default("drf")
        .deprecated(&["user_sorter"]),
    Flag::text("roles", "The only roles that frameworks may have, parted by commas; any if not given."),
    Flag::bool("root_submissions", "Whether frameworks may run as root.").default("true"),
    Flag::text("weights", "Weights of roles when the registry holds none: role=2.5,other=1."),
    Flag::path("work_dir", "Directory where the registry is kept.").required(),
];

/// `mesos-master` and all its flags.
pub const PROGRAM: Program = Program {
    name: "mesos-master",
    version: concat!("mesos ", env!("CARGO_PKG_VERSION")),
    environment_prefix: "MESOS_",
    flags: &[
        FLAGS,
        daemon::COMMON,
        runtime::limits::FLAGS,
        runtime::logging::FLAGS,
    ],
};

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
    /// Resources cannot be read.
    #[error("--{flag}: {error}")]
    Resources {
        /// The flag.
        flag: &'static str,
        /// Why not.
        error: ResourceError,
    },
}

/// Where the registry is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryKind {
    /// In a file below the work directory.
    File,
    /// In memory, for tests.
    Memory,
}

/// What the flags say, each read once.
#[derive(Debug)]
pub struct Options {
    /// Where to listen, and under which name.
    pub address: Address,
    /// The cluster's name.
    pub cluster: Option<String>,
    /// What the core decides by.
    pub core: master_core::Config,
    /// What the allocator decides by.
    pub allocator: allocator::Config,
    /// Where the registry is kept.
    pub registry: RegistryKind,
    /// How long the registry may take.
    pub timeouts: Timeouts,
    /// Where files go.
    pub work_dir: PathBuf,
}

impl Options {
    /// Reads the flags; `variable` reads the environment for libprocess' variables.
    pub fn read(
        flags: &Flags,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, OptionError> {
        known(
            "allocator",
            flags,
            &["hierarchical"],
            "the only allocator is 'hierarchical'",
        )?;
        let registry = flags.get::<String>("registry")?;
        let registry = match registry.as_str() {
            "replicated_log" => RegistryKind::File,
            "in_memory" => RegistryKind::Memory,
            _ => return unfit("registry", registry, "expected replicated_log or in_memory"),
        };
        Ok(Self {
            address: Address::resolve(flags, variable)?,
            cluster: flags.get("cluster")?,
            core: core(flags)?,
            allocator: allocator(flags)?,
            registry,
            timeouts: Timeouts {
                fetch: flags.get("registry_fetch_timeout")?,
                store: flags.get("registry_store_timeout")?,
            },
            work_dir: flags.get("work_dir")?,
        })
    }
}

fn unfit<T>(flag: &'static str, value: String, expected: &'static str) -> Result<T, OptionError> {
    Err(OptionError::Unfit {
        flag,
        value,
        expected,
    })
}

fn known(
    flag: &'static str,
    flags: &Flags,
    values: &[&str],
    expected: &'static str,
) -> Result<(), OptionError> {
    let value = flags.get::<String>(flag)?;
    if values.contains(&value.as_str()) {
        Ok(())
    } else {
        unfit(flag, value, expected)
    }
}

fn core(flags: &Flags) -> Result<master_core::Config, OptionError> {
    let agent_ping_timeout: Duration = flags.get("agent_ping_timeout")?;
    if !(Duration::from_secs(1)..=Duration::from_secs(15 * 60)).contains(&agent_ping_timeout) {
        let value = runtime::units::DurationText(agent_ping_timeout).to_string();
        return unfit("agent_ping_timeout", value, "expected 1secs to 15mins");
    }
    let agent_reregister_timeout: Duration = flags.get("agent_reregister_timeout")?;
    if agent_reregister_timeout < Duration::from_secs(10 * 60) {
        let value = runtime::units::DurationText(agent_reregister_timeout).to_string();
        return unfit("agent_reregister_timeout", value, "expected 10mins or more");
    }
    let max_agent_ping_timeouts: u32 = flags.get("max_agent_ping_timeouts")?;
    if max_agent_ping_timeouts == 0 {
        return unfit(
            "max_agent_ping_timeouts",
            "0".to_owned(),
            "expected 1 or more",
        );
    }
    Ok(master_core::Config {
        agent_ping_timeout,
        max_agent_ping_timeouts,
        agent_reregister_timeout,
        recovery_agent_removal_limit: fraction(flags)?,
        agent_removal_interval: removal_interval(flags)?,
        offer_timeout: flags.get("offer_timeout")?,
        registry_gc_interval: flags.get("registry_gc_interval")?,
        registry_max_agent_age: flags.get("registry_max_agent_age")?,
        registry_max_agent_count: flags.get("registry_max_agent_count")?,
        max_completed_frameworks: flags.get("max_completed_frameworks")?,
        max_completed_tasks_per_framework: flags.get("max_completed_tasks_per_framework")?,
        max_unreachable_tasks_per_framework: flags.get("max_unreachable_tasks_per_framework")?,
        max_operator_streams: flags.get("max_operator_event_stream_subscribers")?,
        roles: roles(flags)?,
        root_submissions: flags.get("root_submissions")?,
        publish_per_framework_metrics: flags.get("publish_per_framework_metrics")?,
        weights: weights(flags)?,
    })
}

/// `100%` as 1.0.
fn fraction(flags: &Flags) -> Result<f64, OptionError> {
    let value: String = flags.get("recovery_agent_removal_limit")?;
    let percent = value
        .strip_suffix('%')
        .and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => unfit("recovery_agent_removal_limit", value, "expected 0% to 100%"),
    }
}

/// `1/10mins` as the time between two removals.
fn removal_interval(flags: &Flags) -> Result<Option<Duration>, OptionError> {
    let Some(value) = flags.get::<Option<String>>("agent_removal_rate_limit")? else {
        return Ok(None);
    };
    let parts = value.split_once('/').and_then(|(count, time)| {
        let count = count.trim().parse::<u32>().ok()?;
        let time = runtime::units::parse_duration(time.trim()).ok()?;
        time.checked_div(count)
    });
    match parts {
        Some(interval) => Ok(Some(interval)),
        None => unfit(
            "agent_removal_rate_limit",
            value,
            "expected a number of agents for a time, such as 1/10mins",
        ),
    }
}

fn roles(flags: &Flags) -> Result<Option<BTreeSet<Role>>, OptionError> {
    let Some(value) = flags.get::<Option<String>>("roles")? else {
        return Ok(None);
    };
    let mut roles: BTreeSet<Role> = [Role::any()].into();
    for name in value
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        match Role::parse(name) {
            Ok(role) => roles.insert(role),
            Err(_) => return unfit("roles", value, "expected names of roles, parted by commas"),
        };
    }
    Ok(Some(roles))
}

fn weights(flags: &Flags) -> Result<Vec<(Role, f64)>, OptionError> {
    let Some(value) = flags.get::<Option<String>>("weights")? else {
        return Ok(Vec::new());
    };
    let weight = |pair: &str| {
        let (role, weight) = pair.split_once('=')?;
        let weight = weight
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|w| w.is_finite() && *w > 0.0)?;
        Some((Role::parse(role.trim()).ok()?, weight))
    };
    let pairs: Option<Vec<_>> = value
        .split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(weight)
        .collect();
    match pairs {
        Some(pairs) => Ok(pairs),
        None => unfit(
            "weights",
            value,
            "expected role=weight,… with positive weights",
        ),
    }
}

fn allocator(flags: &Flags) -> Result<allocator::Config, OptionError> {
    let minimum: String = flags.get("min_allocatable_resources")?;
    let excluded: Option<String> = flags.get("fair_sharing_excluded_resource_names")?;
    Ok(allocator::Config {
        allocation_interval: flags.get("allocation_interval")?,
        min_allocatable: parse_min_allocatable(&minimum).map_err(|error| {
            OptionError::Resources {
                flag: "min_allocatable_resources",
                error,
            }
        })?,
        role_sorter: sorter("role_sorter", flags)?,
        framework_sorter: sorter("framework_sorter", flags)?,
        fairness_excluded: excluded
            .iter()
            .flat_map(|names| names.split(','))
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
        filter_gpu: flags.get("filter_gpu_resources")?,
        region: None,
    })
}

fn sorter(flag: &'static str, flags: &Flags) -> Result<SorterKind, OptionError> {
    let value: String = flags.get(flag)?;
    match value.as_str() {
        "drf" => Ok(SorterKind::Drf),
        "random" => Ok(SorterKind::Random),
        _ => unfit(flag, value, "expected drf or random"),
    }
}

#[cfg(test)]
mod tests {
    use runtime::flags::Loaded;

    use super::*;

    fn read(args: &[&str]) -> Result<Options, String> {
        let args = args.iter().map(|&arg| arg.to_owned());
        let none: [(String, String); 0] = [];
        let loaded = PROGRAM
            .load(args, none, |_| Err(std::io::ErrorKind::NotFound.into()))
            .map_err(|error| error.to_string())?;
        let Loaded::Run(flags) = loaded else {
            panic!("help was not asked for")
        };
        Options::read(&flags, |_| None).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_cores() {
        let options = read(&["--work_dir=/tmp/x", "--ip=127.0.0.1"]).unwrap();
        let core = master_core::Config::default();
        assert_eq!(format!("{:?}", options.core), format!("{core:?}"));
        assert_eq!(options.address.listen, ([127, 0, 0, 1], 5050).into());
        assert_eq!(options.address.hostname, "localhost");
        assert_eq!(options.allocator.min_allocatable.len(), 2);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (arg, words) in [
            ("--agent_ping_timeout=1ms", "agent_ping_timeout"),
            ("--agent_reregister_timeout=1mins", "10mins or more"),
            ("--recovery_agent_removal_limit=120%", "0% to 100%"),
            ("--agent_removal_rate_limit=often", "1/10mins"),
            ("--registry=disk", "in_memory"),
            ("--role_sorter=fifo", "drf or random"),
            ("--weights=a", "role=weight"),
            ("--roles=a b", "roles"),
            ("--nonsense=1", "nonsense"),
            ("--port=70000", "port"),
        ] {
            let error = read(&["--work_dir=/tmp/x", "--ip=127.0.0.1", arg]).unwrap_err();
            assert!(error.contains(words), "{arg}: {error}");
        }
        assert!(read(&["--ip=127.0.0.1"]).unwrap_err().contains("work_dir"));
    }
}
