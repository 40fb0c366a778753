//! When a process is out of file descriptors. Alone in its program, for what it does to it.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::fs::File;
use std::time::Duration;

use runtime::{Actor, Context, Declaration, Node, NodeConfig, Pid, Placement};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(30);

/// Tells the test of exits.
struct Linker(mpsc::UnboundedSender<Pid>);

impl Actor for Linker {
    const KIND: &'static str = "linker";

    fn declare(_: &mut Declaration<Self>) {}

    fn exited(&mut self, peer: &Pid, _: &mut Context<'_, Self>) {
        let _ = self.0.send(peer.clone());
    }
}

/// After libprocess' RemoteLinkLeak: without a socket, a link exits at once.
#[test]
fn a_link_without_a_descriptor_left_exits_and_later_ones_work() {
    runtime::run(async {
        let config = || NodeConfig::new(([127, 0, 0, 1], 0).into());
        let near = Node::start(config()).await.unwrap();
        let far = Node::start(config()).await.unwrap();
        let (tell, mut exits) = mpsc::unbounded_channel();
        let linker = near.spawn("linker", Linker(tell), Placement::Here).unwrap();
        let link = |peer: Pid| linker.call(move |_, context| context.link(&peer));

        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(256),
                ..getrlimit(Resource::Nofile)
            },
        )
        .unwrap();
        let hogs: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        let peer = far.pid("somebody");
        link(peer.clone());
        let exit = tokio::time::timeout(PATIENCE, exits.recv()).await.unwrap();
        assert_eq!(exit, Some(peer.clone()));

        drop(hogs);
        link(peer);
        // Answered by the other node: so it is connected, and nothing exited.
        while far.metrics().snapshot()["runtime/connections"] < 1.0 {
            tokio::task::yield_now().await;
        }
        linker.ask(|_, _| ()).await.unwrap();
        assert!(exits.is_empty());
    });
}
