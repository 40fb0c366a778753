//! `/state`: all of it (E3).

use messages::v1;
use messages::v1::master_info::capability::Type as Capability;

use super::About;
use super::json::{Fields, Json, List, NONE, Object, Serde};
use super::lists::{all_agents, completed_frameworks, recovered_agents, registered_frameworks};
use crate::snapshot::Snapshot;

/// About how many bytes a task, and any other part, takes: memory is set aside so that the
/// answer need not be moved while it grows.
const TASK_SIZE: usize = 1024;
const PART_SIZE: usize = 2048;

/// The answer of `/state`.
pub fn state(snapshot: &Snapshot, about: &About) -> Vec<u8> {
    let mut out = Vec::with_capacity(size(snapshot));
    Fields(|object: &mut Object<'_>| {
        this_master(snapshot, about, object);
        object.field("slaves", all_agents(snapshot));
        object.field("recovered_slaves", recovered_agents(snapshot, None));
        object.field("frameworks", registered_frameworks(snapshot, None));
        object.field("completed_frameworks", completed_frameworks(snapshot, None));
        object.field("orphan_tasks", NONE);
        object.field("unregistered_frameworks", NONE);
    })
    .write(&mut out);
    out
}

/// An upper bound of what a whole state takes, nearly always. Memory that is set aside
/// but not used costs nothing.
pub(crate) fn size(snapshot: &Snapshot) -> usize {
    let frameworks = &snapshot.frameworks;
    let tasks: usize = frameworks
        .registered()
        .values()
        .chain(frameworks.completed().values())
        .map(|it| it.tasks().len() + it.completed_tasks().len() + it.unreachable_tasks().len())
        .sum();
    let parts = snapshot.agents.registered().len()
        + snapshot.agents.recovered().len()
        + frameworks.registered().len()
        + frameworks.completed().len()
        + snapshot.offers.len();
    tasks * TASK_SIZE + (parts + 8) * PART_SIZE
}

fn this_master(snapshot: &Snapshot, about: &About, object: &mut Object<'_>) {
    let info = &*snapshot.info;
    let version = &about.version;
    let agents = &snapshot.agents;
    let (registered, connected) = (agents.registered().len(), agents.connected());
    object.field("version", version.version.as_str());
    object.optional("git_sha", version.git_sha.as_deref());
    object.optional("git_branch", version.git_branch.as_deref());
    object.optional("git_tag", version.git_tag.as_deref());
    object.field("build_date", version.build_date());
    object.field("build_time", version.build_time());
    object.field("build_user", version.build_user());
    object.field("start_time", snapshot.started.seconds());
    object.optional("elected_time", snapshot.elected.map(|time| time.seconds()));
    object.field("id", info.id.as_str());
    object.field("pid", info.pid());
    object.field("hostname", info.hostname());
    object.field(
        "capabilities",
        List(info.capabilities.iter().map(capability)),
    );
    object.field("activated_slaves", connected as f64);
    object.field(
        "deactivated_slaves",
        registered.saturating_sub(connected) as f64,
    );
    object.field("unreachable_slaves", agents.unreachable().len() as f64);
    object.optional("domain", info.domain.as_ref().map(Serde));
    object.field("leader", info.pid());
    object.field(
        "leader_info",
        Fields(|object: &mut Object<'_>| {
            object.field("id", info.id.as_str());
            object.field("pid", info.pid());
            object.field("port", u64::from(info.port));
            object.field("hostname", info.hostname());
            object.optional("domain", info.domain.as_ref().map(Serde));
        }),
    );
    object.optional("cluster", about.cluster.as_deref());
    for flag in ["log_dir", "external_log_file"] {
        object.optional(flag, about.flags.get(flag).map(String::as_str));
    }
    object.field(
        "flags",
        Fields(|object: &mut Object<'_>| {
            for (name, value) in &about.flags {
                object.entry(name, value.as_str());
            }
        }),
    );
}

fn capability(capability: &v1::master_info::Capability) -> &'static str {
    Capability::try_from(capability.r#type.unwrap_or_default())
        .unwrap_or_default()
        .as_str_name()
}
