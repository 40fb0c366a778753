//! I8: when all faults are over, everything settles: all agents and frameworks are back,
//! all work is done, nothing is held, and all resources can be had.

use super::Sight;

/// Why the cluster is not at rest; nothing if it is.
pub fn unsettled(sight: &Sight<'_>, agents: usize) -> Option<String> {
    let Some(snapshot) = sight.snapshot else {
        return Some("there is no master".to_owned());
    };
    for (number, ledger) in sight.ledgers.iter().enumerate() {
        let pages = ledger.pages();
        if !pages.is_settled() {
            return Some(format!("framework {number} {}", pages.rest()));
        }
        let framework = pages.id.as_ref().and_then(|id| snapshot.frameworks.get(id));
        let Some(framework) = framework.filter(|framework| framework.is_active()) else {
            return Some(format!("framework {number} ({:?}) is not active", pages.id));
        };
        if let Some(task) = framework.tasks().values().next() {
            return Some(format!(
                "the master still knows {} {}, unacknowledged {:?}",
                task.id(),
                task.state().as_str_name(),
                task.unacknowledged(),
            ));
        }
        if let Some(executor) = framework.executors().values().next() {
            return Some(format!("the master still knows executor {}", executor.id()));
        }
    }
    let active = snapshot.agents.registered().values();
    let active = active.filter(|agent| agent.is_active()).count();
    if active != agents {
        return Some(format!("{active} of {agents} agents are active"));
    }
    let here = snapshot.agents.registered().len();
    if here != agents {
        return Some(format!("{here} agents are registered, there are {agents}"));
    }
    let containers = (sight.containers)();
    (containers > 0).then(|| format!("{containers} containers run, and nobody knows of them"))
}

/// What is not offered though every framework keeps all offers and nothing runs.
pub fn withheld(sight: &Sight<'_>) -> Option<String> {
    let Some(snapshot) = sight.snapshot else {
        return Some("there is no master".to_owned());
    };
    snapshot.agents.registered().values().find_map(|agent| {
        let mut offered = agent.offered().clone();
        offered.unallocate();
        (offered != *agent.total()).then(|| {
            format!(
                "agent {} has {}, of which {offered} are offered",
                agent.id(),
                agent.total()
            )
        })
    })
}
