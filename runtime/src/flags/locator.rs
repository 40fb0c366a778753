//! Where the leading master is to be found (S70).

use std::io;
use std::path::Path;

use runtime_core::libprocess::{ParsePeerError, Peer};
use thiserror::Error;

use super::{ZkUrl, ZkUrlError};

/// The actor that a locator without a name means.
const MASTER: &str = "master";

/// What `--master` says, shared by agents, schedulers and tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MasterLocator {
    /// A fixed master, by address or name of its host.
    Fixed(Peer),
    /// Whoever leads according to ZooKeeper; the path is not `/`.
    ZooKeeper(ZkUrl),
}

/// Why a text does not locate a master.
#[derive(Debug, Error)]
pub enum LocatorError {
    /// It is neither `host:port` nor `master@host:port`.
    #[error("Failed to parse master '{text}': {error}; expecting host:port, zk://… or file://…")]
    Address {
        /// The text.
        text: String,
        /// What is wrong with it.
        error: ParsePeerError,
    },
    /// It begins with `zk://` but goes on wrongly.
    #[error(transparent)]
    ZooKeeper(#[from] ZkUrlError),
    /// Masters do not live at the root of ZooKeeper (S68).
    #[error("Expecting a (chroot) path for ZooKeeper ('/' is not supported)")]
    RootPath,
    /// The file that a `file://` names cannot be read.
    #[error("Failed to read from file at '{path}': {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// The file that a `file://` names holds another `file://`.
    #[error("The file at '{0}' names another file")]
    NestedFile(String),
}

impl MasterLocator {
    /// Reads `host:port`, `master@host:port`, `zk://…`, or `file://…`, whose file holds one
    /// of the others. `read` reads it.
    pub fn parse(
        text: &str,
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, LocatorError> {
        let Some(path) = text.trim().strip_prefix("file://") else {
            return Self::of(text.trim());
        };
        let content = read(Path::new(path)).map_err(|error| LocatorError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        if content.trim().starts_with("file://") {
            return Err(LocatorError::NestedFile(path.to_owned()));
        }
        Self::of(content.trim())
    }

    fn of(text: &str) -> Result<Self, LocatorError> {
        if ZkUrl::has_scheme(text) {
            let url: ZkUrl = text.parse()?;
            return if url.path == "/" {
                Err(LocatorError::RootPath)
            } else {
                Ok(Self::ZooKeeper(url))
            };
        }
        let address = text.strip_prefix("master@").unwrap_or(text);
        Peer::at(MASTER, address)
            .map(Self::Fixed)
            .map_err(|error| LocatorError::Address {
                text: text.to_owned(),
                error,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MasterLocator, LocatorError> {
        MasterLocator::parse(text, |path| match path.to_str() {
            Some("/zk") => Ok("zk://a:1/mesos\n".to_owned()),
            Some("/loop") => Ok("file:///loop".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        })
    }

    #[test]
    fn all_forms_are_read() {
        for text in [
            "10.0.0.1:5050",
            "master@10.0.0.1:5050",
            " master@10.0.0.1:5050\n",
        ] {
            let Ok(MasterLocator::Fixed(peer)) = parse(text) else {
                panic!("{text}")
            };
            assert_eq!(peer.pid().unwrap().to_string(), "master@10.0.0.1:5050");
        }
        let Ok(MasterLocator::Fixed(peer)) = parse("node1:5050") else {
            panic!()
        };
        assert_eq!(peer.to_string(), "master@node1:5050");
        let url = "zk://a:1/mesos".parse().unwrap();
        assert_eq!(parse("file:///zk").unwrap(), MasterLocator::ZooKeeper(url));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(matches!(parse("node1"), Err(LocatorError::Address { .. })));
        assert!(matches!(
            parse("other@1.2.3.4:5"),
            Err(LocatorError::Address { .. })
        ));
        assert!(matches!(parse("zk://a:1/"), Err(LocatorError::RootPath)));
        assert!(matches!(parse("zk://a:1"), Err(LocatorError::RootPath)));
        assert!(matches!(
            parse("zk:///m"),
            Err(LocatorError::ZooKeeper(ZkUrlError::Servers))
        ));
        assert!(matches!(
            parse("file:///none"),
            Err(LocatorError::Unreadable { .. })
        ));
        assert!(matches!(
            parse("file:///loop"),
            Err(LocatorError::NestedFile(_))
        ));
    }
}
