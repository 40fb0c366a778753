//! Depth of what is decoded, and floods of messages.

use std::io::Write as _;
use std::net::TcpStream;

use tests::cluster::Cluster;
use tests::http::{call, get};
use tests::process::PATIENCE;

use crate::{FLAT, MEGABYTE, Peak};

/// A field of protobuf that holds bytes.
fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for mut number in [u64::from(number << 3 | 2), bytes.len() as u64] {
        while number >= 0x80 {
            out.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }
    out.extend_from_slice(bytes);
    out
}

/// A StatusUpdateMessage with a container that has so many parents.
fn nested_update(depth: usize) -> Vec<u8> {
    let mut container = field(1, b"c");
    for _ in 0..depth {
        container = [field(1, b"c"), field(2, &container)].concat();
    }
    let status = field(13, &field(4, &container));
    field(1, &field(4, &status))
}

#[test]
fn deep_nesting_is_refused_whatever_it_is_written_in() {
    let cluster = Cluster::master(&[]);
    let peak = Peak::of(cluster.master.id());
    let json = "{\"type\":".repeat(1_000_000);
    for path in ["/api/v1", "/api/v1/scheduler"] {
        let headers = [("Content-Type", "application/json")];
        let answer = call(cluster.address, "POST", path, &headers, json.as_bytes());
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    let from = ("Libprocess-From", "x@127.0.0.1:1");
    let undecodable = || cluster.get("/__processes__/master")["undecodable"].as_u64();
    let before = undecodable().unwrap();
    let path = "/master/mesos.internal.StatusUpdateMessage";
    let body = nested_update(10_000);
    for (content_type, body) in [
        ("application/x-protobuf", body.as_slice()),
        ("application/json", json.as_bytes()),
    ] {
        let headers = [from, ("Content-Type", content_type)];
        let answer = call(cluster.address, "POST", path, &headers, body);
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let deadline = std::time::Instant::now() + PATIENCE;
    while undecodable() < Some(before + 2) {
        assert!(std::time::Instant::now() < deadline, "{:?}", undecodable());
    }
    let grown = peak.grown("deep nesting");
    assert!(grown < FLAT, "grew by {grown} MB");
    assert_eq!(get(cluster.address, "/health").status, 200);
}

#[test]
fn a_flood_of_messages_is_held_back_when_the_actor_cannot_keep_up() {
    let cluster = Cluster::master(&[]);
    let peak = Peak::of(cluster.master.id());
    // Nobody takes it, so what is measured is the way to the actor.
    let message = format!(
        "POST /master/x.Flood HTTP/1.1\r\nUser-Agent: libprocess/x@127.0.0.1:1\r\n\
         Libprocess-From: x@127.0.0.1:1\r\nConnection: Keep-Alive\r\nHost: h:1\r\n\
         Transfer-Encoding: chunked\r\n\r\n{MEGABYTE:x}\r\n{}\r\n0\r\n\r\n",
        "x".repeat(MEGABYTE)
    );
    let mut socket = TcpStream::connect(cluster.address).unwrap();
    for _ in 0..1000 {
        socket.write_all(message.as_bytes()).unwrap();
    }
    let unknown = || cluster.get("/__processes__/master")["unknown"].as_f64();
    let deadline = std::time::Instant::now() + PATIENCE;
    while unknown() < Some(1000.0) {
        assert!(std::time::Instant::now() < deadline, "{:?}", unknown());
    }
    let grown = peak.grown("1 GB of messages");
    assert!(grown < 160, "grew by {grown} MB");
    cluster.wait_for_metric("runtime/request_bytes_held", |held| held == 0.0);
    assert!(cluster.metric("runtime/connections_held_back") >= 0.0);
}
