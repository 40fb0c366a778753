//! `/state`, `/flags` and `/health` (E12–E14).

use std::sync::Arc;

use actors::daemon::publish_flags;
use agent_core::views::StateView;
use runtime::Context;
use runtime::http::{Help, Published as Endpoint, Response};

use super::About;
use crate::actor::{Agent, Published};

pub(crate) fn publish(published: &Published, about: &About, context: &Context<'_, Agent>) {
    context.publish("flags", publish_flags(about.flags.clone()));
    context.publish(
        "health",
        Endpoint::new(
            Help::new(
                "Whether the agent is there.",
                "200 without a body while it lives.",
            ),
            |_| Response::empty(200),
        ),
    );
    let (published, build) = (Arc::clone(published), about.build.clone());
    context.publish(
        "state",
        Endpoint::heavy(
            Help::new(
                "All that the agent knows.",
                "A JSON object: resources, attributes, flags, frameworks with their executors \
                 and tasks.",
            ),
            move |_| Response::json(&StateView::new(&published.load(), &build)),
        ),
    );
}
