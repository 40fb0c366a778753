//! Actors at hosts that may still be names (L1).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::{ActorId, Pid};

/// An actor's address as a text gives it: `id@host:port`, where the host may be a name
/// that is yet to be looked up. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Peer {
    /// The host is an IP address.
    Resolved(Pid),
    /// The host is a name.
    Named {
        /// The actor.
        id: ActorId,
        /// The name of its host.
        host: Arc<str>,
        /// The port of its node.
        port: u16,
    },
}

impl Peer {
    /// The actor's name.
    pub fn id(&self) -> &ActorId {
        match self {
            Self::Resolved(pid) => &pid.id,
            Self::Named { id, .. } => id,
        }
    }

    /// The pid, if the host needs no looking up.
    pub fn pid(&self) -> Option<&Pid> {
        match self {
            Self::Resolved(pid) => Some(pid),
            Self::Named { .. } => None,
        }
    }

    /// Reads `host:port`, the part of a pid after `@`.
    pub fn at(id: impl Into<ActorId>, address: &str) -> Result<Self, ParsePeerError> {
        let id = id.into();
        if let Ok(address) = address.parse::<SocketAddr>() {
            return Ok(Self::Resolved(Pid { id, address }));
        }
        let bad = || ParsePeerError::BadAddress(address.to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_name) {
            return Err(bad());
        }
        if port.starts_with('+') {
            return Err(bad());
        }
        let port = port.parse().map_err(|_| bad())?;
        Ok(Self::Named {
            id,
            host: host.into(),
            port,
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved(pid) => pid.fmt(f),
            Self::Named { id, host, port } => write!(f, "{id}@{host}:{port}"),
        }
    }
}

/// Why a text is not the address of an actor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParsePeerError {
    /// There is no `@` between id and address.
    #[error("'{0}' has no '@': expected id@host:port")]
    MissingAt(String),
    /// The part after `@` is not `host:port`.
    #[error("'{0}' is not host:port")]
    BadAddress(String),
}

impl FromStr for Peer {
    type Err = ParsePeerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, address) = text
            .rsplit_once('@')
            .ok_or_else(|| ParsePeerError::MissingAt(text.to_owned()))?;
        Self::at(id, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_addresses_or_names() {
        let peer: Peer = "slave(1)@10.0.0.9:5051".parse().unwrap();
        assert_eq!(peer.pid().unwrap().to_string(), "slave(1)@10.0.0.9:5051");
        let peer: Peer = "master@node-1.example:5050".parse().unwrap();
        assert_eq!(peer.pid(), None);
        assert_eq!(peer.id().as_str(), "master");
        assert_eq!(peer.to_string(), "master@node-1.example:5050");
        let peer: Peer = "@[::1]:80".parse().unwrap();
        assert_eq!(peer.pid().unwrap().to_string(), "@[::1]:80");
    }

    #[test]
    fn bad_texts_say_why() {
        assert!(matches!(
            "master".parse::<Peer>(),
            Err(ParsePeerError::MissingAt(_))
        ));
        for text in [
            "a@",
            "a@host",
            "a@:1",
            "a@host:",
            "a@host:65536",
            "a@host:+1",
            "a@ho st:1",
            "a@::1:5",
        ] {
            assert!(
                matches!(text.parse::<Peer>(), Err(ParsePeerError::BadAddress(_))),
                "{text}"
            );
        }
    }
}
