//! `/containers`, `/monitor/statistics` and GET_CONTAINERS (E15, E16): what the state
//! knows of containers beside figures that the containerizer measured.

use std::collections::{BTreeMap, BTreeSet};

use messages::v1;
use model::ids::ContainerId;
use serde::Serialize;
use v1::agent::response::{self, get_containers::Container};

use crate::agent::Snapshot;
use crate::state::{Executor, ExecutorPhase};

/// Figures by container; those of containers that could not be measured are absent.
type Figures = BTreeMap<ContainerId, v1::ResourceStatistics>;

/// One entry of `/containers`.
#[derive(Debug, Serialize)]
pub struct ContainerEntry<'a> {
    container_id: &'a str,
    executor_id: &'a str,
    executor_name: &'a str,
    framework_id: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<&'a v1::ResourceStatistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a v1::ContainerStatus>,
}

/// One entry of `/monitor/statistics`.
#[derive(Debug, Serialize)]
pub struct StatisticsEntry<'a> {
    executor_id: &'a str,
    executor_name: &'a str,
    framework_id: &'a str,
    source: &'a str,
    statistics: &'a v1::ResourceStatistics,
}

/// `/containers`: all executors' containers, or those in `only`.
pub fn containers<'a>(
    snapshot: &'a Snapshot,
    figures: &'a Figures,
    only: Option<&BTreeSet<ContainerId>>,
) -> Vec<ContainerEntry<'a>> {
    live(snapshot)
        .filter(|executor| only.is_none_or(|only| only.contains(&executor.container_id)))
        .map(|executor| ContainerEntry {
            container_id: executor.container_id.as_str(),
            executor_id: executor.id.as_str(),
            executor_name: executor.info.name(),
            framework_id: executor.framework_id.as_str(),
            source: executor.info.source(),
            statistics: figures.get(&executor.container_id),
            status: executor.container_status.as_deref(),
        })
        .collect()
}

/// `/monitor/statistics`: executors that could be measured.
pub fn statistics<'a>(snapshot: &'a Snapshot, figures: &'a Figures) -> Vec<StatisticsEntry<'a>> {
    live(snapshot)
        .filter_map(|executor| {
            Some(StatisticsEntry {
                executor_id: executor.id.as_str(),
                executor_name: executor.info.name(),
                framework_id: executor.framework_id.as_str(),
                source: executor.info.source(),
                statistics: figures.get(&executor.container_id)?,
            })
        })
        .collect()
}

/// The answer to GET_CONTAINERS.
pub fn get_containers(snapshot: &Snapshot, figures: &Figures) -> v1::agent::Response {
    let containers: Vec<_> = live(snapshot)
        .map(|executor| Container {
            framework_id: Some(executor.framework_id.to_proto()),
            executor_id: Some(executor.id.to_proto()),
            executor_name: Some(executor.info.name().to_owned()),
            container_id: executor.container_id.to_proto(),
            container_status: executor.container_status.as_deref().cloned(),
            resource_statistics: figures.get(&executor.container_id).cloned(),
        })
        .collect();
    v1::agent::Response {
        r#type: Some(response::Type::GetContainers as i32),
        // Upstream leaves an empty list out with all around it.
        get_containers: (!containers.is_empty()).then_some(response::GetContainers { containers }),
        ..Default::default()
    }
}

/// Executors whose containers are there, or soon will be.
fn live(snapshot: &Snapshot) -> impl Iterator<Item = &Executor> {
    snapshot
        .state
        .executors()
        .filter(|executor| executor.phase != ExecutorPhase::Terminated)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{World, command_task};

    fn json<T: Serialize>(value: &T) -> Value {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn a_measured_container_shows_its_figures() {
        let mut world = World::registered();
        let container = world.running_command_task("t");
        world.run(command_task("launching", "true"));
        let snapshot = world.agent.snapshot();
        let measured = v1::ResourceStatistics {
            timestamp: 1.5,
            mem_rss_bytes: Some(4096),
            ..Default::default()
        };
        let figures = Figures::from([(container.clone(), measured)]);

        let all = json(&containers(&snapshot, &figures, None));
        assert_eq!(all.as_array().unwrap().len(), 2);
        let only = BTreeSet::from([container.clone()]);
        let one = json(&containers(&snapshot, &figures, Some(&only)));
        assert_eq!(
            one,
            json!([{
                "container_id": container.as_str(),
                "executor_id": "t",
                "executor_name": "Command Executor (Task: t) (Command: sh -c 'true')",
                "framework_id": "m-0001",
                "source": "t",
                "statistics": {"timestamp": 1.5, "mem_rss_bytes": 4096},
                "status": {"container_id": {"value": container.as_str()}, "executor_pid": 42},
            }])
        );
        let monitored = json(&statistics(&snapshot, &figures));
        assert_eq!(monitored.as_array().unwrap().len(), 1);
        assert_eq!(monitored[0]["statistics"]["mem_rss_bytes"], 4096);

        let response = get_containers(&snapshot, &figures).get_containers.unwrap();
        assert_eq!(response.containers.len(), 2);
    }

    #[test]
    fn ended_containers_are_not_shown() {
        let mut world = World::registered();
        let container = world.running_command_task("t");
        world.exited(container, Default::default());
        assert!(containers(&world.agent.snapshot(), &Figures::new(), None).is_empty());
    }
}
