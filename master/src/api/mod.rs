//! The master's HTTP endpoints. Reads are served from snapshots on HTTP threads and
//! never wait for the master's mailbox; calls are decoded there before the master is
//! told.

mod operator;
mod reads;
mod scheduler;

use std::collections::BTreeMap;

use runtime::Context;

use crate::actor::{Master, Published};

pub(crate) use operator::subscribed;

/// What endpoints show beside the snapshot.
#[derive(Debug, Clone)]
pub struct About {
    /// `--cluster`
    pub cluster: Option<String>,
    /// All flags as they are shown.
    pub flags: BTreeMap<String, String>,
}

/// Publishes all endpoints below `/master`.
pub(crate) fn publish(published: &Published, about: &About, context: &Context<'_, Master>) {
    scheduler::publish(published, context);
    operator::publish(published, about, context);
    reads::publish(published, about, context);
}
