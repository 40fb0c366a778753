//! Ids of containers, which may be nested (M8).

use messages::v1;

use crate::ids::{self, IdError};

/// The longest id of one container, without its parents, in bytes.
pub const CONTAINER_ID_LENGTH_MAX: usize = 242;

/// How many containers may be nested in each other at most. Upstream sets no
/// limit; this one keeps a hostile call from exhausting the stack.
pub const NESTING_MAX: usize = 32;

/// Why an id of a container is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerIdError {
    /// It is no id at all.
    #[error(transparent)]
    Id(#[from] IdError),
    /// It is too long.
    #[error("'ContainerID.value' '{0}' exceeds the maximum length ({CONTAINER_ID_LENGTH_MAX})")]
    TooLong(String),
    /// It holds a `.`, which parts the levels, or a space.
    #[error("'ContainerID.value' '{0}' contains invalid characters")]
    InvalidCharacters(String),
    /// One of its parents is wrong.
    #[error("'ContainerID.parent' is invalid: {0}")]
    Parent(Box<ContainerIdError>),
    /// There are too many parents.
    #[error("'ContainerID.parent' is nested more than {NESTING_MAX} times")]
    TooDeep,
}

/// Checks an id and those of its parents.
pub fn validate(id: &v1::ContainerId) -> Result<(), ContainerIdError> {
    validate_level(id, 0)
}

fn validate_level(id: &v1::ContainerId, depth: usize) -> Result<(), ContainerIdError> {
    if depth > NESTING_MAX {
        return Err(ContainerIdError::TooDeep);
    }
    ids::check(&id.value)?;
    if id.value.len() > CONTAINER_ID_LENGTH_MAX {
        return Err(ContainerIdError::TooLong(id.value.clone()));
    }
    if id.value.contains(['.', ' ']) {
        return Err(ContainerIdError::InvalidCharacters(id.value.clone()));
    }
    id.parent.as_ref().map_or(Ok(()), |parent| {
        validate_level(parent, depth + 1).map_err(|error| ContainerIdError::Parent(error.into()))
    })
}

/// Whether a container is nested in one that is nested itself.
pub(super) fn is_nested_twice(id: &v1::ContainerId) -> bool {
    id.parent
        .as_ref()
        .is_some_and(|parent| parent.parent.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(value: &str, parent: Option<v1::ContainerId>) -> v1::ContainerId {
        v1::ContainerId {
            value: value.into(),
            parent: parent.map(Box::new),
        }
    }

    #[test]
    fn every_level_counts() {
        let refusal = |id: &v1::ContainerId| validate(id).unwrap_err().to_string();
        assert_eq!(validate(&id("redis", Some(id("uuid", None)))), Ok(()));
        assert_eq!(refusal(&id("", None)), "ID must not be empty");
        assert_eq!(
            refusal(&id("a.b", None)),
            "'ContainerID.value' 'a.b' contains invalid characters"
        );
        assert_eq!(
            refusal(&id("redis", Some(id("a b", None)))),
            "'ContainerID.parent' is invalid: 'ContainerID.value' 'a b' contains invalid characters"
        );
        assert!(refusal(&id(&"x".repeat(243), None)).ends_with("exceeds the maximum length (242)"));
        let deep = (0..100).fold(id("x", None), |parent, _| id("x", Some(parent)));
        assert!(refusal(&deep).ends_with("is nested more than 32 times"));
    }
}
