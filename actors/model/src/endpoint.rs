//! The JSON of the V0 endpoints, which masters and agents share (E4 to E8, E10): flatter
//! than the messages' own, with upstream's keys. Written straight from the messages,
//! without copies.

use std::collections::BTreeMap;

use messages::v1;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::attributes;
use crate::resources::{Ranges, Resources, Set, ValueRef};
use crate::task_state::TaskStateExt;

/// Writes what it borrows as the V0 endpoints show it:
///
/// ```
/// use model::{Resources, Role, endpoint::V0};
///
/// let resources = Resources::parse("cpus:2;ports:[1-3]", &Role::any())?;
/// let json = serde_json::to_string(&V0(&resources))?;
/// assert_eq!(json, r#"{"cpus":2.0,"disk":0.0,"gpus":0.0,"mem":0.0,"ports":"[1-3]"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct V0<'a, T: ?Sized>(pub &'a T);

/// The scalars that are always shown, present or not.
const ALWAYS_SHOWN: [&str; 4] = ["cpus", "disk", "gpus", "mem"];

/// Sums by name; revocable ones apart (E10).
impl Serialize for V0<'_, Resources> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut scalars: BTreeMap<String, f64> = ALWAYS_SHOWN
            .iter()
            .map(|name| ((*name).to_owned(), 0.0))
            .collect();
        let mut ranges: BTreeMap<String, Ranges> = BTreeMap::new();
        let mut sets: BTreeMap<String, Set> = BTreeMap::new();
        for resource in self.0 {
            let suffix = if resource.is_revocable() {
                "_revocable"
            } else {
                ""
            };
            let name = format!("{}{suffix}", resource.name());
            match resource.value() {
                ValueRef::Scalar(scalar) => *scalars.entry(name).or_default() += scalar.to_f64(),
                ValueRef::Ranges(more) => ranges.entry(name).or_default().add(more),
                ValueRef::Set(more) => sets.entry(name).or_default().add(more),
            }
        }
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &scalars {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in &ranges {
            map.serialize_entry(name, &value.to_string())?;
        }
        for (name, value) in &sets {
            map.serialize_entry(name, &value.to_string())?;
        }
        map.end()
    }
}

impl Serialize for V0<'_, [v1::Resource]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        V0(&Resources::from_proto_lossy(self.0)).serialize(serializer)
    }
}

/// Resources by name, those reserved to each role.
impl Serialize for V0<'_, BTreeMap<crate::Role, Resources>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(role, resources)| (role, V0(resources))))
    }
}

/// Name to value.
impl Serialize for V0<'_, [v1::Attribute]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        attributes::V0Attributes(self.0).serialize(serializer)
    }
}

/// A plain list.
impl Serialize for V0<'_, v1::Labels> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0.labels)
    }
}

impl Serialize for V0<'_, v1::CommandInfo> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let command = self.0;
        let mut map = serializer.serialize_map(None)?;
        entry_if(&mut map, "shell", command.shell.as_ref())?;
        entry_if(&mut map, "value", command.value.as_ref())?;
        map.serialize_entry("argv", &command.arguments)?;
        entry_if(&mut map, "environment", command.environment.as_ref())?;
        map.serialize_entry("uris", &List(&command.uris))?;
        map.end()
    }
}

impl Serialize for V0<'_, v1::command_info::Uri> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("value", &self.0.value)?;
        map.serialize_entry("executable", &self.0.executable())?;
        map.end()
    }
}

