//! Status updates say where their task runs (E6).

use messages::v1;
use model::ids::TaskId;
use runtime_core::Pid;

use crate::agent::Agent;
use crate::state::{Executor, ExecutorPhase};

impl Agent {
    /// Fills in where the task runs, as far as its container lives.
    pub(crate) fn add_container_status(&self, executor: &Executor, status: &mut v1::TaskStatus) {
        let from_agent = status.source() == v1::task_status::Source::Agent;
        let dropped = matches!(
            status.state(),
            v1::TaskState::TaskDropped | v1::TaskState::TaskLost
        );
        let task_id = TaskId::from(&status.task_id);
        let delivered = executor.task(&task_id).is_some();
        if !delivered || (from_agent && dropped) || executor.phase == ExecutorPhase::Terminated {
            return;
        }
        let container_id = executor.container_id.to_proto();
        let filled = status.container_status.get_or_insert_default();
        if *filled
            .container_id
            .get_or_insert_with(|| container_id.clone())
            != container_id
        {
            // A container within the executor's, of which only the executor knows.
            return;
        }
        if let Some(known) = &executor.container_status {
            filled.executor_pid = known.executor_pid.or(filled.executor_pid);
            filled.cgroup_info = known.cgroup_info.or(filled.cgroup_info);
            let networks = known.network_infos.iter().cloned();
            filled.network_infos.extend(networks);
        }
        if filled.network_infos.is_empty() {
            filled.network_infos.push(host_network(&self.config.pid));
        }
    }
}

/// A container without a network of its own is reached at the agent's address.
fn host_network(pid: &Pid) -> v1::NetworkInfo {
    v1::NetworkInfo {
        ip_addresses: vec![v1::network_info::IpAddress {
            ip_address: Some(pid.address.ip().to_string()),
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::limits::EARLY_UPDATES_MAX;
    use crate::testing::{World, command_task, update_call, uuid};

    #[test]
    fn an_executor_faster_than_its_launch_is_located_all_the_same() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        world.subscribe("t");
        world.take();
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        assert!(world.sent().is_empty());
        world.launched("t");
        let status = world.only_update().status.container_status.unwrap();
        let container_id = &world.executor("t").container_id;
        assert_eq!(status.container_id, Some(container_id.to_proto()));
        assert_eq!(status.executor_pid, Some(42));
        assert_eq!(status.network_infos.len(), 1);
    }

    #[test]
    fn what_came_early_is_told_though_the_container_was_never_reported() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        world.subscribe("t");
        world.take();
        world.update("t", "t", v1::TaskState::TaskFinished, uuid(1));
        assert!(world.sent().is_empty());
        let container_id = world.executor("t").container_id.clone();
        world.input(Input::ContainerLaunchFailed {
            container_id,
            message: "lost".to_owned(),
        });
        let status = world.only_update().status;
        assert_eq!(status.state(), v1::TaskState::TaskFinished);
    }

    #[test]
    fn not_more_than_some_updates_wait() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        world.subscribe("t");
        world.take();
        for number in 0..EARLY_UPDATES_MAX {
            world.update("t", "t", v1::TaskState::TaskRunning, uuid(number as u8));
        }
        assert!(world.sent().is_empty());
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(255));
        assert!(world.executor("t").early_updates.is_empty());
        assert_eq!(
            world.only_update().status.uuid,
            Some(uuid(0).as_bytes().to_vec().into())
        );
    }

    #[test]
    fn what_an_executor_says_of_a_container_of_its_own_stays() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.take();
        let mut status = world.status("t", v1::TaskState::TaskRunning, uuid(1));
        let own = v1::ContainerStatus {
            container_id: Some(v1::ContainerId {
                value: "inner".into(),
                parent: None,
            }),
            ..Default::default()
        };
        status.container_status = Some(own.clone());
        world.call("t", update_call(status));
        assert_eq!(world.only_update().status.container_status, Some(own));
    }
}
