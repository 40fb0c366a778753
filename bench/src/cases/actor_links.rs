//! Ends of linked actors while others hold many links: what an end costs must not depend on
//! them.

use std::time::Instant;

use runtime::{Actor, Context, Declaration, Handle, Node, NodeConfig, Pid, Placement};
use tokio::sync::oneshot;

use super::figures;
use crate::report::{Figures, exponent};

/// Links that others hold.
const LINKS: [usize; 3] = [5, 5_000, 50_000];
const EXITS: usize = 10_000;

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    if side != "ours" {
        return None;
    }
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .ok()?;
        let mut costs = Vec::new();
        let mut links = Vec::new();
        for count in LINKS {
            hold(&node, count - links.len(), &mut links).await?;
            costs.push((count as f64, exits(&node).await?));
        }
        let started = Instant::now();
        let hub = node.spawn("hub", Idle, Placement::Here).ok()?;
        for watcher in &links {
            let hub = hub.pid().clone();
            watcher.call(move |_, context| context.link(&hub));
        }
        links.last()?.ask(|_, _| ()).await?;
        let hub_link = started.elapsed().as_nanos() as f64 / links.len() as f64;
        Some(figures([
            ("ns_per_exit_at_5", costs.first()?.1),
            ("ns_per_exit_at_50k", costs.last()?.1),
            ("exit_exponent", exponent(&costs)),
            ("ns_per_link_to_one", hub_link),
        ]))
    })
}

struct Idle;

impl Actor for Idle {
    const KIND: &'static str = "idle";

    fn declare(_: &mut Declaration<Self>) {}
}

/// Spawns pairs of which one is linked to the other.
async fn hold(node: &Node, count: usize, links: &mut Vec<Handle<Idle>>) -> Option<()> {
    for _ in 0..count {
        let held = node
            .spawn(node.next_id("held"), Idle, Placement::Here)
            .ok()?;
        let holder = node
            .spawn(node.next_id("holder"), Idle, Placement::Here)
            .ok()?;
        let held = held.pid().clone();
        holder.call(move |_, context| context.link(&held));
        links.push(holder);
    }
    links.last()?.ask(|_, _| ()).await
}

struct Watcher {
    missing: usize,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Watcher {
    const KIND: &'static str = "watcher";

    fn declare(_: &mut Declaration<Self>) {}

    fn exited(&mut self, _: &Pid, context: &mut Context<'_, Self>) {
        self.missing -= 1;
        if self.missing == 0
            && let Some(done) = self.done.take()
        {
            let _ = done.send(());
            context.stop();
        }
    }
}

/// Ends actors that one watcher is linked to, until it has been told of each. Nanoseconds
/// for each.
async fn exits(node: &Node) -> Option<f64> {
    let (done, told) = oneshot::channel();
    let watcher = Watcher {
        missing: EXITS,
        done: Some(done),
    };
    let watcher = node
        .spawn(node.next_id("watcher"), watcher, Placement::Here)
        .ok()?;
    let mut watched = Vec::with_capacity(EXITS);
    for _ in 0..EXITS {
        let actor = node
            .spawn(node.next_id("watched"), Idle, Placement::Here)
            .ok()?;
        watched.push(actor.pid().clone());
    }
    let linked = watched.clone();
    watcher
        .ask(move |_, context| linked.iter().for_each(|pid| context.link(pid)))
        .await?;
    let started = Instant::now();
    for pid in &watched {
        node.terminate(pid);
    }
    told.await.ok()?;
    Some(started.elapsed().as_nanos() as f64 / EXITS as f64)
}
