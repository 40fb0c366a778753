//! Reads of a large cluster's whole state, one after another, at several sizes.

use std::io;
use std::time::Instant;

use messages::v1::master::{Call, Response, call};
use messages::{binary, json};

use super::{figures_of, well};
use crate::cluster::Driven;
use crate::connection::Connection;
use crate::report::{Figures, exponent, median};
use crate::swarm::{Load, Swarm};

const TASKS: usize = 10;
const READS: usize = 5;
const NOTHING_TO_END: &[u8] = b"POST /master/teardown HTTP/1.1\r\nHost: bench\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 18\r\n\r\nframeworkId=nobody";
/// What each task has once.
const LABEL: &[u8] = b"value-0-of-a-label";

pub fn run(side: &str, reference: Option<&str>) -> Option<Figures> {
    // The original takes a minute for one, and would keep 5 GB for the largest.
    let is_ours = side == "ours";
    let sizes: &[usize] = if is_ours {
        &[1_000, 10_000, 50_000]
    } else {
        &[10_000]
    };
    let mut figures = Figures::new();
    let mut costs: [Vec<(f64, f64)>; 3] = Default::default();
    for &agents in sizes {
        let reads = reads_of(side, reference, agents)?;
        for (read, costs) in reads.iter().zip(&mut costs) {
            let name = read.name;
            costs.push((agents as f64, read.seconds));
            figures.extend(figures_of([
                (format!("{name}_seconds_{agents}"), read.seconds),
                (format!("{name}_mb_{agents}"), read.megabytes),
            ]));
            if is_ours && costs.len() == sizes.len() {
                figures.insert(format!("{name}_exponent"), exponent(costs));
            }
        }
    }
    Some(figures)
}

/// Reads of a cluster of so many agents.
fn reads_of(side: &str, reference: Option<&str>, agents: usize) -> Option<[Read; 3]> {
    let driven = Driven::of(side, reference)?;
    let load = Load {
        name: format!("state-{}-{agents}", std::process::id()),
        frameworks: 5,
        tasks: TASKS,
        labels: 10,
    };
    let swarm = Swarm::open(&driven.master, agents).ok()?;
    well(swarm.returning(&load).go())?;
    let api = format!("{}/api/v1", driven.master.prefix);
    let call = Call {
        r#type: Some(call::Type::GetState.into()),
        ..Default::default()
    };
    let mut connection = Connection::open(driven.master.address).ok()?;
    let mut body = Vec::new();
    let tasks = agents * TASKS;

    let mut change = Connection::open(driven.master.address).ok()?;
    let mut read = |name, read: &mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>| {
        read_anew(name, tasks, &mut change, &mut body, read)
    };

    let state = read("state", &mut |body| {
        connection.get_into("/master/state", body)
    })?;
    let question = json::to_json(&call).ok()?;
    let as_json = read("get_state_json", &mut |body| {
        connection.post_into(&api, "application/json", &question, body)
    })?;
    let question = binary::encode(&call);
    let protobuf = read("get_state_protobuf", &mut |body| {
        connection.post_into(&api, "application/x-protobuf", &question, body)
    })?;
    let found: Response = binary::decode(&body).ok()?;
    let found = found.get_state?.get_tasks?.tasks.len();
    if found != tasks {
        eprintln!("GET_STATE has {found} tasks");
        return None;
    }
    driven.clear(&swarm, &load)?;
    Some([state, protobuf, as_json])
}

/// What reads of one kind took.
struct Read {
    name: &'static str,
    seconds: f64,
    megabytes: f64,
}

/// Reads a few times into `body`: the median of the times. The answer must have all tasks. The
/// master has something to do before each: an answer that it has already would tell nothing.
fn read_anew(
    name: &'static str,
    tasks: usize,
    change: &mut Connection,
    body: &mut Vec<u8>,
    read: &mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>,
) -> Option<Read> {
    let mut seconds = Vec::new();
    for _ in 0..READS {
        well(change.send(NOTHING_TO_END))?;
        if well(change.answer())? != 400 {
            eprintln!("a framework that does not exist was ended");
            return None;
        }
        let started = Instant::now();
        well(read(body))?;
        seconds.push(started.elapsed().as_secs_f64());
        let found = memchr::memmem::find_iter(body, LABEL).count();
        // The original still knows those of the size before.
        if found < tasks {
            eprintln!("{name} has {found} tasks");
            return None;
        }
    }
    Some(Read {
        name,
        seconds: median(&seconds)?,
        megabytes: body.len() as f64 / 1e6,
    })
}
