//! The master's HTTP endpoints. Reads are served from snapshots on HTTP threads and
//! never wait for the master's mailbox; calls are decoded there before the master is
//! told.

mod operator;
mod pages;
mod reads;
mod scheduler;
mod shared;

use std::collections::BTreeMap;

use actors::daemon::{Build, FileRoots};
use actors::v1_api;
use master_core::views;
use runtime::Context;

use crate::actor::{Master, Published};

pub(crate) use operator::subscribed;

/// What endpoints show beside the snapshot.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// `--cluster`
    pub(crate) cluster: Option<String>,
    /// All flags as they are shown.
    pub(crate) flags: BTreeMap<String, String>,
    /// What LIST_FILES and READ_FILE may show.
    pub(crate) files: FileRoots,
}

impl About {
    /// As the views of the core need it.
    fn views(&self) -> views::About {
        views::About {
            version: v1_api::version(&Build::current()),
            cluster: self.cluster.clone(),
            flags: self.flags.clone(),
        }
    }
}

/// Publishes all endpoints below `/master`.
pub(crate) fn publish(published: &Published, about: &About, context: &Context<'_, Master>) {
    scheduler::publish(published, context);
    operator::publish(published, about, context);
    reads::publish(published, about, context);
    pages::publish(published, about, context);
}
