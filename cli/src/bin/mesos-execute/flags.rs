//! The flags.

use runtime::flags::{Flag, Program, Secret};

/// The exit status when something was wrong with the command line, the connection or the
/// framework.
pub(crate) const FAILED: u8 = 1;

/// The exit status when a task ended otherwise than with TASK_FINISHED.
pub(crate) const NOT_FINISHED: u8 = 2;

/// The exit status after Ctrl-C or SIGTERM: what shells show for an interrupted program.
pub(crate) const INTERRUPTED: u8 = 130;

/// Added to `--help`.
const EXIT_STATUSES: &str = "
Exit status:
    0  every task ended with TASK_FINISHED
    1  bad flags, no master to be reached, or the framework was refused
    2  a task ended otherwise; why is printed to stderr
  130  interrupted: the framework was torn down, its tasks are killed
";

/// The program.
pub(crate) const PROGRAM: Program = Program {
    name: "mesos-execute",
    version: concat!("mesos ", env!("CARGO_PKG_VERSION")),
    // Flags come from the command line only (F8).
    environment_prefix: "",
    flags: &[WHERE, WHAT, HOW, UNSUPPORTED],
};

/// The help with the exit statuses; other texts as they are.
pub(crate) fn with_exit_statuses(text: &str) -> String {
    if text.starts_with("Usage") {
        format!("{text}{EXIT_STATUSES}")
    } else {
        text.to_owned()
    }
}

const WHERE: &[Flag] = &[
    Flag::text(
        "master",
        "A Mesos master, as host:port or as file:///path of a file that holds\n\
         it. If another master leads, that one is used.",
    )
    .required(),
    Flag::text(
        "principal",
        "The principal to use for framework authentication.",
    ),
    Flag::text("secret", "The secret to use for framework authentication.").secret(Secret::All),
    Flag::text(
        "content_type",
        "How calls and events are written: 'json' or 'protobuf'.",
    )
    .default("protobuf"),
];

const WHAT: &[Flag] = &[
    Flag::text("name", "Name for the command."),
    Flag::text("command", "Command to launch."),
    Flag::bool(
        "shell",
        "Whether the command is run by a shell. If not, its words are the\n\
         executable and its arguments.",
    )
    .default("true"),
    Flag::json(
        "env",
        "Environment variables of the command: a JSON object such as\n\
         {\"name1\": \"value1\"}, or the path of a file that holds one, as\n\
         /path/to/file or file:///path/to/file.",
    ),
    Flag::text("resources", "Resources for the command.").default("cpus:1;mem:128"),
    Flag::json(
        "task",
        "A `TaskInfo` as JSON, or the path of a file that holds one, as\n\
         /path/to/file or file:///path/to/file. Its `agent_id` need not be set.\n\
         Example:\n\
         {\n\
         \x20 \"name\": \"Name of the task\",\n\
         \x20 \"task_id\": {\"value\" : \"Id of the task\"},\n\
         \x20 \"resources\": [\n\
         \x20   {\"name\": \"cpus\", \"type\": \"SCALAR\", \"scalar\": {\"value\": 0.1}},\n\
         \x20   {\"name\": \"mem\", \"type\": \"SCALAR\", \"scalar\": {\"value\": 32}}\n\
         \x20 ],\n\
         \x20 \"command\": {\"value\": \"sleep 1000\"}\n\
         }",
    ),
    Flag::json(
        "task_group",
        "A `TaskGroupInfo` as JSON, or the path of a file that holds one: an\n\
         object with a list `tasks`, each as for --task.",
    ),
];

const HOW: &[Flag] = &[
    Flag::text("role", "Role to use when registering.").default("*"),
    Flag::bool("checkpoint", "Enable checkpointing for the framework.").default("false"),
    Flag::bool(
        "partition_aware",
        "Enable partition-awareness for the framework.",
    )
    .default("true"),
    Flag::text(
        "framework_capabilities",
        "Comma-separated list of optional framework capabilities to enable;\n\
         GPU_RESOURCES is the only one. RESERVATION_REFINEMENT, TASK_KILLING_STATE\n\
         and REVOCABLE_RESOURCES are always enabled, PARTITION_AWARE is unless\n\
         --no-partition_aware is given.",
    ),
    Flag::duration(
        "kill_after",
        "After this time (10secs, 2mins …) in state TASK_RUNNING a task is killed.",
    ),
    Flag::text("containerizer", "Containerizer to be used: 'mesos'.").default("mesos"),
];

/// Flags of upstream whose features are not there: to use one is an error that says so.
pub(crate) const UNSUPPORTED: &[Flag] = &[
    Flag::text("appc_image", "Not supported yet."),
    Flag::text("docker_image", "Not supported yet."),
    Flag::text("networks", "Not supported yet."),
    Flag::json("volumes", "Not supported yet."),
    Flag::json("effective_capabilities", "Not supported yet."),
    Flag::json("bounding_capabilities", "Not supported yet."),
    Flag::json("rlimits", "Not supported yet."),
    Flag::bool("tty", "Not supported yet."),
    Flag::text("package", "Not supported yet."),
    Flag::bool("overwrite", "Not supported yet."),
    Flag::text("hadoop", "Not supported yet."),
    Flag::text("hdfs", "Not supported yet."),
];
