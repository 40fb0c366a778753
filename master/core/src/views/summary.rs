//! `/state-summary`: agents and frameworks with the number of their tasks by state (E9).

use std::collections::{BTreeMap, HashMap};

use messages::v1::TaskState;
use model::ids::{AgentId, FrameworkId};

use super::json::{Fields, Json, List, Object};
use super::output::Output;
use super::tasks::all_tasks;
use super::{About, agent, framework};
use crate::counts::TaskCounts;
use crate::snapshot::Snapshot;

/// The states that are shown.
const STATES: [(&str, TaskState); 10] = [
    ("TASK_STAGING", TaskState::TaskStaging),
    ("TASK_STARTING", TaskState::TaskStarting),
    ("TASK_RUNNING", TaskState::TaskRunning),
    ("TASK_KILLING", TaskState::TaskKilling),
    ("TASK_FINISHED", TaskState::TaskFinished),
    ("TASK_KILLED", TaskState::TaskKilled),
    ("TASK_FAILED", TaskState::TaskFailed),
    ("TASK_LOST", TaskState::TaskLost),
    ("TASK_ERROR", TaskState::TaskError),
    ("TASK_UNREACHABLE", TaskState::TaskUnreachable),
];

/// The answer of `/state-summary`.
pub fn state_summary(snapshot: &Snapshot, about: &About, out: &mut Output) {
    let figures = Figures::count(snapshot);
    let none = Figure::default();
    let agents = snapshot.agents.registered().values().map(|agent| {
        let figure = figures.agents.get(agent.id()).unwrap_or(&none);
        Fields(move |object: &mut Object<'_>| {
            agent::fields(agent, object);
            counts(&figure.counts, object);
            object.field("framework_ids", List(figure.ids.iter().copied()));
        })
    });
    let frameworks = snapshot.frameworks.registered().values().map(|framework| {
        let figure = figures.frameworks.get(framework.id()).unwrap_or(&none);
        Fields(move |object: &mut Object<'_>| {
            framework::summary(framework, snapshot, object);
            counts(&figure.counts, object);
            object.field("slave_ids", List(figure.ids.iter().copied()));
        })
    });
    Fields(|object: &mut Object<'_>| {
        object.field("hostname", snapshot.info.hostname());
        object.optional("cluster", about.cluster.as_deref());
        object.field("slaves", List(agents));
        object.field("frameworks", List(frameworks));
    })
    .write(out);
}

fn counts(counts: &TaskCounts, object: &mut Object<'_>) {
    for (name, state) in STATES {
        object.field(name, u64::from(counts.get(state)));
    }
}

/// The tasks of an agent or a framework.
#[derive(Default)]
struct Figure<'a> {
    counts: TaskCounts,
    /// The frameworks that an agent has tasks of, or the agents that a framework has
    /// tasks on.
    ids: Vec<&'a str>,
}

/// Figures by id. They are looked up only, so their order does not matter; there may be a
/// million tasks to count.
struct Figures<'a> {
    agents: HashMap<&'a AgentId, Figure<'a>>,
    frameworks: BTreeMap<&'a FrameworkId, Figure<'a>>,
}

impl<'a> Figures<'a> {
    fn count(snapshot: &'a Snapshot) -> Self {
        let mut agents: HashMap<&AgentId, Figure<'_>> = HashMap::new();
        let mut frameworks = BTreeMap::new();
        for framework in snapshot.frameworks.registered().values() {
            let id = framework.id();
            let mut figure = Figure::default();
            for task in all_tasks(framework) {
                figure.counts.add(task.state());
                let agent = agents.entry(task.agent()).or_default();
                agent.counts.add(task.state());
                if agent.ids.last() != Some(&id.as_str()) {
                    agent.ids.push(id.as_str());
                    figure.ids.push(task.agent().as_str());
                }
            }
            frameworks.insert(id, figure);
        }
        Self { agents, frameworks }
    }
}
