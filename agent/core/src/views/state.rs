//! `/state` of an agent (E13, E14).

use std::collections::BTreeMap;
use std::sync::Arc;

use messages::v1;
use model::Role;
use model::endpoint::{V0, entry_if, role_of};
use model::resources::Resources;
use runtime_core::Pid;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use crate::agent::Snapshot;
use crate::registration::CAPABILITIES;
use crate::state::{Executor, Framework};

/// All of `/state`. `B` is what `/version` answers; its fields come first.
#[derive(Debug, Serialize)]
pub struct StateView<'a, B: Serialize> {
    #[serde(flatten)]
    build: &'a B,
    start_time: f64,
    id: &'a str,
    pid: &'a Pid,
    hostname: &'a str,
    capabilities: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a v1::DomainInfo>,
    resources: Summed,
    reserved_resources: ByRole,
    unreserved_resources: Summed,
    reserved_resources_full: BTreeMap<Role, Vec<v1::Resource>>,
    unreserved_resources_full: Vec<v1::Resource>,
    reserved_resources_allocated: ByRole,
    unreserved_resources_allocated: Summed,
    resource_providers: [(); 0],
    attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    master_hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_log_file: Option<&'a str>,
    flags: &'a BTreeMap<String, String>,
    frameworks: Frameworks<'a>,
    completed_frameworks: Frameworks<'a>,
}

impl<'a, B: Serialize> StateView<'a, B> {
    /// The state as `snapshot` has it.
    pub fn new(snapshot: &'a Snapshot, build: &'a B) -> Self {
        let (state, config) = (&snapshot.state, &*snapshot.config);
        let used = state.used();
        let flag = |name: &str| config.flags.get(name).map(String::as_str);
        let full = |resources: &Resources| resources.to_proto_endpoint();
        let master = state.master.as_ref();
        Self {
            build,
            start_time: state.start_time.as_secs_f64(),
            id: state.id.as_ref().map_or("", |id| id.as_str()),
            pid: &config.pid,
            hostname: &config.hostname,
            capabilities: CAPABILITIES.iter().map(|one| one.as_str_name()).collect(),
            domain: config.domain.as_ref(),
            resources: Summed(state.total.clone()),
            reserved_resources: ByRole(state.total.reserved()),
            unreserved_resources: Summed(state.total.unreserved()),
            reserved_resources_full: state
                .total
                .reserved()
                .iter()
                .map(|(role, resources)| (role.clone(), full(resources)))
                .collect(),
            unreserved_resources_full: full(&state.total.unreserved()),
            reserved_resources_allocated: ByRole(used.reserved()),
            unreserved_resources_allocated: Summed(used.unreserved()),
            resource_providers: [],
            attributes: Attributes(&config.attributes),
            master_hostname: master.map(|master| master.hostname()),
            log_dir: flag("log_dir"),
            external_log_file: flag("external_log_file"),
            flags: &config.flags,
            frameworks: Frameworks(state.frameworks.values().collect()),
            completed_frameworks: Frameworks(state.completed_frameworks.iter().collect()),
        }
    }
}

#[derive(Debug)]
struct Summed(Resources);

impl Serialize for Summed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        V0(&self.0).serialize(serializer)
    }
}

#[derive(Debug)]
struct ByRole(BTreeMap<Role, Resources>);

impl Serialize for ByRole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        V0(&self.0).serialize(serializer)
    }
}

#[derive(Debug)]
struct Attributes<'a>(&'a [v1::Attribute]);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        V0(self.0).serialize(serializer)
    }
}

#[derive(Debug)]
struct Frameworks<'a>(Vec<&'a Arc<Framework>>);

impl Serialize for Frameworks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|framework| FrameworkView(framework)))
    }
}

struct FrameworkView<'a>(&'a Framework);

impl Serialize for FrameworkView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use v1::framework_info::capability::Type;
        let (framework, info) = (self.0, &*self.0.info);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", framework.id.as_str())?;
        map.serialize_entry("name", &info.name)?;
        map.serialize_entry("user", &info.user)?;
        map.serialize_entry("failover_timeout", &info.failover_timeout())?;
        map.serialize_entry("checkpoint", &info.checkpoint())?;
        map.serialize_entry("hostname", info.hostname())?;
        entry_if(&mut map, "principal", info.principal.as_ref())?;
        if model::capabilities::framework_has(info, Type::MultiRole) {
            map.serialize_entry("roles", &info.roles)?;
        } else {
            map.serialize_entry("role", info.role())?;
        }
        let live = Executors(framework.executors.values().collect());
        map.serialize_entry("executors", &live)?;
        let completed = Executors(framework.completed_executors.iter().collect());
        map.serialize_entry("completed_executors", &completed)?;
        map.end()
    }
}

struct Executors<'a>(Vec<&'a Arc<Executor>>);

impl Serialize for Executors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|executor| ExecutorView(executor)))
    }
}

