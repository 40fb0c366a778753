//! Large answers that nobody reads.

use std::net::TcpStream;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde_json::json;
use tests::cluster::Cluster;
use tests::http::{Connection, get};
use tests::scheduler::{Scheduler, framework_info};

use crate::{FLAT, Peak};

const READERS: usize = 40;
/// Frameworks that make the state large, by a label of so many bytes each. Of that, the
/// kernel holds up to four megabytes for each reader.
const FRAMEWORKS: usize = 80;
const LABEL: usize = 100_000;

/// Asks for the state, and reads no more than the head of the answer.
fn ask(cluster: &Cluster) -> Connection {
    let socket = TcpStream::connect(cluster.address).unwrap();
    // So the kernel holds less, but whole segments: else it would take minutes to go on.
    set_socket_recv_buffer_size(&socket, 64 << 10).unwrap();
    let mut connection = Connection::over(socket);
    connection.request("GET", "/state", &[("Connection", "close")], b"");
    assert_eq!(connection.stream_head().status, 200);
    connection
}

#[test]
fn states_that_nobody_reads_are_cut_and_others_are_answered() {
    let cluster = Cluster::master(&["--max_answer_backlog=16MB"]);
    let labelled = |name: &str, value: String| {
        let mut info = framework_info(name);
        info["labels"] = json!({"labels": [{"key": "k", "value": value}]});
        info
    };
    let schedulers: Vec<_> = (0..FRAMEWORKS)
        .map(|number| {
            let info = labelled(&format!("f{number}"), "x".repeat(LABEL));
            Scheduler::subscribe(cluster.address, &info)
        })
        .collect();
    let peak = Peak::of(cluster.master.id());
    let mut stopped = Vec::new();
    for number in 0..READERS {
        stopped.push(ask(&cluster));
        // Whoever asks next gets another answer.
        let mut info = labelled("f0", format!("{number}{}", "x".repeat(LABEL)));
        info["id"] = json!({"value": schedulers[0].framework});
        let answer = schedulers[0].call(json!({
            "type": "UPDATE_FRAMEWORK",
            "update_framework": {"framework_info": info},
        }));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // A few of them are within the limit.
    let ended = cluster.metric("runtime/answers_ended_reader_slow");
    assert!(ended >= (READERS / 2) as f64, "{ended} were ended");
    assert!(cluster.metric("runtime/answer_bytes_waiting") < 24e6);
    let grown = peak.grown("40 states of 8 MB that nobody reads");
    assert!(grown < FLAT, "grew by {grown} MB");
    cluster
        .master
        .wait_for_line("ended an answer: its readers are too slow");
    // Those break off; others are whole.
    let rests = stopped.into_iter().map(Connection::read_to_end);
    let broken = rests.filter(|rest| rest.len() < FRAMEWORKS * LABEL).count();
    assert_eq!(broken as f64, ended);
    let state = get(cluster.address, "/state").json();
    assert_eq!(state["frameworks"].as_array().unwrap().len(), FRAMEWORKS);
}
