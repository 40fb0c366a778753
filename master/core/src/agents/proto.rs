//! An agent as the operator API shows it (V22).

use messages::v1::master::response::get_agents;

use super::Agent;
use crate::registry::time_info;

impl Agent {
    /// The agent as GET_AGENTS and AGENT_ADDED show it.
    pub fn to_proto(&self) -> get_agents::Agent {
        get_agents::Agent {
            agent_info: self.to_info(),
            active: self.is_active(),
            deactivated: Some(false),
            version: self.version.to_string(),
            pid: Some(self.pid.to_string()),
            registered_time: Some(time_info(self.registered)),
            reregistered_time: self.reregistered.map(time_info),
            total_resources: self.total.to_proto_endpoint(),
            allocated_resources: self.total_used().to_proto_endpoint(),
            offered_resources: self.offered().to_proto_endpoint(),
            capabilities: self.capabilities.to_proto(),
            resource_providers: Vec::new(),
            drain_info: None,
            estimated_drain_start_time: None,
        }
    }
}
