//! Bodies: their size, their size after inflating, and the time they take.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use tests::cluster::Cluster;
use tests::http::{Connection, call, get};
use tests::process::PATIENCE;

use crate::{FLAT, MEGABYTE, Peak};

/// Sends a head and then megabytes until all are sent or nobody takes them, while the
/// answer is read.
fn flood(
    to: SocketAddr,
    head: &str,
    before_each: &[u8],
    after_each: &[u8],
    count: usize,
) -> String {
    let mut socket = TcpStream::connect(to).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut reading = socket.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let mut answer = Vec::new();
        let _ = reading.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    socket.write_all(head.as_bytes()).unwrap();
    let megabyte = [before_each, &vec![b'x'; MEGABYTE], after_each].concat();
    for _ in 0..count {
        if socket.write_all(&megabyte).is_err() {
            break;
        }
    }
    let _ = socket.shutdown(Shutdown::Write);
    reader.join().unwrap()
}

#[test]
fn a_body_of_256_megabytes_is_refused_and_not_held() {
    let cluster = Cluster::master(&["--max_request_body=8MB"]);
    let peak = Peak::of(cluster.master.id());
    let json = "Host: h\r\nContent-Type: application/json\r\n";
    let refusals = cluster.metric("runtime/requests_refused_too_large");
    let length = 256 * MEGABYTE;
    for path in ["/api/v1", "/api/v1/scheduler", "/master/x.Message"] {
        let head = format!("POST {path} HTTP/1.1\r\n{json}Content-Length: {length}\r\n\r\n");
        let answer = flood(cluster.address, &head, b"", b"", 256);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer:?}");
        let head = format!("POST {path} HTTP/1.1\r\n{json}Transfer-Encoding: chunked\r\n\r\n");
        let answer = flood(cluster.address, &head, b"100000\r\n", b"\r\n", 256);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer:?}");
    }
    // As a message of a peer.
    let head = "POST /master/x.Message HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:1\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let answer = flood(cluster.address, head, b"100000\r\n", b"\r\n", 256);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer:?}");
    assert!(cluster.metric("runtime/requests_refused_too_large") >= refusals + 7.0);
    assert_eq!(cluster.metric("runtime/request_bytes_held"), 0.0);
    let grown = peak.grown("256 MB bodies");
    assert!(grown < FLAT, "grew by {grown} MB");
    assert_eq!(get(cluster.address, "/health").status, 200);
}

#[test]
fn a_gzip_bomb_is_refused_and_not_inflated() {
    let cluster = Cluster::master(&["--max_request_body=8MB"]);
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![b' '; MEGABYTE]).unwrap();
    // Members one behind another inflate as one.
    let bomb = member.finish().unwrap().repeat(1024);
    assert!(bomb.len() < 2 * MEGABYTE);
    let peak = Peak::of(cluster.master.id());
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
    ];
    for path in ["/api/v1", "/api/v1/scheduler", "/state"] {
        let answer = call(cluster.address, "POST", path, &headers, &bomb);
        assert_eq!(answer.status, 413, "{path}: {}", answer.text());
    }
    let grown = peak.grown("gzip bomb of 1 GB");
    assert!(grown < FLAT, "grew by {grown} MB");
}

#[test]
fn bodies_together_are_bounded() {
    // The limit on all bodies is 512 MB; each of these holds 60 MB of it without end.
    let cluster = Cluster::master(&[]);
    let head = format!(
        "POST /api/v1 HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        60 * MEGABYTE
    );
    let megabyte = vec![b'x'; MEGABYTE];
    let mut held = Vec::new();
    let refused = loop {
        assert!(held.len() < 12, "nothing bounds bodies together");
        let mut socket = TcpStream::connect(cluster.address).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(head.as_bytes()).unwrap();
        let sent = (0..59).all(|_| socket.write_all(&megabyte).is_ok());
        held.push(socket);
        if !sent || cluster.metric("runtime/requests_refused_no_room") > 0.0 {
            break cluster.metric("runtime/requests_refused_no_room");
        }
    };
    assert!(refused >= 1.0);
    // Small ones have room again at once when the large ones are gone.
    drop(held);
    cluster.wait_for_metric("runtime/request_bytes_held", |held| held == 0.0);
    let answer = call(cluster.address, "POST", "/api/v1", &[], b"{}");
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[test]
fn a_body_that_trickles_is_ended() {
    let cluster = Cluster::master(&["--request_body_timeout=200ms"]);
    for (headers, path) in [
        ("Content-Type: application/json\r\n", "/api/v1"),
        ("Libprocess-From: x@127.0.0.1:1\r\n", "/master/x.Message"),
    ] {
        let mut connection = Connection::open(cluster.address);
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\n{headers}");
        connection.send(format!("{head}Content-Length: 10\r\n\r\nx").as_bytes());
        let answer = connection.answer(false);
        assert_eq!(answer.status, 408, "{}", answer.text());
    }
    assert!(cluster.metric("runtime/requests_refused_too_slow") >= 2.0);
}
