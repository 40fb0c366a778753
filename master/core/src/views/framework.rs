//! A framework in V0's JSON (E5), with its offers (E8) and executors (E7).

use messages::v1;
use messages::v1::framework_info::capability::Type as Capability;
use model::Resources;
use model::ids::FrameworkId;

use super::json::{Fields, Json, List, Object, Serde};
use super::output::Output;
use super::resources::V0;
use super::task::Tasks;
use crate::connection::Connection;
use crate::executor::Executor;
use crate::frameworks::Framework;
use crate::offers::Offer;
use crate::snapshot::Snapshot;

/// What `/state-summary` shows too.
pub(crate) fn summary(framework: &Framework, snapshot: &Snapshot, object: &mut Object<'_>) {
    let used = snapshot.used_by(framework);
    let offered = snapshot.offered_to(framework);
    summary_of(framework, &used, &offered, object);
}

fn summary_of(
    framework: &Framework,
    used: &Resources,
    offered: &Resources,
    object: &mut Object<'_>,
) {
    let info = framework.info();
    let pid = framework.connection().and_then(Connection::pid);
    object.field("id", framework.id().as_str());
    object.field("name", info.name.as_str());
    object.optional("pid", pid.map(ToString::to_string).as_deref());
    object.field("used_resources", V0(used));
    object.field("offered_resources", V0(offered));
    object.field(
        "capabilities",
        List(info.capabilities.iter().map(capability)),
    );
    object.field("hostname", info.hostname());
    object.field("webui_url", info.webui_url());
    object.field("active", framework.is_active());
    object.field("connected", framework.is_connected());
    object.field("recovered", framework.is_recovered());
}

fn capability(capability: &v1::framework_info::Capability) -> &'static str {
    Capability::try_from(capability.r#type.unwrap_or_default())
        .unwrap_or_default()
        .as_str_name()
}

/// All of a framework.
pub(crate) fn fields(framework: &Framework, snapshot: &Snapshot, object: &mut Object<'_>) {
    let info = framework.info();
    let used = snapshot.used_by(framework);
    let offered = snapshot.offered_to(framework);
    summary_of(framework, &used, &offered, object);
    let held = used + offered;
    object.field("user", info.user.as_str());
    object.field("failover_timeout", info.failover_timeout());
    object.field("checkpoint", info.checkpoint());
    object.field("registered_time", framework.registered().seconds());
    object.field(
        "unregistered_time",
        framework.unregistered().unwrap_or_default().seconds(),
    );
    object.optional("principal", info.principal.as_deref());
    object.field("resources", V0(&held));
    if framework.registered() != framework.reregistered() {
        object.field("reregistered_time", framework.reregistered().seconds());
    }
    if framework.capabilities().multi_role() {
        object.field("roles", List(info.roles.iter().map(String::as_str)));
    } else {
        object.field("role", info.role());
    }
    let tasks = framework.tasks().values();
    object.field("tasks", Tasks(tasks.map(AsRef::as_ref)));
    let unreachable = framework.unreachable_tasks().values();
    object.field("unreachable_tasks", Tasks(unreachable.map(AsRef::as_ref)));
    let completed = framework.completed_tasks().iter();
    object.field("completed_tasks", Tasks(completed.map(AsRef::as_ref)));
    let offers = framework
        .offers()
        .iter()
        .filter_map(|id| snapshot.offers.get(id.as_str()));
    object.field("offers", List(offers.map(|it| it.as_ref())));
    let executors = framework.executors().values();
    object.field(
        "executors",
        List(executors.map(|executor| executor_of(framework.id(), executor))),
    );
    object.optional(
        "labels",
        info.labels
            .as_ref()
            .map(|it| List(it.labels.iter().map(Serde))),
    );
    match framework.offer_constraints() {
        Some(constraints) => object.field("offer_constraints", Serde(constraints)),
        None => object.field("offer_constraints", Fields(|_: &mut Object<'_>| {})),
    }
}

impl Json for &Offer {
    fn write(self, out: &mut Output) {
        Fields(|object: &mut Object<'_>| {
            object.field("id", self.id().as_str());
            object.field("framework_id", self.framework().as_str());
            object.field(
                "allocation_info",
                Fields(|object: &mut Object<'_>| object.field("role", self.role().as_str())),
            );
            object.field("slave_id", self.agent().as_str());
            object.field("resources", V0(self.resources()));
        })
        .write(out);
    }
}

fn executor_of<'a>(framework: &'a FrameworkId, executor: &'a Executor) -> impl Json + 'a {
    Fields(move |object: &mut Object<'_>| {
        let info = executor.info();
        let resources = executor.resources();
        object.field("executor_id", executor.id().as_str());
        object.field("name", info.name());
        object.field("framework_id", framework.as_str());
        object.field("command", Command(info.command.as_ref()));
        object.field("resources", V0(resources));
        let role = resources
            .iter()
            .next()
            .map(|it| it.allocation().map_or("", |role| role.as_str()));
        object.optional("role", role);
        object.optional(
            "labels",
            info.labels
                .as_ref()
                .map(|it| List(it.labels.iter().map(Serde))),
        );
        object.optional("type", info.r#type.map(|_| info.r#type().as_str_name()));
        object.field("slave_id", executor.agent().as_str());
    })
}

/// A command; of an executor without one, an empty command.
struct Command<'a>(Option<&'a v1::CommandInfo>);

impl Json for Command<'_> {
    fn write(self, out: &mut Output) {
        Fields(|object: &mut Object<'_>| {
            let command = self.0;
            let arguments = command
                .map(|it| it.arguments.as_slice())
                .unwrap_or_default();
            let uris = command.map(|it| it.uris.as_slice()).unwrap_or_default();
            object.optional("shell", command.and_then(|it| it.shell));
            object.optional("value", command.and_then(|it| it.value.as_deref()));
            object.field("argv", List(arguments.iter().map(String::as_str)));
            object.optional(
                "environment",
                command.and_then(|it| it.environment.as_ref()).map(Serde),
            );
            object.field("uris", List(uris.iter().map(uri)));
        })
        .write(out);
    }
}

fn uri(uri: &v1::command_info::Uri) -> impl Json + '_ {
    Fields(|object: &mut Object<'_>| {
        object.field("value", uri.value.as_str());
        object.field("executable", uri.executable());
    })
}
