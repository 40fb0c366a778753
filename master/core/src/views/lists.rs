//! `/slaves`, `/frameworks` and `/weights`, and the lists that they share with `/state`.

use super::agent;
use super::framework;
use super::json::{Fields, Json, List, NONE, Object};
use super::output::Output;
use crate::description::Description;
use crate::snapshot::Snapshot;

/// The answer of `/slaves`: all agents, or the one of this id.
pub fn agents(snapshot: &Snapshot, only: Option<&str>, out: &mut Output) {
    let registered = snapshot.agents.registered();
    let agents = registered
        .values()
        .filter(|it| is_wanted(it.id().as_str(), only));
    let agents = agents.map(|agent| {
        Fields(|object: &mut Object<'_>| {
            agent::fields(agent, object);
            agent::full_fields(agent, object);
        })
    });
    Fields(|object: &mut Object<'_>| {
        object.field("slaves", List(agents));
        object.field("recovered_slaves", recovered_agents(snapshot, only));
    })
    .write(out);
}

/// The answer of `/frameworks`: all frameworks, or the one of this id.
pub fn frameworks(snapshot: &Snapshot, only: Option<&str>, out: &mut Output) {
    Fields(|object: &mut Object<'_>| {
        object.field("frameworks", registered_frameworks(snapshot, only));
        object.field("completed_frameworks", completed_frameworks(snapshot, only));
        object.field("unregistered_frameworks", NONE);
    })
    .write(out);
}

/// The answer of `/weights`: the roles whose weight somebody chose.
pub fn weights(snapshot: &Snapshot) -> Vec<u8> {
    let weights = snapshot.weights.iter().map(|(role, weight)| {
        Fields(|object: &mut Object<'_>| {
            object.field("weight", *weight);
            object.field("role", role.as_str());
        })
    });
    Output::whole(|out| List(weights).write(out))
}

pub(crate) fn all_agents(snapshot: &Snapshot) -> impl Json + '_ {
    let agents = snapshot.agents.registered().values();
    List(agents.map(|agent| Fields(|object: &mut Object<'_>| agent::fields(agent, object))))
}

pub(crate) fn recovered_agents<'a>(
    snapshot: &'a Snapshot,
    only: Option<&'a str>,
) -> impl Json + 'a {
    let recovered = snapshot.agents.recovered().iter();
    List(
        recovered
            .filter(move |(id, _)| is_wanted(id.as_str(), only))
            .map(|(id, info)| {
                Fields(|object: &mut Object<'_>| {
                    agent::description(id, &Description::new(info), object)
                })
            }),
    )
}

pub(crate) fn registered_frameworks<'a>(
    snapshot: &'a Snapshot,
    only: Option<&'a str>,
) -> impl Json + 'a {
    let frameworks = snapshot.frameworks.registered().values();
    List(
        frameworks
            .filter(move |it| is_wanted(it.id().as_str(), only))
            .map(|it| Fields(|object: &mut Object<'_>| framework::fields(it, snapshot, object))),
    )
}

pub(crate) fn completed_frameworks<'a>(
    snapshot: &'a Snapshot,
    only: Option<&'a str>,
) -> impl Json + 'a {
    let frameworks = snapshot.frameworks.completed().values();
    List(
        frameworks
            .filter(move |it| is_wanted(it.id().as_str(), only))
            .map(|it| Fields(|object: &mut Object<'_>| framework::fields(it, snapshot, object))),
    )
}

fn is_wanted(id: &str, only: Option<&str>) -> bool {
    only.is_none_or(|only| only == id)
}
