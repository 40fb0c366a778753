//! Whether an operator's call is well formed. The texts are upstream's.

use messages::v1::master::{Call, call::Type};
use model::ResourceError;
use model::resources::check::check_all;
use thiserror::Error;

/// Why it is not.
#[derive(Debug, Error)]
pub(super) enum CallError {
    /// A part is missing.
    #[error("Expecting '{0}' to be present")]
    Missing(&'static str),
    /// Only resources of agents themselves can be resized.
    #[error(
        "Expecting 'agent_id' to be present; only agent default resources are supported \
         right now"
    )]
    NoAgent,
    /// A resource is not valid.
    #[error(transparent)]
    Resource(#[from] ResourceError),
}

/// Checks a call and gives its type. A type of a newer version is as good as none.
pub(super) fn check(call: &Call) -> Result<Type, CallError> {
    let kind = call.r#type.and_then(|number| Type::try_from(number).ok());
    let kind = kind.ok_or(CallError::Missing("type"))?;
    if let Some((name, is_there)) = body(kind, call)
        && !is_there
    {
        return Err(CallError::Missing(name));
    }
    if let Some(reserve) = &call.reserve_resources {
        check_all(&reserve.resources)?;
    }
    if let Some(unreserve) = &call.unreserve_resources {
        check_all(&unreserve.resources)?;
    }
    let grows_nothing = call
        .grow_volume
        .as_ref()
        .is_some_and(|it| it.agent_id.is_none());
    let shrinks_nothing = call
        .shrink_volume
        .as_ref()
        .is_some_and(|it| it.agent_id.is_none());
    if grows_nothing || shrinks_nothing {
        return Err(CallError::NoAgent);
    }
    Ok(kind)
}

/// The part that a type needs, and whether the call has it.
fn body(kind: Type, call: &Call) -> Option<(&'static str, bool)> {
    macro_rules! part {
        ($name:ident) => {
            Some((stringify!($name), call.$name.is_some()))
        };
    }
    match kind {
        Type::GetMetrics => part!(get_metrics),
        Type::SetLoggingLevel => part!(set_logging_level),
        Type::ListFiles => part!(list_files),
        Type::ReadFile => part!(read_file),
        Type::UpdateWeights => part!(update_weights),
        Type::ReserveResources => part!(reserve_resources),
        Type::UnreserveResources => part!(unreserve_resources),
        Type::CreateVolumes => part!(create_volumes),
        Type::DestroyVolumes => part!(destroy_volumes),
        Type::GrowVolume => part!(grow_volume),
        Type::ShrinkVolume => part!(shrink_volume),
        Type::UpdateMaintenanceSchedule => part!(update_maintenance_schedule),
        Type::StartMaintenance => part!(start_maintenance),
        Type::StopMaintenance => part!(stop_maintenance),
        Type::DrainAgent => part!(drain_agent),
        Type::DeactivateAgent => part!(deactivate_agent),
        Type::ReactivateAgent => part!(reactivate_agent),
        Type::UpdateQuota => part!(update_quota),
        Type::SetQuota => part!(set_quota),
        Type::RemoveQuota => part!(remove_quota),
        Type::Teardown => part!(teardown),
        Type::MarkAgentGone => part!(mark_agent_gone),
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
        | Type::GetQuota => None,
    }
}

#[cfg(test)]
mod tests {
    use messages::json::from_json;

    use super::*;

    fn refusal(text: &str) -> String {
        let call: Call = from_json(text.as_bytes()).unwrap();
        check(&call).unwrap_err().to_string()
    }

    #[test]
    fn what_a_type_needs_must_be_there() {
        assert_eq!(refusal("{}"), "Expecting 'type' to be present");
        assert_eq!(
            refusal(r#"{"type":"DO_IT"}"#),
            "Expecting 'type' to be present"
        );
        assert_eq!(
            refusal(r#"{"type":"TEARDOWN"}"#),
            "Expecting 'teardown' to be present"
        );
        assert_eq!(
            refusal(r#"{"type":"GET_METRICS"}"#),
            "Expecting 'get_metrics' to be present"
        );
        let resource = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1}}"#;
        let grow = format!(
            r#"{{"type":"GROW_VOLUME","grow_volume":{{"volume":{resource},"addition":{resource}}}}}"#
        );
        assert!(refusal(&grow).starts_with("Expecting 'agent_id' to be present; only"));
        let reserve = r#"{"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"a"},
            "resources":[{"name":"","type":"SCALAR","scalar":{"value":1}}]}}"#;
        assert!(!refusal(reserve).starts_with("Expecting"));
    }

    #[test]
    fn reads_need_nothing() {
        let call: Call = from_json(br#"{"type":"GET_STATE"}"#).unwrap();
        assert_eq!(check(&call).unwrap(), Type::GetState);
    }
}
