//! Calls of operators to the master.

use messages::v1::master::{Call, call::Type};

use super::{Missing, known, present, present_ref};
use crate::resources::{ResourceError, check};

/// Why an operator's call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterCallError {
    /// What every call, or a call of its type, must have is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The resources to reserve or unreserve are wrong.
    #[error(transparent)]
    Resources(#[from] ResourceError),
    /// A volume that is not an agent's own.
    #[error(
        "Expecting 'agent_id' to be present; only agent default resources are supported right now"
    )]
    AgentMissing,
}

/// Checks a call.
pub fn validate(call: &Call) -> Result<(), MasterCallError> {
    match known(call.r#type).ok_or(Missing("type"))? {
        Type::GetMetrics => present(&call.get_metrics, "get_metrics")?,
        Type::SetLoggingLevel => present(&call.set_logging_level, "set_logging_level")?,
        Type::ListFiles => present(&call.list_files, "list_files")?,
        Type::ReadFile => present(&call.read_file, "read_file")?,
        Type::UpdateWeights => present(&call.update_weights, "update_weights")?,
        Type::ReserveResources => {
            let body = present_ref(&call.reserve_resources, "reserve_resources")?;
            check::check_all(&body.resources)?;
        }
        Type::UnreserveResources => {
            let body = present_ref(&call.unreserve_resources, "unreserve_resources")?;
            check::check_all(&body.resources)?;
        }
        Type::CreateVolumes => present(&call.create_volumes, "create_volumes")?,
        Type::DestroyVolumes => present(&call.destroy_volumes, "destroy_volumes")?,
        Type::GrowVolume => {
            let body = present_ref(&call.grow_volume, "grow_volume")?;
            body.agent_id
                .as_ref()
                .ok_or(MasterCallError::AgentMissing)?;
        }
        Type::ShrinkVolume => {
            let body = present_ref(&call.shrink_volume, "shrink_volume")?;
            body.agent_id
                .as_ref()
                .ok_or(MasterCallError::AgentMissing)?;
        }
        Type::UpdateMaintenanceSchedule => {
            present(
                &call.update_maintenance_schedule,
                "update_maintenance_schedule",
            )?;
        }
        Type::StartMaintenance => present(&call.start_maintenance, "start_maintenance")?,
        Type::StopMaintenance => present(&call.stop_maintenance, "stop_maintenance")?,
        Type::DrainAgent => present(&call.drain_agent, "drain_agent")?,
        Type::DeactivateAgent => present(&call.deactivate_agent, "deactivate_agent")?,
        Type::ReactivateAgent => present(&call.reactivate_agent, "reactivate_agent")?,
        Type::UpdateQuota => present(&call.update_quota, "update_quota")?,
        Type::SetQuota => present(&call.set_quota, "set_quota")?,
        Type::RemoveQuota => present(&call.remove_quota, "remove_quota")?,
        Type::Teardown => present(&call.teardown, "teardown")?,
        Type::MarkAgentGone => present(&call.mark_agent_gone, "mark_agent_gone")?,
        Type::Unknown
        | Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetLoggingLevel
        | Type::GetState
        | Type::GetAgents
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetOperations
        | Type::GetTasks
        | Type::GetRoles
        | Type::GetWeights
        | Type::GetMaster
        | Type::Subscribe
        | Type::GetMaintenanceStatus
        | Type::GetMaintenanceSchedule
        | Type::GetQuota => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use messages::v1::{self, master::call};

    use super::*;

    fn call(kind: Type) -> Call {
        Call {
            r#type: Some(kind as i32),
            ..Default::default()
        }
    }

    #[test]
    fn a_body_goes_with_its_type() {
        assert_eq!(
            validate(&Call::default()).unwrap_err().to_string(),
            "Expecting 'type' to be present"
        );
        for number in 0..=39 {
            let kind = Type::try_from(number).unwrap();
            let name = kind.as_str_name();
            let without = name == "UNKNOWN" || name == "SUBSCRIBE" || name.starts_with("GET_");
            let expected = if without && kind != Type::GetMetrics {
                Ok(())
            } else {
                Err(format!("Expecting '{}' to be present", name.to_lowercase()))
            };
            assert_eq!(
                validate(&call(kind)).map_err(|error| error.to_string()),
                expected
            );
        }
    }

    #[test]
    fn reservations_are_of_valid_resources() {
        let bad = v1::Resource {
            name: "cpus".into(),
            ..Default::default()
        };
        let call = Call {
            reserve_resources: Some(call::ReserveResources {
                resources: vec![bad],
                ..Default::default()
            }),
            ..call(Type::ReserveResources)
        };
        assert_eq!(
            validate(&call).unwrap_err().to_string(),
            "Resource 'cpus:0' is invalid: Invalid scalar resource"
        );
    }

    #[test]
    fn volumes_that_change_are_an_agents() {
        let call = Call {
            grow_volume: Some(call::GrowVolume::default()),
            ..call(Type::GrowVolume)
        };
        assert_eq!(validate(&call), Err(MasterCallError::AgentMissing));
    }
}
