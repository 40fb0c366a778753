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
        let Some(known) = &executor.container_status else {
            return;
        };
        let filled = status.container_status.get_or_insert_with(Default::default);
        if filled.container_id.is_none() {
            filled.container_id = known.container_id.clone();
        }
        if let Some(pid) = known.executor_pid {
            filled.executor_pid = Some(pid);
        }
        filled.cgroup_info = known.cgroup_info.or(filled.cgroup_info);
        filled
            .network_infos
            .extend(known.network_infos.iter().cloned());
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
