//! The flags of `mesos-agent`, upstream's as far as their feature exists (11.5, 11.6).

use actors::daemon;
use runtime::flags::{Flag, Program};

const FLAGS: &[Flag] = &[
    Flag::text(
        "attributes",
        "Attributes of this machine, such as rack:r1;zone:z2.",
    ),
    Flag::text("containerizers", "What runs containers: mesos.").default("mesos"),
    Flag::json(
        "default_container_info",
        "JSON of a ContainerInfo for executors that bring none.",
    ),
    Flag::text(
        "default_role",
        "Role of the resources in --resources that name none, and of those detected.",
    )
    .default("*"),
    Flag::duration(
        "disk_watch_interval",
        "Time between looks at the disk's usage.",
    )
    .default("1mins"),
    Flag::json(
        "domain",
        "JSON of a DomainInfo: the fault domain of this machine.",
    ),
    Flag::json(
        "executor_environment_variables",
        "JSON object of the environment variables that executors, and so tasks, are given.\n\
         They inherit nothing else of the agent's environment.",
    ),
    Flag::duration(
        "executor_registration_timeout",
        "Time within which an executor is to subscribe after its launch.",
    )
    .default("1mins"),
    Flag::duration(
        "executor_reregistration_timeout",
        "Time within which executors are to subscribe again to a restarted agent\n\
         (at most 15secs); executors are told of it.",
    )
    .default("2secs"),
    Flag::duration(
        "executor_shutdown_grace_period",
        "Time that an executor has to end before it is killed, unless it asks for another.",
    )
    .default("5secs"),
    Flag::bool(
        "executor_template",
        "Whether command executors are copies of one that is started with the agent, instead of\n\
         starting one by one. Starting so takes less than half of the time.",
    )
    .default("true"),
    Flag::duration(
        "fetcher_stall_timeout",
        "Time for which a download may bring nothing before it is given up.",
    )
    .default("1mins"),
    Flag::text(
        "frameworks_home",
        "Directory that relative URIs of commands start from.",
    )
    .default(""),
    Flag::duration(
        "gc_delay",
        "Time that sandboxes are kept after their executor's end; less when the disk is full.",
    )
    .default("1weeks"),
    Flag::number(
        "gc_disk_headroom",
        "Part of the disk, 0 to 1, that is to stay free: the age that sandboxes may have is\n\
         gc_delay * max(0, 1 - gc_disk_headroom - used part of the disk).",
    )
    .default("0.1"),
    Flag::bool(
        "http_command_executor",
        "Told to executors. The command executor always speaks HTTP.",
    )
    .default("false"),
    Flag::text("isolation", "Isolators of containers, parted by commas.")
        .default("posix/cpu,posix/mem"),
    Flag::text("launcher", "How containers are started: posix.").default("posix"),
    Flag::path(
        "launcher_dir",
        "Directory of the helper programs; that of this program if not given.",
    ),
    Flag::text(
        "master",
        "Where the master is: host:port, or file:///path of a file that says so.",
    )
    .required(),
    Flag::integer(
        "max_completed_executors_per_framework",
        "Ended executors of each framework that are remembered.",
    )
    .default("150"),
    Flag::integer("port", "Port to listen on.").default("5051"),
    Flag::duration(
        "recovery_timeout",
        "Time for which executors of checkpointing frameworks wait for an agent that is away.",
    )
    .default("15mins"),
    Flag::duration(
        "registration_backoff_factor",
        "Upper end of the first random wait before the agent registers; later ones double.",
    )
    .default("1secs"),
    Flag::text(
        "resources",
        "What this machine offers, such as cpus:4;mem:1024;ports:[31000-32000], or JSON.\n\
         Of cpus, mem, disk and ports, what is not named is detected.",
    ),
    Flag::bool(
        "switch_user",
        "Whether tasks run as the user that their framework or command names (needs root).",
    )
    .default("true"),
    Flag::path(
        "work_dir",
        "Directory of the sandboxes. It must not be on a mount without execution.",
    )
    .required(),
];

/// `mesos-agent` and all its flags.
pub const PROGRAM: Program = Program {
    name: "mesos-agent",
    version: concat!("mesos ", env!("CARGO_PKG_VERSION")),
    environment_prefix: "MESOS_",
    flags: &[
        FLAGS,
        daemon::COMMON,
        runtime::limits::FLAGS,
        runtime::logging::FLAGS,
    ],
};
