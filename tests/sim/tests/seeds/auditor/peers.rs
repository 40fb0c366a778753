//! I9: what waits for a peer is bounded.

use std::time::Duration;

use super::{Findings, Invariant, Sight};

/// The most bytes that may wait for one peer of these clusters.
const BYTES_MAX: usize = 128 << 10;

pub struct Peers;

impl Invariant for Peers {
    const NAME: &'static str = "peers";

    fn look(&mut self, _: Duration, sight: &Sight<'_>, found: &mut Findings) {
        for (host, node) in sight.nodes {
            if let Some((peer, bytes)) = node.slowest_peer()
                && bytes > BYTES_MAX
            {
                found.say(format!("{bytes} bytes wait for {peer} on {host}"));
            }
        }
    }
}
