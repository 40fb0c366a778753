//! Addresses of actors: `id@host:port` (L1).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The name of an actor within its node, such as `master` or `slave(1)` (L2).
/// Cheap to clone; may be empty (`@host:port` is a legal pid, L1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(Arc<str>);

impl ActorId {
    /// Wraps a name as it stands; percent-encoding is the wire's business.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Whether both are clones of one another: cheaper than comparing names, and false
    /// for equal names that were made apart.
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl From<&str> for ActorId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

/// Where an actor receives messages: its name and the socket address of its node.
/// Two pids are equal when both agree; a restarted peer at the same address is
/// indistinguishable (L4), so protocols carry ids of their own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid {
    /// The actor within the node.
    pub id: ActorId,
    /// The node.
    pub address: SocketAddr,
}

impl Pid {
    /// The pid of actor `id` at `address`.
    pub fn new(id: impl Into<ActorId>, address: SocketAddr) -> Self {
        Self {
            id: id.into(),
            address,
        }
    }
}

impl Pid {
    /// Whether both are clones of one another: cheaper than `==`, and false for equal pids
    /// that were made apart.
    pub fn is_same(&self, other: &Self) -> bool {
        self.id.is_same(&other.id) && self.address == other.address
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.address)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a pid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParsePidError {
    /// There is no `@` between id and address.
    #[error("'{0}' has no '@': expected id@host:port")]
    MissingAt(String),
    /// The part after `@` is not `ip:port`; a host name must be resolved first.
    #[error("'{0}' is not ip:port: expected id@ip:port")]
    BadAddress(String),
}

impl FromStr for Pid {
    type Err = ParsePidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, address) = text
            .rsplit_once('@')
            .ok_or_else(|| ParsePidError::MissingAt(text.to_owned()))?;
        let address = address
            .parse()
            .map_err(|_| ParsePidError::BadAddress(address.to_owned()))?;
        Ok(Self {
            id: ActorId::from(id),
            address,
        })
    }
}

impl Serialize for Pid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["slave(1)@10.0.0.9:5051", "@127.0.0.1:80", "a@b@127.0.0.1:1"] {
            assert_eq!(text.parse::<Pid>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_text_is_an_error_that_says_why() {
        assert!(matches!(
            "master".parse::<Pid>(),
            Err(ParsePidError::MissingAt(_))
        ));
        assert!(matches!(
            "m@host:1".parse::<Pid>(),
            Err(ParsePidError::BadAddress(_))
        ));
        assert!(matches!(
            "m@1.2.3.4".parse::<Pid>(),
            Err(ParsePidError::BadAddress(_))
        ));
    }
}
