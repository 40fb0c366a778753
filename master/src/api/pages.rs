//! The page at `/` and what it refers to, from snapshots.

use std::collections::BTreeMap;

use master_core::{Snapshot, Task};
use messages::v1::TaskState;
use model::Resources;
use runtime::http::{Help, Published as Endpoint, Request, Response};
use runtime::{Context, Node};
use webui::{AgentRow, FrameworkRow, Overview, ResourceRow, TaskRow, Tasks};

use super::About;
use crate::actor::{Master, Published, time};

/// The most rows that one list of the page has.
const ROWS_MAX: usize = 200;
/// The resources that have columns.
const COLUMNS: [&str; 3] = ["cpus", "mem", "disk"];

pub(crate) fn publish(published: &Published, about: &About, context: &Context<'_, Master>) {
    let published = published.clone();
    let about = about.clone();
    let node = context.node().clone();
    context.publish(
        "",
        Endpoint::heavy(
            Help::new("The cluster at a glance.", "A web page that renews itself."),
            move |_| {
                let overview = overview(&published.load(), &about, &node);
                Response::html(webui::render_overview(&overview)).with("Cache-Control", "no-store")
            },
        ),
    );
    context.publish(
        "assets",
        Endpoint::new(
            Help::new("What pages refer to.", "Style, script and icon."),
            asset,
        ),
    );
}

fn asset(request: &Request) -> Response {
    let name = request.path().strip_prefix("assets/").unwrap_or_default();
    webui::asset(name).map_or_else(Response::not_found, |(media, content)| {
        Response::of(200, media, content).with("Cache-Control", "max-age=300")
    })
}

fn overview(snapshot: &Snapshot, about: &About, node: &Node) -> Overview {
    let agents = snapshot.agents.registered();
    let frameworks = snapshot.frameworks.registered();
    let active = agents.values().filter(|agent| agent.is_active()).count();
    let (used, offered) = sums(snapshot);
    let completed = frameworks
        .values()
        .chain(snapshot.frameworks.completed().values());
    let (active_tasks, active_cut) = task_rows(
        snapshot,
        frameworks
            .values()
            .flat_map(|it| it.tasks().values().map(move |task| (it.info(), task))),
    );
    let (completed_tasks, completed_cut) = task_rows(
        snapshot,
        completed.flat_map(|it| {
            it.completed_tasks()
                .iter()
                .map(move |task| (it.info(), task))
        }),
    );
    Overview {
        cluster: about.cluster.clone(),
        leader: node.address().to_string(),
        version: snapshot.info.version().to_owned(),
        started: snapshot.started.seconds(),
        elected: snapshot.elected.map(|elected| elected.seconds()),
        agents_active: active,
        agents_inactive: agents.len() - active,
        agents_unreachable: snapshot.agents.unreachable().len(),
        tasks: tasks(snapshot),
        resources: resource_rows(
            snapshot.agents.total(),
            &used,
            &offered,
            &["cpus", "gpus", "mem", "disk"],
        ),
        agents: agent_rows(snapshot),
        frameworks: framework_rows(snapshot),
        active_tasks,
        completed_tasks,
        cut: [
            agents.len().saturating_sub(ROWS_MAX),
            frameworks.len().saturating_sub(ROWS_MAX),
            active_cut,
            completed_cut,
        ],
        now: time(node.world().wall_time()).seconds(),
    }
}

/// What all frameworks hold, and what they are offered.
fn sums(snapshot: &Snapshot) -> (Resources, Resources) {
    let mut used = Resources::default();
    let mut offered = Resources::default();
    for framework in snapshot.frameworks.registered().values() {
        used += framework.used();
        offered += framework.offered();
    }
    (used, offered)
}

fn resource_rows(
    total: &Resources,
    used: &Resources,
    offered: &Resources,
    names: &[&str],
) -> Vec<ResourceRow> {
    names
        .iter()
        .map(|name| ResourceRow {
            name: (*name).to_owned(),
            total: total.scalar(name).to_f64(),
            used: used.scalar(name).to_f64(),
            offered: offered.scalar(name).to_f64(),
        })
        .filter(|row| row.total > 0.0 || COLUMNS.contains(&row.name.as_str()))
        .collect()
}

