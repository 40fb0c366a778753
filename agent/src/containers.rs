//! The core's containers, run by the containerizer.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;

use agent_core::{ContainerLaunch, Input, Termination};
use containerizer::{ContainerConfig, LaunchError, Launched, Limits};
use messages::v1;
use model::ids::ContainerId;
use model::resources::Resources;
use runtime::Context;
use tracing::warn;

use crate::actor::Agent;

const MEGABYTE: f64 = (1_u64 << 20) as f64;

impl Agent {
    pub(crate) fn launch_container(
        &mut self,
        launch: ContainerLaunch,
        context: &mut Context<'_, Self>,
    ) {
        let id = launch.container_id.clone();
        let launching = self.ports.containerizer.launch(config(launch));
        context.run(launching, move |agent, result, context| {
            agent.container_launched(id, result, context);
        });
    }

    fn container_launched(
        &mut self,
        container_id: ContainerId,
        result: Result<Launched, LaunchError>,
        context: &mut Context<'_, Self>,
    ) {
        if let Err(error) = result {
            let message = error.to_string();
            return self.input(
                Input::ContainerLaunchFailed {
                    container_id,
                    message,
                },
                context,
            );
        }
        // It may have ended already; then only its id is known.
        let status = self
            .ports
            .containerizer
            .status(&container_id)
            .unwrap_or_else(|| {
                let container_id = Some(container_id.to_proto());
                v1::ContainerStatus {
                    container_id,
                    ..Default::default()
                }
            });
        let ending = self.ports.containerizer.wait(&container_id);
        let ended = container_id.clone();
        self.input(
            Input::ContainerLaunched {
                container_id,
                status: Box::new(status),
            },
            context,
        );
        context.run(ending, move |agent, termination, context| {
            let status = termination.and_then(|termination| termination.status);
            let termination = Termination {
                status: status.map(std::process::ExitStatus::into_raw),
                ..Termination::default()
            };
            let input = Input::ContainerExited {
                container_id: ended,
                termination: Box::new(termination),
            };
            agent.input(input, context);
        });
    }

    pub(crate) fn update_container(
        &mut self,
        container_id: ContainerId,
        sequence: u64,
        resources: &Resources,
        limits: &BTreeMap<String, f64>,
        context: &mut Context<'_, Self>,
    ) {
        // A container that is gone takes every update: its end is on its way to the core.
        self.ports
            .containerizer
            .update(&container_id, bounds(resources, limits));
        let result = Ok(());
        self.input(
            Input::ContainerUpdated {
                container_id,
                sequence,
                result,
            },
            context,
        );
    }

    pub(crate) fn destroy_container(&mut self, id: &ContainerId, context: &mut Context<'_, Self>) {
        let destroying = self.ports.containerizer.destroy(id);
        // Its end is told to whoever waits for it.
        context.run(destroying, |_, result, _| {
            if let Err(error) = result {
                warn!("{error}");
            }
        });
    }
}

fn config(launch: ContainerLaunch) -> ContainerConfig {
    ContainerConfig {
        limits: bounds(&launch.resources, &launch.limits),
        container_id: launch.container_id,
        command: launch.command,
        container_info: launch.container_info,
        directory: launch.directory,
        latest_link: Some(launch.latest_link),
        environment: launch.environment.into_iter().collect(),
        user: launch.user,
    }
}

/// What a container may use at most: its limits, else what it holds. Infinity is no bound.
fn bounds(resources: &Resources, limits: &BTreeMap<String, f64>) -> Limits {
    let bound = |name: &str| {
        let held = resources.scalar(name).to_f64();
        let limit = limits.get(name).copied();
        limit
            .or((held > 0.0).then_some(held))
            .filter(|limit| limit.is_finite())
    };
    Limits {
        cpus: bound("cpus"),
        mem_bytes: bound("mem").map(|mem| (mem * MEGABYTE) as u64),
    }
}

#[cfg(test)]
mod tests {
    use model::Role;

    use super::*;

    #[test]
    fn limits_go_before_what_is_held() {
        let held = Resources::parse("cpus:1.5;mem:64", &Role::any()).unwrap();
        let limits = [("cpus".to_owned(), 2.0), ("mem".to_owned(), f64::INFINITY)].into();
        assert_eq!(
            bounds(&held, &BTreeMap::new()),
            Limits {
                cpus: Some(1.5),
                mem_bytes: Some(64 << 20)
            }
        );
        assert_eq!(
            bounds(&held, &limits),
            Limits {
                cpus: Some(2.0),
                mem_bytes: None
            }
        );
        assert_eq!(
            bounds(&Resources::new(), &BTreeMap::new()),
            Limits::default()
        );
    }
}
