//! Event streams that nobody reads.

use std::net::TcpStream;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde_json::json;
use tests::cluster::Cluster;
use tests::http::Connection;
use tests::scheduler::{Scheduler, framework_info};

use crate::Peak;

const UPDATES: usize = 60;
/// Bytes of each event, and some more.
const LABEL: usize = 100_000;

/// An operator's event stream, to be read or not.
fn subscribe(cluster: &Cluster, is_read: bool) -> Connection {
    let socket = TcpStream::connect(cluster.address).unwrap();
    if !is_read {
        // What the kernel buffers need not be filled then.
        set_socket_recv_buffer_size(&socket, 4096).unwrap();
    }
    let mut connection = Connection::over(socket);
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/x-protobuf"),
    ];
    connection.request("POST", "/api/v1", &headers, b"{\"type\":\"SUBSCRIBE\"}");
    assert_eq!(connection.stream_head().status, 200);
    connection
}

#[test]
fn a_hundred_stopped_event_readers_are_cut_and_others_go_on() {
    let cluster = Cluster::master(&["--max_stream_backlog=64KB"]);
    let mut info = framework_info("large");
    let scheduler = Scheduler::subscribe(cluster.address, &info);
    let stopped: Vec<_> = (0..100).map(|_| subscribe(&cluster, false)).collect();
    let mut reader = subscribe(&cluster, true);
    let mut read = 0;
    let peak = Peak::of(cluster.master.id());
    info["id"] = json!({"value": scheduler.framework});
    for number in 0..UPDATES {
        // An update that changes nothing is no event.
        let value = format!("{number}{}", "x".repeat(LABEL));
        info["labels"] = json!({"labels": [{"key": "k", "value": value}]});
        let answer = scheduler.call(json!({
            "type": "UPDATE_FRAMEWORK",
            "update_framework": {"framework_info": info},
        }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        // It is never behind by more than one event.
        while read < (number + 1) * LABEL {
            read += reader.chunk().expect("the stream goes on").len();
        }
    }
    cluster.wait_for_metric("runtime/streams_ended_reader_slow", |ended| ended >= 100.0);
    assert!(cluster.metric("runtime/stream_bytes_waiting") < 1e6);
    let grown = peak.grown("100 stopped event readers");
    assert!(grown < 64, "grew by {grown} MB");
    cluster.master.wait_for_line("its reader is too slow");
    drop(stopped);
}
