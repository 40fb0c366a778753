//! Connections: how many, how long heads may be and take, and pipelines.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tests::cluster::Cluster;
use tests::http::{Connection, get};
use tests::process::PATIENCE;
use tests::skip;

use crate::Peak;

/// Lets this process, and daemons that it starts, have so many files open.
fn allow_files(count: u64) -> bool {
    let limit = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= count);
    if !enough(limit.maximum) {
        return false;
    }
    if !enough(limit.current) {
        let raised = Rlimit {
            current: Some(count),
            ..limit
        };
        setrlimit(Resource::Nofile, raised).unwrap();
    }
    true
}

#[test]
fn ten_thousand_half_sent_requests_cost_little() {
    const COUNT: usize = 10_000;
    if !allow_files(COUNT as u64 + 2000) {
        skip::because("too few files may be open");
        return;
    }
    // However long it takes to open them all, none is ended before.
    let cluster = Cluster::master(&["--request_head_timeout=10mins"]);
    let peak = Peak::of(cluster.master.id());
    let half = b"POST /api/v1/scheduler HTTP/1.1\r\nHost: h\r\nContent-Type: appl";
    let sockets: Vec<_> = (0..COUNT)
        .map(|_| {
            let mut socket = TcpStream::connect(cluster.address).unwrap();
            socket.write_all(half).unwrap();
            socket
        })
        .collect();
    cluster.wait_for_metric("runtime/connections", |open| open >= COUNT as f64);
    // Others are served meanwhile.
    assert_eq!(get(cluster.address, "/health").status, 200);
    let grown = peak.grown("10,000 half-sent requests");
    assert!(grown < 80, "grew by {grown} MB");
    drop(sockets);
    cluster.wait_for_metric("runtime/connections", |open| open < 10.0);
}

#[test]
fn a_head_that_trickles_is_ended_though_bytes_keep_coming() {
    let cluster = Cluster::master(&["--request_head_timeout=300ms"]);
    let mut socket = TcpStream::connect(cluster.address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut answer = Vec::new();
    let started = Instant::now();
    socket.write_all(b"GET /health HTTP/1.1\r\nX: ").unwrap();
    // A byte whenever nothing has come for a moment.
    loop {
        assert!(started.elapsed() < PATIENCE, "it is never ended");
        let mut part = [0; 1024];
        match socket.read(&mut part) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(_) => {
                let _ = socket.write_all(b"x");
            }
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");

    // A later head on a connection in use is ended too; there is no one to answer.
    let mut connection = Connection::open(cluster.address);
    connection.request("GET", "/health", &[], b"");
    assert_eq!(connection.answer(false).status, 200);
    connection.send(b"GET /health HTTP/1.1\r\nX: ");
    assert_eq!(connection.read_to_end(), b"");
    assert!(cluster.metric("runtime/connections_ended_head_slow") >= 1.0);
}

#[test]
fn heads_are_bounded_on_first_and_later_requests() {
    let cluster = Cluster::master(&[]);
    let long = format!("X: {}\r\n", "x".repeat(1 << 20));
    let many = "A: b\r\n".repeat(100_000);
    for headers in [long, many] {
        for is_later in [false, true] {
            let mut connection = Connection::open(cluster.address);
            if is_later {
                connection.request("GET", "/health", &[], b"");
                assert_eq!(connection.answer(false).status, 200);
            }
            let request = format!("GET /health HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
            connection.try_send(request.as_bytes());
            let answer = connection.answer(false);
            assert_eq!(answer.status, 431, "later: {is_later}");
        }
    }
}

#[test]
fn a_hundred_thousand_pipelined_calls_are_answered_with_back_pressure() {
    const COUNT: usize = 100_000;
    let cluster = Cluster::master(&[]);
    let peak = Peak::of(cluster.master.id());
    let call = b"POST /api/v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n\
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    let mut socket = TcpStream::connect(cluster.address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    // Nobody reads the answers: then calls stop being taken, and nothing piles up.
    let calls = call.repeat(COUNT);
    let mut sent = 0;
    while let Ok(count) = socket.write(&calls[sent..]) {
        sent += count;
    }
    println!("{sent} of {} bytes were taken unanswered", calls.len());
    assert!(sent < calls.len(), "there is no back-pressure");

    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut reading = socket.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let (mut answers, mut part) = (0, vec![0; 1 << 16]);
        let mut tail = Vec::new();
        const START: &[u8] = b"HTTP/1.1 4";
        while answers < COUNT {
            let count = reading
                .read(&mut part)
                .unwrap_or_else(|error| panic!("{error} after {answers} answers"));
            assert_ne!(count, 0, "ended after {answers} answers");
            tail.extend_from_slice(&part[..count]);
            answers += tail.windows(START.len()).filter(|w| *w == START).count();
            tail.drain(..tail.len().saturating_sub(START.len() - 1));
        }
    });
    socket.write_all(&calls[sent..]).unwrap();
    reader.join().unwrap();
    let grown = peak.grown("100,000 pipelined calls");
    assert!(grown < 24, "grew by {grown} MB");
}

#[test]
fn connections_beyond_the_limit_wait_for_a_place() {
    let cluster = Cluster::master(&["--max_connections=4"]);
    let idle: Vec<_> = (0..4)
        .map(|_| {
            let mut connection = Connection::open(cluster.address);
            connection.request("GET", "/health", &[], b"");
            assert_eq!(connection.answer(false).status, 200);
            connection
        })
        .collect();
    let mut waiting = Connection::open(cluster.address);
    waiting.request("GET", "/health", &[], b"");
    assert!(!waiting.has_answer_within(Duration::from_millis(200)));
    drop(idle);
    assert_eq!(waiting.answer(false).status, 200);
}
