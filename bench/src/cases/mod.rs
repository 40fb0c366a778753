//! The cases, one file each.

mod actor_ask;
mod actor_spawn;
mod actor_tell;
mod agent_latency;
mod agent_launch;
mod http_post;
mod task_rate;

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
        about: "idle actors: time and memory of each",
        sides: &["ours", "actix"],
        run: actor_spawn::run,
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
];

/// Runs one side of a case in this process.
pub fn run_side(case: &str, side: &str, rest: &[String]) -> Option<Figures> {
    let case = CASES.iter().find(|known| known.name == case)?;
    (case.run)(side, rest.first().map(String::as_str))
}

/// Figures from names and values.
fn figures<const N: usize>(values: [(&str, f64); N]) -> Figures {
    values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
