//! I4: one master acts at a time. One whose place was taken sends nothing more, and what a
//! framework is offered is its own master's.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use master_core::Snapshot;
use runtime::Mail;

use super::{Findings, Invariant};
use crate::events::Event;
use crate::seams::Tap;

#[derive(Default)]
pub struct Masters {
    /// The life of the master that sent something last.
    life: u64,
    /// The masters' ids, in the order of their coming.
    ids: Vec<String>,
    /// By framework: which master's offers it got last.
    offered: BTreeMap<usize, usize>,
}

impl Invariant for Masters {
    const NAME: &'static str = "masters";

    fn mail(&mut self, _: Duration, tap: &Tap, _: &Mail<'_>, _: &dyn Any, found: &mut Findings) {
        if tap.host != "master" {
            return;
        }
        if tap.life < self.life {
            found.say("a master acts whose place was taken".to_owned());
        }
        self.life = self.life.max(tap.life);
    }

    fn snapshot(&mut self, _: Duration, snapshot: &Snapshot, found: &mut Findings) {
        let id = &snapshot.info.id;
        if self.ids.last() == Some(id) {
            return;
        }
        if self.ids.contains(id) {
            found.say(format!("master {id} is back"));
        }
        self.ids.push(id.clone());
    }

    fn event(&mut self, _: Duration, event: &Event, found: &mut Findings) {
        let Event::Offered(framework, offer) = event else {
            return;
        };
        let master = offer.id.as_str().rsplit_once("-O").map(|(id, _)| id);
        let of = self.ids.iter().position(|id| Some(id.as_str()) == master);
        // A master may offer before its first snapshot was looked at.
        let of = of.unwrap_or(self.ids.len());
        let last = self.offered.entry(*framework).or_default();
        if of < *last {
            let id = &offer.id;
            found.say(format!(
                "framework {framework} got {id} of an earlier master"
            ));
        }
        *last = of;
    }
}
