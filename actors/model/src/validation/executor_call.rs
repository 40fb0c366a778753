//! Calls of executors.

use messages::v1::{
    TaskState, TaskStatus,
    executor::{Call, call::Type},
    task_status::Source,
};

use super::{
    Missing,
    check::{self, CheckError},
    known, present, present_ref,
};
use crate::uuid::{self, NotAUuid};

/// Why an executor's call is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorCallError {
    /// What every call, or a call of its type, must have is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The update's UUID is none.
    #[error(transparent)]
    Uuid(#[from] NotAUuid),
    /// The update names another executor.
    #[error("ExecutorID in Call: {call} does not match ExecutorID in TaskStatus: {status}")]
    ExecutorId {
        /// Who calls.
        call: String,
        /// Who is named.
        status: String,
    },
    /// The update does not say that it comes from an executor.
    #[error(
        "Received Call from executor {executor} of framework {framework} with invalid source, \
         expecting 'SOURCE_EXECUTOR'"
    )]
    Source {
        /// Who calls.
        executor: String,
        /// Whose executor it is.
        framework: String,
    },
    /// A task that an executor has is not staging any more.
    #[error(
        "Received TASK_STAGING from executor {executor} of framework {framework} which is not \
         allowed"
    )]
    Staging {
        /// Who calls.
        executor: String,
        /// Whose executor it is.
        framework: String,
    },
    /// What it says of a check is wrong.
    #[error(transparent)]
    CheckStatus(#[from] CheckError),
}

/// Checks a call. The caller has checked that required fields are there.
pub fn validate(call: &Call) -> Result<(), ExecutorCallError> {
    match known(call.r#type).ok_or(Missing("type"))? {
        Type::Subscribe => present(&call.subscribe, "subscribe")?,
        Type::Update => update(call, &present_ref(&call.update, "update")?.status)?,
        Type::Message => present(&call.message, "message")?,
        Type::Heartbeat | Type::Unknown => {}
    }
    Ok(())
}

fn update(call: &Call, status: &TaskStatus) -> Result<(), ExecutorCallError> {
    let (executor, framework) = (&call.executor_id.value, &call.framework_id.value);
    uuid::parse(present_ref(&status.uuid, "uuid")?)?;
    if let Some(id) = &status.executor_id
        && id.value != *executor
    {
        return Err(ExecutorCallError::ExecutorId {
            call: executor.clone(),
            status: id.value.clone(),
        });
    }
    if known(status.source) != Some(Source::Executor) {
        return Err(ExecutorCallError::Source {
            executor: executor.clone(),
            framework: framework.clone(),
        });
    }
    if status.state() == TaskState::TaskStaging {
        return Err(ExecutorCallError::Staging {
            executor: executor.clone(),
            framework: framework.clone(),
        });
    }
    status.check_status.iter().try_for_each(check::status)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use messages::v1::{self, executor::call};

    use super::*;

    fn call(kind: Type) -> Call {
        Call {
            r#type: Some(kind as i32),
            executor_id: v1::ExecutorId { value: "e".into() },
            framework_id: v1::FrameworkId { value: "f".into() },
            ..Default::default()
        }
    }

    fn refusal(call: &Call) -> String {
        validate(call).unwrap_err().to_string()
    }

    fn update(status: TaskStatus) -> Call {
        Call {
            update: Some(call::Update { status }),
            ..call(Type::Update)
        }
    }

    fn status() -> TaskStatus {
        TaskStatus {
            state: TaskState::TaskRunning as i32,
            source: Some(Source::Executor as i32),
            uuid: Some(vec![0x45; 16].into()),
            ..Default::default()
        }
    }

    #[test]
    fn a_body_goes_with_its_type() {
        let untyped = Call {
            r#type: None,
            ..call(Type::Unknown)
        };
        assert_eq!(refusal(&untyped), "Expecting 'type' to be present");
        assert_eq!(
            refusal(&call(Type::Subscribe)),
            "Expecting 'subscribe' to be present"
        );
        assert_eq!(
            refusal(&call(Type::Update)),
            "Expecting 'update' to be present"
        );
        assert_eq!(
            refusal(&call(Type::Message)),
            "Expecting 'message' to be present"
        );
        assert_eq!(validate(&call(Type::Heartbeat)), Ok(()));
    }

    #[test]
    fn updates() {
        assert_eq!(validate(&update(status())), Ok(()));
        assert_eq!(
            refusal(&update(TaskStatus {
                uuid: None,
                ..status()
            })),
            "Expecting 'uuid' to be present"
        );
        assert_eq!(
            refusal(&update(TaskStatus {
                uuid: Some(vec![0xff; 16].into()),
                ..status()
            })),
            "Not a valid UUID"
        );
        assert_eq!(
            refusal(&update(TaskStatus {
                executor_id: Some(v1::ExecutorId { value: "x".into() }),
                ..status()
            })),
            "ExecutorID in Call: e does not match ExecutorID in TaskStatus: x"
        );
        for source in [None, Some(Source::Master as i32)] {
            assert_eq!(
                refusal(&update(TaskStatus { source, ..status() })),
                "Received Call from executor e of framework f with invalid source, expecting \
                 'SOURCE_EXECUTOR'"
            );
        }
        assert_eq!(
            refusal(&update(TaskStatus {
                state: TaskState::TaskStaging as i32,
                ..status()
            })),
            "Received TASK_STAGING from executor e of framework f which is not allowed"
        );
        assert_eq!(
            refusal(&update(TaskStatus {
                check_status: Some(Default::default()),
                ..status()
            })),
            "CheckStatusInfo must specify 'type'"
        );
    }
}