fn tasks(snapshot: &Snapshot) -> Tasks {
    let metrics = &snapshot.metrics;
    let mut counts: BTreeMap<TaskState, u64> = BTreeMap::new();
    for framework in snapshot.frameworks.registered().values() {
        for state in [
            TaskState::TaskStaging,
            TaskState::TaskStarting,
            TaskState::TaskRunning,
            TaskState::TaskKilling,
        ] {
            *counts.entry(state).or_default() += u64::from(framework.task_counts().get(state));
        }
    }
    let count = |state| counts.get(&state).copied().unwrap_or_default();
    let unreachable: usize = snapshot
        .frameworks
        .registered()
        .values()
        .map(|framework| framework.unreachable_tasks().len())
        .sum();
    Tasks {
        staging: count(TaskState::TaskStaging),
        starting: count(TaskState::TaskStarting),
        running: count(TaskState::TaskRunning),
        killing: count(TaskState::TaskKilling),
        finished: metrics.tasks_finished,
        killed: metrics.tasks_killed,
        failed: metrics.tasks_failed,
        lost: metrics.tasks_lost,
        unreachable: unreachable as u64,
    }
}

fn agent_rows(snapshot: &Snapshot) -> Vec<AgentRow> {
    let agents = snapshot.agents.registered().values();
    agents
        .take(ROWS_MAX)
        .map(|agent| AgentRow {
            id: agent.id().to_string(),
            hostname: agent.hostname().to_owned(),
            address: agent.pid().address.to_string(),
            state: match (agent.is_connected(), agent.is_active()) {
                (true, true) => "Active",
                (true, false) => "Inactive",
                _ => "Disconnected",
            },
            resources: resource_rows(
                agent.total(),
                &agent.total_used(),
                agent.offered(),
                &COLUMNS,
            ),
            tasks: agent.tasks().len(),
            registered: agent.registered().seconds(),
        })
        .collect()
}

fn framework_rows(snapshot: &Snapshot) -> Vec<FrameworkRow> {
    let frameworks = snapshot.frameworks.registered().values();
    frameworks
        .take(ROWS_MAX)
        .map(|framework| {
            let info = framework.info();
            let roles: Vec<_> = framework.roles().iter().map(ToString::to_string).collect();
            FrameworkRow {
                id: framework.id().to_string(),
                name: info.name.clone(),
                url: info.webui_url.clone().filter(|url| !url.is_empty()),
                user: info.user.clone(),
                roles: roles.join(", "),
                state: match (framework.is_connected(), framework.is_active()) {
                    (true, true) => "Active",
                    (true, false) => "Inactive",
                    _ => "Disconnected",
                },
                tasks: framework.tasks().len(),
                cpus: framework.used().scalar("cpus").to_f64(),
                mem: framework.used().scalar("mem").to_f64(),
                registered: framework.registered().seconds(),
            }
        })
        .collect()
}

/// The newest tasks first, and how many there are beyond those shown.
fn task_rows<'a>(
    snapshot: &Snapshot,
    tasks: impl Iterator<Item = (&'a messages::v1::FrameworkInfo, &'a std::sync::Arc<Task>)>,
) -> (Vec<TaskRow>, usize) {
    let mut count = 0;
    let mut rows = Vec::new();
    for (framework, task) in tasks {
        count += 1;
        if rows.len() < ROWS_MAX {
            rows.push(task_row(snapshot, framework, task));
        }
    }
    rows.sort_by(|a, b| {
        b.since
            .unwrap_or_default()
            .total_cmp(&a.since.unwrap_or_default())
    });
    let cut = count - rows.len();
    (rows, cut)
}

fn task_row(snapshot: &Snapshot, framework: &messages::v1::FrameworkInfo, task: &Task) -> TaskRow {
    let host = snapshot
        .agents
        .get(task.agent())
        .map(|agent| agent.hostname().to_owned());
    TaskRow {
        id: task.id().to_string(),
        name: task.name().to_owned(),
        framework: framework.name.clone(),
        state: task.state().as_str_name(),
        host: host.unwrap_or_else(|| task.agent().to_string()),
        cpus: task.resources().scalar("cpus").to_f64(),
        mem: task.resources().scalar("mem").to_f64(),
        since: task.last_status().and_then(|status| status.timestamp),
    }
}
