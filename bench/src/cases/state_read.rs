//! Reads of a large cluster's whole state, one after another.

use std::time::Instant;

use messages::v1::master::{Call, Response, call};
use messages::{binary, json};

use super::{figures, well};
use crate::cluster::Driven;
use crate::connection::Connection;
use crate::report::{Figures, median};
use crate::swarm::{Load, Swarm};

const AGENTS: usize = 10_000;
const TASKS: usize = 10;
const READS: usize = 5;

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    let driven = Driven::of(side, reference)?;
    let load = Load {
        name: format!("state-{}", std::process::id()),
        frameworks: 5,
        tasks: TASKS,
        labels: 10,
    };
    let swarm = Swarm::open(&driven.master, AGENTS).ok()?;
    well(swarm.returning(&load).go())?;
    let prefix = &driven.master.prefix;
    let call = Call {
        r#type: Some(call::Type::GetState.into()),
        ..Default::default()
    };
    let mut connection = Connection::open(driven.master.address).ok()?;

    let state = read(|| connection.get("/master/state"))?;
    let tasks = count(&state.body, b"\"executor_id\"");
    if tasks < AGENTS * TASKS {
        eprintln!("/state has {tasks} tasks");
        return None;
    }
    let api = format!("{prefix}/api/v1");
    let body = binary::encode(&call);
    let protobuf = read(|| connection.post(&api, "application/x-protobuf", &body))?;
    let body = json::to_json(&call).ok()?;
    let as_json = read(|| connection.post(&api, "application/json", &body))?;
    let found: Response = binary::decode(&protobuf.body).ok()?;
    let found = found.get_state?.get_tasks?.tasks.len();
    if found != AGENTS * TASKS {
        eprintln!("GET_STATE has {found} tasks");
        return None;
    }
    driven.clear(&swarm, &load)?;
    let megabytes = |read: &Read| read.body.len() as f64 / 1e6;
    Some(figures([
        ("state_seconds", state.seconds),
        ("state_mb_per_second", megabytes(&state) / state.seconds),
        ("state_mb", megabytes(&state)),
        ("get_state_protobuf_seconds", protobuf.seconds),
        ("get_state_json_seconds", as_json.seconds),
    ]))
}

struct Read {
    body: Vec<u8>,
    seconds: f64,
}

/// Reads a few times; gives the last answer and the median of the times.
fn read(mut read: impl FnMut() -> std::io::Result<Vec<u8>>) -> Option<Read> {
    let mut seconds = Vec::new();
    let mut body = Vec::new();
    for _ in 0..READS {
        let started = Instant::now();
        body = read().ok()?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    Some(Read {
        body,
        seconds: median(&seconds)?,
    })
}

fn count(text: &[u8], word: &[u8]) -> usize {
    memchr::memmem::find_iter(text, word).count()
}
