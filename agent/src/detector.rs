//! Finding the leading master.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use agent_core::Master;
use messages::v1;
use runtime::{Node, Pid};
use runtime_core::libprocess::Peer;
use tracing::warn;

/// How long to wait before a host's name is looked up again.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(5);

/// A leading master to come; none when there is no leader any more.
pub type Detection = Pin<Box<dyn Future<Output = Option<Master>>>>;

/// Tells who leads.
pub trait Detector: Send + Sync + fmt::Debug {
    /// Waits until someone else than `previous` leads, or nobody does. `node` is the
    /// agent's: its world is what hosts' names are looked up in.
    fn detect(&self, node: &Node, previous: Option<&Master>) -> Detection;
}

/// A master at a fixed place, which leads always.
#[derive(Debug, Clone)]
pub struct FixedDetector(Peer);

impl FixedDetector {
    /// Detects the master there.
    pub const fn new(master: Peer) -> Self {
        Self(master)
    }
}

impl Detector for FixedDetector {
    fn detect(&self, node: &Node, previous: Option<&Master>) -> Detection {
        if previous.is_some() {
            return Box::pin(std::future::pending());
        }
        let (peer, node) = (self.0.clone(), node.clone());
        Box::pin(async move { Some(find(peer, &node).await) })
    }
}

async fn find(peer: Peer, node: &Node) -> Master {
    match peer {
        Peer::Resolved(pid) => {
            let hostname = host_text(pid.address.ip());
            master(pid, hostname)
        }
        Peer::Named { id, host, port } => loop {
            match node.world().resolve(&host, port).await {
                Ok(address) => return master(Pid::new(id, address), host.to_string()),
                Err(error) => {
                    warn!("cannot look up the master's host '{host}': {error}; trying again");
                    tokio::time::sleep(LOOK_UP_AGAIN).await;
                }
            }
        },
    }
}

fn host_text(ip: IpAddr) -> String {
    if ip.is_loopback() {
        "localhost".to_owned()
    } else {
        ip.to_string()
    }
}

/// All that an address tells of a master.
fn master(pid: Pid, hostname: String) -> Master {
    let address = pid.address;
    let info = v1::MasterInfo {
        ip: match address.ip() {
            IpAddr::V4(ip) => u32::from_ne_bytes(ip.octets()),
            IpAddr::V6(_) => 0,
        },
        port: u32::from(address.port()),
        pid: Some(pid.to_string()),
        hostname: Some(hostname.clone()),
        address: Some(v1::Address {
            hostname: Some(hostname),
            ip: Some(address.ip().to_string()),
            port: i32::from(address.port()),
        }),
        ..Default::default()
    };
    Master { pid, info }
}

#[cfg(test)]
mod tests {
    use runtime::World;

    use super::*;

    fn detect(text: &str) -> Master {
        runtime::run(async {
            let node = Node::offline(World::Real);
            let detector = FixedDetector::new(Peer::at("master", text).unwrap());
            detector.detect(&node, None).await.unwrap()
        })
    }

    #[test]
    fn an_address_is_a_master() {
        let found = detect("127.0.0.1:5050");
        assert_eq!(found.pid.to_string(), "master@127.0.0.1:5050");
        assert_eq!(found.info.hostname(), "localhost");
        assert_eq!(found.info.ip, u32::from_ne_bytes([127, 0, 0, 1]));
    }

    #[test]
    fn a_name_is_looked_up() {
        let found = detect("localhost:5050");
        assert_eq!(found.pid.to_string(), "master@127.0.0.1:5050");
    }
}
