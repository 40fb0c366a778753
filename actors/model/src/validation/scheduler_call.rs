//! Calls of schedulers (V8, V11).

use messages::v1::scheduler::{Call, call::Type};

use super::{Missing, known, present, present_ref};
use crate::uuid::{self, NotAUuid};

/// Why a scheduler's call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchedulerCallError {
    /// What every call, or a call of its type, must have is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The two ids of a subscription differ.
    #[error("'framework_id' differs from 'subscribe.framework_info.id'")]
    SubscribeId,
    /// The two ids of an update differ.
    #[error("'framework_id' differs from 'update_framework.framework_info.id'")]
    UpdateId,
    /// A subscription in another's name.
    #[error(
        "Authenticated principal '{authenticated}' does not match principal '{named}' set in \
         `FrameworkInfo`"
    )]
    Principal {
        /// Who asks.
        authenticated: String,
        /// Who is named.
        named: String,
    },
    /// What is acknowledged is no UUID.
    #[error(transparent)]
    Uuid(#[from] NotAUuid),
}

/// Checks a call. `principal` is who proved to be calling, if anybody had to.
pub fn validate(call: &Call, principal: Option<&str>) -> Result<(), SchedulerCallError> {
    let kind: Type = known(call.r#type).ok_or(Missing("type"))?;
    if kind == Type::Subscribe {
        return subscribe(call, principal);
    }
    present(&call.framework_id, "framework_id")?;
    match kind {
        Type::Accept => present(&call.accept, "accept")?,
        Type::Decline => present(&call.decline, "decline")?,
        Type::AcceptInverseOffers => {
            present(&call.accept_inverse_offers, "accept_inverse_offers")?;
        }
        Type::DeclineInverseOffers => {
            present(&call.decline_inverse_offers, "decline_inverse_offers")?;
        }
        Type::Kill => present(&call.kill, "kill")?,
        Type::Shutdown => present(&call.shutdown, "shutdown")?,
        Type::Acknowledge => {
            uuid::parse(&present_ref(&call.acknowledge, "acknowledge")?.uuid)?;
        }
        Type::AcknowledgeOperationStatus => {
            let status = &call.acknowledge_operation_status;
            let status = present_ref(status, "acknowledge_operation_status")?;
            uuid::parse(&status.uuid)?;
            present(&status.agent_id, "agent_id")?;
        }
        Type::Reconcile => present(&call.reconcile, "reconcile")?,
        Type::ReconcileOperations => present(&call.reconcile_operations, "reconcile_operations")?,
        Type::Message => present(&call.message, "message")?,
        Type::Request => present(&call.request, "request")?,
        Type::UpdateFramework => {
            let update = present_ref(&call.update_framework, "update_framework")?;
            if update
                .framework_info
                .id
                .as_ref()
                .map(|id| id.value.as_str())
                .unwrap_or_default()
                != framework_id(call)
            {
                return Err(SchedulerCallError::UpdateId);
            }
        }
        Type::Unknown | Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress => {}
    }
    Ok(())
}

fn subscribe(call: &Call, principal: Option<&str>) -> Result<(), SchedulerCallError> {
    let info = &present_ref(&call.subscribe, "subscribe")?.framework_info;
    let id = info
        .id
        .as_ref()
        .map(|id| id.value.as_str())
        .unwrap_or_default();
    if id != framework_id(call) {
        return Err(SchedulerCallError::SubscribeId);
    }
    match (principal, &info.principal) {
        (Some(authenticated), Some(named)) if authenticated != named => {
            Err(SchedulerCallError::Principal {
                authenticated: authenticated.to_owned(),
                named: named.clone(),
            })
        }
        _ => Ok(()),
    }
}

fn framework_id(call: &Call) -> &str {
    call.framework_id
        .as_ref()
        .map(|id| id.value.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use messages::v1::{self, scheduler::call};

    use super::*;

    fn call(kind: Type) -> Call {
        Call {
            r#type: Some(kind as i32),
            framework_id: Some(v1::FrameworkId { value: "f".into() }),
            ..Default::default()
        }
    }

    fn refusal(call: &Call) -> String {
        validate(call, Some("p")).unwrap_err().to_string()
    }

    #[test]
    fn every_call_has_a_type_and_a_framework() {
        assert_eq!(refusal(&Call::default()), "Expecting 'type' to be present");
        let future = Call {
            r#type: Some(1000),
            ..Default::default()
        };
        assert_eq!(refusal(&future), "Expecting 'type' to be present");
        let anonymous = Call {
            framework_id: None,
            ..call(Type::Revive)
        };
        assert_eq!(
            refusal(&anonymous),
            "Expecting 'framework_id' to be present"
        );
        for kind in [Type::Teardown, Type::Revive, Type::Suppress, Type::Unknown] {
            assert_eq!(validate(&call(kind), None), Ok(()));
        }
    }

    #[test]
    fn a_body_goes_with_its_type() {
        for number in 1..=17 {
            let kind = Type::try_from(number).unwrap();
            if matches!(kind, Type::Teardown | Type::Revive | Type::Suppress) {
                continue;
            }
            let field = kind.as_str_name().to_lowercase();
            assert_eq!(
                refusal(&call(kind)),
                format!("Expecting '{field}' to be present")
            );
        }
    }

    #[test]
    fn ids_and_principals_agree() {
        let subscribe = |id: Option<&str>, principal: Option<&str>| Call {
            subscribe: Some(call::Subscribe {
                framework_info: v1::FrameworkInfo {
                    id: id.map(|id| v1::FrameworkId { value: id.into() }),
                    principal: principal.map(Into::into),
                    ..Default::default()
                },
                ..Default::default()
            }),
            ..call(Type::Subscribe)
        };
        assert_eq!(
            validate(&subscribe(Some("f"), Some("p")), Some("p")),
            Ok(())
        );
        assert_eq!(validate(&subscribe(Some("f"), None), Some("p")), Ok(()));
        assert_eq!(validate(&subscribe(Some("f"), Some("q")), None), Ok(()));
        let first = Call {
            framework_id: None,
            ..subscribe(None, None)
        };
        assert_eq!(validate(&first, None), Ok(()));
        assert_eq!(
            refusal(&subscribe(None, None)),
            "'framework_id' differs from 'subscribe.framework_info.id'"
        );
        assert_eq!(
            refusal(&subscribe(Some("f"), Some("q"))),
            "Authenticated principal 'p' does not match principal 'q' set in `FrameworkInfo`"
        );
        let update = Call {
            update_framework: Some(Default::default()),
            ..call(Type::UpdateFramework)
        };
        assert_eq!(
            refusal(&update),
            "'framework_id' differs from 'update_framework.framework_info.id'"
        );
    }

    #[test]
    fn acknowledgements_name_a_uuid() {
        let acknowledge = |uuid: [u8; 16]| Call {
            acknowledge: Some(call::Acknowledge {
                uuid: uuid.to_vec().into(),
                ..Default::default()
            }),
            ..call(Type::Acknowledge)
        };
        assert_eq!(validate(&acknowledge([0x45; 16]), None), Ok(()));
        assert_eq!(refusal(&acknowledge([0xff; 16])), "Not a valid UUID");
        let operation = Call {
            acknowledge_operation_status: Some(call::AcknowledgeOperationStatus {
                uuid: vec![0x45; 16].into(),
                ..Default::default()
            }),
            ..call(Type::AcknowledgeOperationStatus)
        };
        assert_eq!(refusal(&operation), "Expecting 'agent_id' to be present");
    }
}