/// A task's record (E6).
impl Serialize for V0<'_, v1::Task> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let task = self.0;
        let executor = task.executor_id.as_ref().map_or("", |id| &id.value);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &task.task_id.value)?;
        map.serialize_entry("name", &task.name)?;
        map.serialize_entry("framework_id", &task.framework_id.value)?;
        map.serialize_entry("executor_id", executor)?;
        map.serialize_entry("slave_id", &task.agent_id.value)?;
        map.serialize_entry("state", task.state().name())?;
        map.serialize_entry("resources", &V0(&task.resources[..]))?;
        if !task.limits.is_empty() {
            map.serialize_entry("limits", &Limits(&task.limits))?;
        }
        map.serialize_entry("role", role_of(&task.resources))?;
        map.serialize_entry("statuses", &List(&task.statuses))?;
        entry_if(&mut map, "user", task.user.as_ref())?;
        entry_if(&mut map, "labels", task.labels.as_ref().map(V0).as_ref())?;
        entry_if(&mut map, "discovery", task.discovery.as_ref())?;
        entry_if(&mut map, "container", task.container.as_ref())?;
        entry_if(&mut map, "health_check", task.health_check.as_ref())?;
        map.end()
    }
}

/// A task that waits for its executor.
impl Serialize for V0<'_, v1::TaskInfo> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let task = self.0;
        let executor = task.executor.as_ref().map(|one| &one.executor_id.value);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &task.task_id.value)?;
        map.serialize_entry("name", &task.name)?;
        map.serialize_entry("slave_id", &task.agent_id.value)?;
        map.serialize_entry("resources", &V0(&task.resources[..]))?;
        map.serialize_entry("role", role_of(&task.resources))?;
        entry_if(&mut map, "command", task.command.as_ref().map(V0).as_ref())?;
        entry_if(&mut map, "executor_id", executor)?;
        entry_if(&mut map, "discovery", task.discovery.as_ref())?;
        map.end()
    }
}

impl Serialize for V0<'_, v1::TaskStatus> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let status = self.0;
        let container = status.container_status.as_ref();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", status.state().name())?;
        map.serialize_entry("timestamp", &status.timestamp())?;
        entry_if(&mut map, "labels", status.labels.as_ref().map(V0).as_ref())?;
        entry_if(&mut map, "container_status", container.map(V0).as_ref())?;
        entry_if(&mut map, "healthy", status.healthy.as_ref())?;
        map.end()
    }
}

impl Serialize for V0<'_, v1::ContainerStatus> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let status = self.0;
        let mut map = serializer.serialize_map(None)?;
        entry_if(&mut map, "container_id", status.container_id.as_ref())?;
        if !status.network_infos.is_empty() {
            map.serialize_entry("network_infos", &List(&status.network_infos))?;
        }
        entry_if(&mut map, "cgroup_info", status.cgroup_info.as_ref())?;
        map.end()
    }
}

impl Serialize for V0<'_, v1::NetworkInfo> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let network = self.0;
        let mut map = serializer.serialize_map(None)?;
        if !network.groups.is_empty() {
            map.serialize_entry("groups", &network.groups)?;
        }
        entry_if(&mut map, "labels", network.labels.as_ref().map(V0).as_ref())?;
        if !network.ip_addresses.is_empty() {
            map.serialize_entry("ip_addresses", &network.ip_addresses)?;
        }
        entry_if(&mut map, "name", network.name.as_ref())?;
        if !network.port_mappings.is_empty() {
            map.serialize_entry("port_mappings", &network.port_mappings)?;
        }
        map.end()
    }
}

/// An executor as its framework described it (E7).
impl Serialize for V0<'_, v1::ExecutorInfo> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let executor = self.0;
        let framework = executor.framework_id.as_ref().map_or("", |id| &id.value);
        let no_command = v1::CommandInfo::default();
        let command = executor.command.as_ref().unwrap_or(&no_command);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("executor_id", &executor.executor_id.value)?;
        map.serialize_entry("name", executor.name())?;
        map.serialize_entry("framework_id", framework)?;
        map.serialize_entry("command", &V0(command))?;
        map.serialize_entry("resources", &V0(&executor.resources[..]))?;
        if !executor.resources.is_empty() {
            map.serialize_entry("role", role_of(&executor.resources))?;
        }
        entry_if(
            &mut map,
            "labels",
            executor.labels.as_ref().map(V0).as_ref(),
        )?;
        if executor.r#type.is_some() {
            map.serialize_entry("type", executor.r#type().as_str_name())?;
        }
        map.end()
    }
}

