//! An agent in V0's JSON (E4).

use model::Resource;
use model::attributes::V0Attributes;
use model::ids::AgentId;

use super::json::{Fields, List, Object, Serde};
use super::resources::{Full, Unreserved, V0};
use crate::agents::Agent;
use crate::description::Description;

/// What an agent said of itself: all that is known of one that has not returned yet.
pub(crate) fn description(id: &AgentId, info: &Description, object: &mut Object<'_>) {
    object.field("id", id.as_str());
    object.field("hostname", info.hostname());
    object.field("port", info.port());
    object.field("attributes", Serde(&V0Attributes(info.attributes())));
    object.optional("domain", info.domain().map(Serde));
}

/// A registered agent.
pub(crate) fn fields(agent: &Agent, object: &mut Object<'_>) {
    let total = agent.total();
    description(agent.id(), agent.info(), object);
    object.field("pid", agent.pid().to_string().as_str());
    object.field("registered_time", agent.registered().seconds());
    object.optional(
        "reregistered_time",
        agent.reregistered().map(|time| time.seconds()),
    );
    object.field("resources", V0(total));
    object.field("used_resources", V0(&agent.total_used()));
    object.field("offered_resources", V0(agent.offered()));
    object.field(
        "reserved_resources",
        Fields(|object: &mut Object<'_>| {
            if !total.iter().all(Resource::is_unreserved) {
                for (role, reserved) in total.reserved() {
                    object.entry(role.as_str(), V0(&reserved));
                }
            }
        }),
    );
    object.field("unreserved_resources", Unreserved(total));
    object.field("active", agent.is_active());
    object.field("deactivated", false);
    object.field("version", agent.version());
    object.field(
        "capabilities",
        List(agent.capabilities().iter().map(|it| it.as_str_name())),
    );
}

/// What `/slaves` shows besides: resources in full.
pub(crate) fn full_fields(agent: &Agent, object: &mut Object<'_>) {
    object.field(
        "reserved_resources_full",
        Fields(|object: &mut Object<'_>| {
            for (role, reserved) in agent.total().reserved() {
                object.entry(role.as_str(), Full(&reserved));
            }
        }),
    );
    object.field(
        "unreserved_resources_full",
        Full(&agent.total().unreserved()),
    );
    object.field("used_resources_full", Full(&agent.total_used()));
    object.field("offered_resources_full", Full(agent.offered()));
}
