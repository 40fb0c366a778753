//! I9: no actor has more to do than it can.

use std::time::Duration;

use super::{Findings, Invariant, Sight};

/// The most events that may ever wait at once for one actor of these small clusters.
const WAITING_MAX: usize = 1_000;

pub struct Mailboxes;

impl Invariant for Mailboxes {
    const NAME: &'static str = "mailboxes";

    fn look(&mut self, _: Duration, sight: &Sight<'_>, found: &mut Findings) {
        for (host, node) in sight.nodes {
            if let Some((pid, waiting)) = node.busiest()
                && waiting > WAITING_MAX
            {
                found.say(format!("{waiting} events waited for {pid} on {host}"));
            }
        }
    }
}
