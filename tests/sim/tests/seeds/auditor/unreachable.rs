//! M16: an agent of which the master hears nothing is not counted on for long.

use std::time::Duration;

use super::{Findings, Invariant, Sight};
use crate::faults;
use crate::plan::Plan;

/// What may come on top of the time that an agent is given: the last answers that are on
/// their way, a ping more at both ends, the registry's write.
const SLACK: Duration = Duration::from_secs(10);

pub struct Unreachable {
    /// How long an agent may be away and be counted on.
    patience: Duration,
    /// Since when each agent has been away, and the same master been there.
    away: Vec<Option<Duration>>,
}

impl Unreachable {
    pub fn new(plan: &Plan) -> Self {
        let master = &plan.master;
        Self {
            patience: master.ping_timeout * (master.ping_timeouts + 2) + SLACK,
            away: vec![None; plan.agents.len()],
        }
    }
}

impl Invariant for Unreachable {
    const NAME: &'static str = "unreachable";

    fn look(&mut self, at: Duration, sight: &Sight<'_>, found: &mut Findings) {
        let Some(snapshot) = sight.snapshot else {
            return self.away.fill(None);
        };
        for (number, (since, is_away)) in self.away.iter_mut().zip(sight.away).enumerate() {
            if !is_away {
                *since = None;
                continue;
            }
            let away = at - *since.get_or_insert(at);
            if away <= self.patience {
                continue;
            }
            let host = faults::agent(number);
            let mut registered = snapshot.agents.registered().values();
            if let Some(agent) = registered.find(|agent| agent.hostname() == host) {
                let away = away.as_secs_f64();
                found.say(format!(
                    "{host} is still there as {} after {away:.1} s",
                    agent.id()
                ));
            }
        }
    }
}
