//! The agent's HTTP endpoints. Reads are served from snapshots on HTTP threads and never
//! wait for the agent's mailbox; calls are decoded there before the agent is told.

mod containers;
mod executor;
mod operator;
mod reads;

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::daemon::{Build, FileRoots};
use containerizer::Containerizer;
use runtime::Context;

use crate::actor::{Agent, Published};

/// What endpoints show beside the snapshot.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// What this program is.
    pub(crate) build: Build,
    /// All flags as they are shown.
    pub(crate) flags: BTreeMap<String, String>,
}

/// Publishes all endpoints below `/slave(1)`.
pub(crate) fn publish(
    published: &Published,
    about: &About,
    files: &FileRoots,
    containerizer: &Arc<dyn Containerizer>,
    context: &Context<'_, Agent>,
) {
    let gauge = containers::Gauge::new(published, containerizer);
    executor::publish(context);
    reads::publish(published, about, context);
    containers::publish(&gauge, context);
    operator::publish(published, about, files, &gauge, context);
}
