//! A peer that stops reading costs bounded memory, and is reported.

use std::time::Duration;

use runtime::{Limits, Pid};
use tokio::net::TcpListener;

use crate::relay::{Relay, Seen};
use crate::{Linker, Note, Told, metric, node, node_with};

const MEGABYTE: usize = 1 << 20;

#[test]
fn a_peer_that_stops_reading_costs_bounded_memory_and_is_given_up() {
    runtime::run(async {
        let node = node_with(Limits {
            peer: 4 * MEGABYTE,
            peer_silence: Duration::from_millis(500),
            ..Limits::default()
        })
        .await;
        let mut linker = Linker::on(&node, "linker");
        // Its backlog accepts; nobody ever reads.
        let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pid = Pid::new("mute", mute.local_addr().unwrap());
        linker.link(&pid);
        let note = Note("x".repeat(MEGABYTE));
        for _ in 0..100 {
            node.send(linker.handle.pid(), &pid, note.clone());
            assert!(metric(&node, "runtime/peer_bytes_waiting") <= 4.0 * MEGABYTE as f64);
            // Lets the connection write what the sockets buffer.
            linker.settle().await;
        }
        let sent = metric(&node, "runtime/messages_sent");
        let dropped = metric(&node, "runtime/messages_dropped_peer_full");
        assert_eq!(sent + dropped, 100.0);
        assert!(dropped > 50.0, "{dropped}");
        linker.exits_once(&node, &pid).await;
        assert_eq!(metric(&node, "runtime/peer_bytes_waiting"), 0.0);
    });
}

#[test]
fn all_peers_together_are_bounded_and_small_queues_go_on() {
    runtime::run(async {
        let node = node_with(Limits {
            peers: 6 * MEGABYTE,
            ..Limits::default()
        })
        .await;
        let far = crate::node().await;
        let from = node.pid("x");
        let note = Note("x".repeat(MEGABYTE / 2));
        let mut mute = Vec::new();
        for _ in 0..4 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let pid = Pid::new("mute", listener.local_addr().unwrap());
            // Without a pause: the connection has written nothing yet.
            for _ in 0..20 {
                node.send(&from, &pid, note.clone());
            }
            mute.push(listener);
        }
        let waiting = metric(&node, "runtime/peer_bytes_waiting");
        assert!(waiting <= 10.0 * MEGABYTE as f64, "{waiting}");
        assert!(metric(&node, "runtime/messages_dropped_peer_full") > 60.0);
        let mut listener = Linker::on(&far, "listener");
        node.send(&from, listener.handle.pid(), Note("small".to_owned()));
        assert_eq!(listener.next().await, Told::Heard("small".to_owned()));
    });
}

#[test]
fn a_burst_becomes_one_write() {
    runtime::run(async {
        let (near, far) = (node().await, node().await);
        let mut listener = Linker::on(&far, "listener");
        for i in 0..1000 {
            let note = Note(i.to_string());
            near.send(&near.pid("x"), listener.handle.pid(), note);
        }
        for i in 0..1000 {
            assert_eq!(listener.next().await, Told::Heard(i.to_string()));
        }
        assert_eq!(metric(&near, "runtime/peer_writes"), 1.0);
        assert_eq!(metric(&near, "runtime/messages_sent"), 1000.0);
    });
}

#[test]
fn what_waits_for_a_broken_connection_is_counted_as_lost() {
    runtime::run(async {
        let (near, far) = (node().await, node().await);
        let mut linker = Linker::on(&near, "linker");
        let mut relay = Relay::to(far.address()).await;
        let pid = Pid::new("nobody", relay.address);
        linker.link(&pid);
        relay.until(Seen::Opened(1)).await;
        relay.stall();
        for _ in 0..10 {
            near.send(linker.handle.pid(), &pid, Note("x".repeat(4 * MEGABYTE)));
        }
        linker.settle().await;
        relay.cut();
        linker.exits_once(&near, &pid).await;
        assert!(metric(&near, "runtime/messages_lost_with_connection") >= 1.0);
        assert_eq!(metric(&near, "runtime/peer_connections_broken"), 1.0);
    });
}
