//! Connections that come faster than they are accepted. Alone in its program, for the file
//! descriptors that it takes.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use runtime::{Node, NodeConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than the usual backlog of a listening socket, 1,024.
const CONNECTIONS: usize = 1_500;
/// Less than the second after which a connection that was not let in is tried again.
const PATIENCE: Duration = Duration::from_millis(900);

/// After L17: all agents of a large cluster return to a new leader at once.
#[test]
fn as_many_connections_wait_as_the_system_allows() {
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let maximum = getrlimit(Resource::Nofile).maximum;
    if allowed.trim().parse::<usize>().unwrap() < CONNECTIONS
        || maximum.is_some_and(|maximum| maximum < 2 * CONNECTIONS as u64)
    {
        let reason = "this system allows fewer connections";
        assert!(
            std::env::var_os("CI").is_none(),
            "nothing may be skipped on CI: {reason}"
        );
        // Not `println!`, which the test harness keeps to itself when a test passes.
        let _ = writeln!(std::io::stderr(), "skipped: {reason}");
        return;
    }
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )
    .unwrap();
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        // The node's home thread does not accept while it connects.
        let connect = |_| TcpStream::connect_timeout(&node.address(), PATIENCE);
        let connections: Result<Vec<_>, _> = (0..CONNECTIONS).map(connect).collect();
        assert!(connections.is_ok(), "{connections:?}");
    });
}
