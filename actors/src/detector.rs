//! Finding the leading master: a port, so that frameworks do not care how it is found.

use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;

use runtime::Node;
use runtime::flags::MasterLocator;
use runtime_core::libprocess::{ParsePeerError, Peer};
use thiserror::Error;

/// A leading master to come; none when there is no leader any more.
pub type Detection = Pin<Box<dyn Future<Output = Option<Peer>>>>;

/// Tells who leads.
pub trait Detector: Send + Sync + fmt::Debug {
    /// Waits until someone else than `previous` leads, or nobody does. `node` is the
    /// asking actor's: its world has the sockets to ask with.
    fn detect(&self, node: &Node, previous: Option<&Peer>) -> Detection;
}

/// A master at a fixed place, which leads always.
///
/// ```
/// use actors::detector::FixedDetector;
///
/// assert!(FixedDetector::at("leader.example:5050").is_ok());
/// let error = FixedDetector::at("leader.example").unwrap_err();
/// assert_eq!(error.to_string(), "'leader.example' is not host:port");
/// ```
#[derive(Debug, Clone)]
pub struct FixedDetector(Peer);

impl FixedDetector {
    /// Detects the master there.
    pub const fn new(master: Peer) -> Self {
        Self(master)
    }

    /// Detects the master at `host:port`.
    ///
    /// # Errors
    ///
    /// When the text is of another form.
    pub fn at(address: &str) -> Result<Self, ParsePeerError> {
        Peer::at("master", address).map(Self)
    }
}

impl Detector for FixedDetector {
    fn detect(&self, _node: &Node, previous: Option<&Peer>) -> Detection {
        if previous.is_some() {
            return Box::pin(pending());
        }
        let leader = self.0.clone();
        Box::pin(async move { Some(leader) })
    }
}

/// A way to find masters is not spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("ZooKeeper is not supported yet: give a master as --master=host:port")]
pub struct NoZooKeeper;

/// The detector for what `--master` says.
///
/// # Errors
///
/// When it says ZooKeeper.
pub fn detector(locator: MasterLocator) -> Result<Arc<dyn Detector>, NoZooKeeper> {
    match locator {
        MasterLocator::Fixed(master) => Ok(Arc::new(FixedDetector::new(master))),
        MasterLocator::ZooKeeper(_) => Err(NoZooKeeper),
    }
}
