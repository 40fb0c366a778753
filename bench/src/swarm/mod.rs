//! Simulated agents that speak libprocess' wire form to any master: they register,
//! answer pings, and turn each task into RUNNING and then FINISHED.

mod agent;

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use runtime::{Node, NodeConfig, Pid, Placement};

use crate::scheduler::Master;

/// Agents under way.
pub struct Swarm {
    registered: Receiver<()>,
    count: usize,
}

impl Swarm {
    /// Waits until all are registered.
    pub fn wait_registered(&self) {
        for _ in 0..self.count {
            let _ = self.registered.recv();
        }
    }
}

/// Starts `count` agents on one node of their own.
pub fn start(master: &Master, count: usize) -> Swarm {
    let (tell, registered) = channel();
    let master = Pid::new("master", master.address);
    thread::spawn(move || {
        runtime::run(async move {
            let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
                .await
                .unwrap();
            for _ in 0..count {
                let id = node.next_id("slave");
                let agent = agent::Agent::new(master.clone(), tell.clone());
                node.spawn(id, agent, Placement::Here).unwrap();
            }
            std::future::pending::<()>().await;
        });
    });
    Swarm { registered, count }
}
