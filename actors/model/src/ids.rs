//! Identifiers: one type per kind of thing, so that an agent id is never taken
//! for a framework id.
//!
//! An id is shared text: cloning one costs a counter, not an allocation.

use std::{borrow::Borrow, fmt, sync::Arc};

use messages::v1;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest id that is accepted, in bytes: ids become names of files (M9).
pub const ID_LENGTH_MAX: usize = 255;

/// Why a text cannot be an id (M9). The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// There is no text at all.
    #[error("ID must not be empty")]
    Empty,
    /// The text is longer than [`ID_LENGTH_MAX`].
    #[error("ID must not be greater than {ID_LENGTH_MAX} characters")]
    TooLong,
    /// The text is `.` or `..`, which name folders.
    #[error("'{0}' is disallowed")]
    Disallowed(String),
    /// The text holds a control character, `/` or `\`.
    #[error("'{0}' contains invalid characters")]
    InvalidCharacters(String),
}

/// Checks that `text` may be used as an id, and so as the name of a file (M9).
pub fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_LENGTH_MAX {
        return Err(IdError::TooLong);
    }
    if text == "." || text == ".." {
        return Err(IdError::Disallowed(text.to_owned()));
    }
    if text
        .bytes()
        .any(|byte| byte.is_ascii_control() || matches!(byte, b'/' | b'\\'))
    {
        return Err(IdError::InvalidCharacters(text.to_owned()));
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; [`check`] says whether it is a fit id.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), &self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

macro_rules! proto_id {
    ($name:ident, $proto:ident) => {
        impl $name {
            /// The same id as it travels in messages.
            pub fn to_proto(&self) -> v1::$proto {
                v1::$proto {
                    value: self.as_str().to_owned(),
                }
            }
        }

        impl From<&v1::$proto> for $name {
            fn from(proto: &v1::$proto) -> Self {
                Self::from(proto.value.as_str())
            }
        }

        impl From<v1::$proto> for $name {
            fn from(proto: v1::$proto) -> Self {
                Self::from(proto.value)
            }
        }
    };
}

id! {
    /// A framework: `<master id>-NNNN` (M8).
    FrameworkId
}
id! {
    /// An agent: `<master id>-S<n>` (M8).
    AgentId
}
id! {
    /// A task, named by its framework.
    TaskId
}
id! {
    /// An executor, named by its framework.
    ExecutorId
}
id! {
    /// An offer: `<master id>-O<n>` (M8).
    OfferId
}
id! {
    /// A container as `<root>.<child>.<grandchild>`: a nested container's id
    /// holds those of its parents (M8).
    ContainerId
}
id! {
    /// One life of a master process: a random UUID (M8).
    MasterId
}
id! {
    /// An operation on resources, named by the framework that asks for it.
    OperationId
}

proto_id!(FrameworkId, FrameworkId);
proto_id!(AgentId, AgentId);
proto_id!(TaskId, TaskId);
proto_id!(ExecutorId, ExecutorId);
proto_id!(OfferId, OfferId);
proto_id!(OperationId, OperationId);

impl ContainerId {
    /// The same id as it travels in messages: each level holds its parent.
    pub fn to_proto(&self) -> v1::ContainerId {
        let mut parent = None;
        let mut levels = self.0.split('.');
        let mut value = levels.next().unwrap_or_default();
        for level in levels {
            parent = Some(Box::new(v1::ContainerId {
                value: value.to_owned(),
                parent,
            }));
            value = level;
        }
        v1::ContainerId {
            value: value.to_owned(),
            parent,
        }
    }

    /// The container this one is nested in, if it is nested.
    pub fn parent(&self) -> Option<Self> {
        self.0
            .rsplit_once('.')
            .map(|(parent, _)| Self::from(parent))
    }
}

impl From<&v1::ContainerId> for ContainerId {
    fn from(proto: &v1::ContainerId) -> Self {
        let mut levels = vec![proto.value.as_str()];
        let mut parent = proto.parent.as_deref();
        while let Some(level) = parent {
            levels.push(&level.value);
            parent = level.parent.as_deref();
        }
        levels.reverse();
        Self::from(levels.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_must_be_fit_to_name_a_file() {
        assert_eq!(check(""), Err(IdError::Empty));
        assert_eq!(check(&"x".repeat(256)), Err(IdError::TooLong));
        assert_eq!(check(&"x".repeat(255)), Ok(()));
        for bad in [".", ".."] {
            assert_eq!(check(bad), Err(IdError::Disallowed(bad.into())));
        }
        for bad in ["a/b", "a\\b", "a\nb", "a\u{7f}", "\0"] {
            assert_eq!(check(bad), Err(IdError::InvalidCharacters(bad.into())));
        }
        for good in ["a", "a b", "...", "grüße", "a.b"] {
            assert_eq!(check(good), Ok(()));
        }
    }

    #[test]
    fn refusals_have_upstreams_texts() {
        let text = |id: &str| check(id).unwrap_err().to_string();
        assert_eq!(text(""), "ID must not be empty");
        assert_eq!(
            text(&"x".repeat(256)),
            "ID must not be greater than 255 characters"
        );
        assert_eq!(text(".."), "'..' is disallowed");
        assert_eq!(text("a/b"), "'a/b' contains invalid characters");
    }

    #[test]
    fn a_nested_container_carries_its_parents() {
        let id = ContainerId::from("root.child.leaf");
        let proto = id.to_proto();
        assert_eq!(proto.value, "leaf");
        let parent = proto.parent.as_deref().unwrap();
        assert_eq!(parent.value, "child");
        assert_eq!(parent.parent.as_deref().unwrap().value, "root");
        assert_eq!(ContainerId::from(&proto), id);
        assert_eq!(id.parent(), Some(ContainerId::from("root.child")));
        assert_eq!(ContainerId::from("root").parent(), None);
    }

    #[test]
    fn an_id_is_plain_text_in_serde() {
        let id = AgentId::from("m-S1");
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(text, "\"m-S1\"");
        assert_eq!(serde_json::from_str::<AgentId>(&text).unwrap(), id);
        assert_eq!(format!("{id} {id:?}"), "m-S1 AgentId(m-S1)");
    }
}
