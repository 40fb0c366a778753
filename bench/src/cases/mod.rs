//! The cases, one file each.

mod actor_ask;
mod actor_links;
mod actor_spawn;
mod actor_tell;
mod actor_timer;
mod agent_latency;
mod agent_launch;
mod failover;
mod http_post;
mod mem_master;
mod metrics;
mod state_read;
mod state_stall;
mod task_latency;
mod task_rate;
pub mod tick;
mod wire_mesh;
mod wire_oneway;
mod wire_rtt;
mod wire_single;

use crate::report::Figures;

/// A case and who takes part. `ours` is always one of them.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// What it measures.
    pub about: &'static str,
    /// The sides.
    pub sides: &'static [&'static str],
    run: fn(&str, Option<&str>) -> Option<Figures>,
}

/// All cases.
pub const CASES: &[Case] = &[
    Case {
        name: "actor.tell",
        about: "one-way messages from one thread to an actor on another, per second",
        sides: &["ours", "actix", "tokio"],
        run: actor_tell::run,
    },
    Case {
        name: "actor.ask",
        about: "question and answer, one at a time",
        sides: &["ours", "actix"],
        run: actor_ask::run,
    },
    Case {
        name: "actor.spawn",
        about: "a million idle actors: time and memory of each",
        sides: &["ours", "actix"],
        run: actor_spawn::run,
    },
    Case {
        name: "actor.links",
        about: "ends of linked actors, while others hold 5, 5,000 and 50,000 links",
        sides: &["ours"],
        run: actor_links::run,
    },
    Case {
        name: "actor.timer",
        about: "a million timers: setting, and firing when the time has come",
        sides: &["ours", "tokio"],
        run: actor_timer::run,
    },
    Case {
        name: "wire.oneway",
        about: "messages of 100 bytes to another process over one link, many in flight",
        sides: &["ours", "raw", "reference"],
        run: wire_oneway::run,
    },
    Case {
        name: "wire.single",
        about: "messages of 100 bytes over one link, each in a write of its own",
        sides: &["ours", "tcp", "reference"],
        run: wire_single::run,
    },
    Case {
        name: "wire.rtt",
        about: "from an actor to one of another process and back, one at a time",
        sides: &["ours", "tcp"],
        run: wire_rtt::run,
    },
    Case {
        name: "wire.mesh",
        about: "pings to 1,000, 3,000 and 9,000 peers, and their pongs",
        sides: &["ours", "sockets"],
        run: wire_mesh::run,
    },
    Case {
        name: "http.post",
        about: "POST of 200 bytes to a small route over 16 connections, per second",
        sides: &["ours", "actix-web"],
        run: http_post::run,
    },
    Case {
        name: "agent.launch",
        about: "`true` through the command executor, per second; beside the posix_spawn floor",
        sides: &["ours", "floor"],
        run: agent_launch::run,
    },
    Case {
        name: "agent.latency",
        about: "ACCEPT to TASK_RUNNING for one task at a time",
        sides: &["ours"],
        run: agent_latency::run,
    },
    Case {
        name: "task.rate",
        about: "whole task lives on simulated agents, per second; --reference drives another master too",
        sides: &["ours", "reference"],
        run: task_rate::run,
    },
    Case {
        name: "task.latency",
        about: "ACCEPT to TASK_RUNNING on simulated agents: alone, and a hundred at once",
        sides: &["ours", "reference"],
        run: task_latency::run,
    },
    Case {
        name: "failover",
        about: "all agents come back at once with 10 running tasks each, also after a kill: 1,000, 10,000, 50,000",
        sides: &["ours", "reference"],
        run: failover::run,
    },
    Case {
        name: "mem.master",
        about: "memory of the master: bytes of each empty agent and of each task, of 1,000, 10,000, 50,000 agents",
        sides: &["ours", "reference"],
        run: mem_master::run,
    },
    Case {
        name: "state.read",
        about: "the whole state of 1,000, 10,000 and 50,000 agents with 10 tasks each, read one time after another",
        sides: &["ours", "reference"],
        run: state_read::run,
    },
    Case {
        name: "state.stall",
        about: "how long the master takes to react while 20 clients read its whole state",
        sides: &["ours", "reference"],
        run: state_stall::run,
    },
    Case {
        name: "metrics",
        about: "/metrics/snapshot with 10,000 and 50,000 agents",
        sides: &["ours", "reference"],
        run: metrics::run,
    },
];

/// Runs one side of a case in this process.
pub fn run_side(case: &str, side: &str, rest: &[String]) -> Option<Figures> {
    let case = CASES.iter().find(|known| known.name == case)?;
    (case.run)(side, rest.first().map(String::as_str))
}

/// What came out well; what did not is complained of.
fn well<T>(result: std::io::Result<T>) -> Option<T> {
    result.map_err(|error| eprintln!("{error}")).ok()
}

/// Figures from names and values.
fn figures<const N: usize>(values: [(&str, f64); N]) -> Figures {
    figures_of(values.map(|(name, value)| (name.to_owned(), value)))
}

/// As [`figures`], with names that are made up.
fn figures_of<const N: usize>(values: [(String, f64); N]) -> Figures {
    values.into_iter().collect()
}