struct ExecutorView<'a>(&'a Executor);

impl Serialize for ExecutorView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (executor, info) = (self.0, &*self.0.info);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", executor.id.as_str())?;
        map.serialize_entry("name", info.name())?;
        map.serialize_entry("source", info.source())?;
        map.serialize_entry("container", executor.container_id.as_str())?;
        map.serialize_entry("directory", &executor.directory)?;
        map.serialize_entry("resources", &V0(&executor.allocated))?;
        if !info.resources.is_empty() {
            map.serialize_entry("role", role_of(&info.resources))?;
        }
        entry_if(&mut map, "labels", info.labels.as_ref().map(V0).as_ref())?;
        if info.r#type.is_some() {
            map.serialize_entry("type", info.r#type().as_str_name())?;
        }
        map.serialize_entry("tasks", &Tasks(|| executor.launched.values()))?;
        map.serialize_entry("queued_tasks", &QueuedTasks(executor))?;
        // Tasks that have ended but are not acknowledged count as completed for readers.
        let ended = || {
            executor
                .completed
                .iter()
                .chain(executor.terminated.values())
        };
        map.serialize_entry("completed_tasks", &Tasks(ended))?;
        map.end()
    }
}

/// Tasks from an iterator that can be begun anew.
struct Tasks<F>(F);

impl<'a, F, I> Serialize for Tasks<F>
where
    F: Fn() -> I,
    I: Iterator<Item = &'a Arc<v1::Task>>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)().map(|task| V0(&**task)))
    }
}

struct QueuedTasks<'a>(&'a Executor);

impl Serialize for QueuedTasks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for queued in &self.0.queued {
            for task in queued.work.tasks() {
                list.serialize_element(&V0(task))?;
            }
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{World, config, executor_task, uuid};

    #[derive(Serialize)]
    struct Build {
        version: &'static str,
    }

    fn state(world: &World) -> Value {
        let view = serde_json::to_string(&StateView::new(
            &world.agent.snapshot(),
            &Build { version: "1.12.0" },
        ));
        serde_json::from_str(&view.unwrap()).unwrap()
    }

    #[test]
    fn an_empty_agent_has_all_lists() {
        let state = state(&World::new(config()));
        assert_eq!(state["version"], "1.12.0");
        assert_eq!(state["id"], "");
        assert_eq!(state["pid"], "slave(1)@127.0.0.1:5051");
        assert_eq!(state["frameworks"], json!([]));
        assert_eq!(state["completed_frameworks"], json!([]));
        assert_eq!(state["attributes"], json!({}));
        assert_eq!(state["reserved_resources"], json!({}));
        assert_eq!(state["resources"]["ports"], "[31000-32000]");
        assert_eq!(state["unreserved_resources"]["cpus"], 4.0);
        assert_eq!(state["unreserved_resources_full"][0]["role"], "*");
        assert_eq!(
            state["unreserved_resources_allocated"],
            json!({"cpus": 0.0, "disk": 0.0, "gpus": 0.0, "mem": 0.0})
        );
        assert!(state.get("master_hostname").is_none());
        assert!(
            state["capabilities"]
                .as_array()
                .unwrap()
                .contains(&json!("MULTI_ROLE"))
        );
    }

    #[test]
    fn tasks_are_found_where_tools_look() {
        let mut world = World::registered();
        let container = world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        world.run(executor_task("queued", "e"));
        let view = state(&world);
        let framework = &view["frameworks"][0];
        assert_eq!(framework["role"], "web");
        let by_id = |id: &str| {
            let executors = framework["executors"].as_array().unwrap();
            executors
                .iter()
                .find(|executor| executor["id"] == id)
                .unwrap()
                .clone()
        };
        let executor = by_id("t");
        assert_eq!(executor["container"], container.as_str());
        assert_eq!(executor["source"], "t");
        assert_eq!(executor["role"], "web");
        assert_eq!(executor["resources"]["mem"], 96.0);
        assert!(
            executor["directory"]
                .as_str()
                .unwrap()
                .starts_with("/w/slaves/m-S0/")
        );
        assert_eq!(executor["tasks"][0]["state"], "TASK_RUNNING");
        assert_eq!(executor["completed_tasks"], json!([]));
        let queued = &by_id("e")["queued_tasks"][0];
        assert_eq!(queued["executor_id"], "e");
        assert_eq!(queued["id"], "queued");
        assert_eq!(view["unreserved_resources_allocated"]["cpus"], 2.6);

        world.update("t", "t", v1::TaskState::TaskFinished, uuid(2));
        let view = state(&world);
        let executors = view["frameworks"][0]["executors"].as_array().unwrap();
        let executor = executors
            .iter()
            .find(|executor| executor["id"] == "t")
            .unwrap();
        assert_eq!(executor["tasks"], json!([]));
        assert_eq!(executor["completed_tasks"][0]["state"], "TASK_FINISHED");
    }
}
