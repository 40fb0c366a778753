//! `/state`: all of it (E3).

use messages::v1;
use messages::v1::master_info::capability::Type as Capability;

use super::About;
use super::json::{Fields, Json, List, NONE, Object, Serde};
use super::lists::{all_agents, completed_frameworks, recovered_agents, registered_frameworks};
use super::output::Output;
use crate::snapshot::Snapshot;

/// The answer of `/state`.
pub fn state(snapshot: &Snapshot, about: &About, out: &mut Output) {
    Fields(|object: &mut Object<'_>| {
        this_master(snapshot, about, object);
        object.field("slaves", all_agents(snapshot));
        object.field("recovered_slaves", recovered_agents(snapshot, None));
        object.field("frameworks", registered_frameworks(snapshot, None));
        object.field("completed_frameworks", completed_frameworks(snapshot, None));
        object.field("orphan_tasks", NONE);
        object.field("unregistered_frameworks", NONE);
    })
    .write(out);
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
