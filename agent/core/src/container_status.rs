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
    use crate::testing::{World, update_call, uuid};

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