/// The role that resources are allocated to; tasks and executors do not mix roles.
pub fn role_of(resources: &[v1::Resource]) -> &str {
    resources
        .first()
        .and_then(|resource| resource.allocation_info.as_ref())
        .map_or("", |allocation| allocation.role())
}

/// A list of things, each as the V0 endpoints show it.
#[derive(Debug, Clone, Copy)]
pub struct List<'a, T>(pub &'a [T]);

impl<'a, T> Serialize for List<'a, T>
where
    V0<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for one in self.0 {
            list.serialize_element(&V0(one))?;
        }
        list.end()
    }
}

struct Limits<'a>(&'a BTreeMap<String, v1::value::Scalar>);

impl Serialize for Limits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, limit)| (name, limit.value)))
    }
}

/// Writes an entry if there is a value.
pub fn entry_if<M: SerializeMap, T: Serialize>(
    map: &mut M,
    key: &'static str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, value),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn json<T: Serialize>(value: T) -> String {
        serde_json::to_string(&value).unwrap()
    }

    fn allocated(text: &str) -> Vec<v1::Resource> {
        let mut resources = Resources::parse(text, &Role::any()).unwrap();
        resources.allocate(&Role::parse("web").unwrap());
        resources.to_proto()
    }

    #[test]
    fn the_usual_scalars_are_always_there() {
        let resources = Resources::parse("cpus:0.5;ports:[5-6,1-2];x:{b,a};y:3", &Role::any());
        assert_eq!(
            json(V0(&resources.unwrap())),
            r#"{"cpus":0.5,"disk":0.0,"gpus":0.0,"mem":0.0,"y":3.0,"ports":"[1-2, 5-6]","x":"{a, b}"}"#
        );
    }

    #[test]
    fn a_task_has_upstreams_keys() {
        let task = v1::Task {
            name: "n".into(),
            task_id: v1::TaskId { value: "t".into() },
            framework_id: v1::FrameworkId { value: "f".into() },
            agent_id: v1::AgentId { value: "s".into() },
            state: v1::TaskState::TaskRunning as i32,
            resources: allocated("cpus:1"),
            statuses: vec![v1::TaskStatus {
                state: v1::TaskState::TaskRunning as i32,
                timestamp: Some(1.5),
                container_status: Some(v1::ContainerStatus {
                    container_id: Some(v1::ContainerId {
                        value: "c".into(),
                        parent: None,
                    }),
                    executor_pid: Some(1),
                    network_infos: vec![v1::NetworkInfo {
                        ip_addresses: vec![v1::network_info::IpAddress {
                            ip_address: Some("127.0.0.1".into()),
                            protocol: None,
                        }],
                        ..Default::default()
                    }],
                    ..Default::default()
                }),
                ..Default::default()
            }],
            ..Default::default()
        };
        assert_eq!(
            json(V0(&task)),
            concat!(
                r#"{"id":"t","name":"n","framework_id":"f","executor_id":"","slave_id":"s","#,
                r#""state":"TASK_RUNNING","#,
                r#""resources":{"cpus":1.0,"disk":0.0,"gpus":0.0,"mem":0.0},"role":"web","#,
                r#""statuses":[{"state":"TASK_RUNNING","timestamp":1.5,"#,
                r#""container_status":{"container_id":{"value":"c"},"network_infos":["#,
                r#"{"ip_addresses":[{"protocol":"IPv4","ip_address":"127.0.0.1"}]}]}}]}"#
            )
        );
    }

    #[test]
    fn an_executor_shows_its_command() {
        let executor = v1::ExecutorInfo {
            executor_id: v1::ExecutorId { value: "e".into() },
            command: Some(v1::CommandInfo {
                value: Some("run".into()),
                uris: vec![v1::command_info::Uri {
                    value: "/x".into(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            resources: allocated("mem:32"),
            ..Default::default()
        };
        let json: serde_json::Value = serde_json::from_str(&json(V0(&executor))).unwrap();
        assert_eq!(json["command"]["argv"], serde_json::json!([]));
        assert_eq!(json["command"]["uris"][0]["value"], "/x");
        assert_eq!(json["role"], "web");
    }
}
