//! Keeps services alive: so many instances of each, spread over agents, started again when
//! they end, at growing intervals if they keep ending.

use std::collections::BTreeMap;
use std::time::Duration;

use runtime::flags::{Flag, Flags, Program};
use runtime::logging;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::flags::COMMON;
use crate::plan::{Ended, Needs, Plan, Run};
use crate::program::{Input, program};
use crate::tasks::{Task, Tasks};

/// How long an instance has to live for its end to count as the first one.
const STABLE: Duration = Duration::from_secs(60);

/// The pauses before an instance is started again that did not live so long.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The most instances of one service.
const INSTANCES_MAX: u32 = 10_000;

/// A service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// For the shell. It should run for as long as it is let.
    pub command: String,
    /// How many should run.
    #[serde(default = "one")]
    pub instances: u32,
    /// What each instance needs.
    #[serde(default)]
    pub resources: Needs,
}

fn one() -> u32 {
    1
}

/// The services, and how they fare.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Services {
    services: BTreeMap<String, Service>,
    trouble: BTreeMap<String, Trouble>,
}

/// A service whose instances do not live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trouble {
    /// Ends in a row, each too soon.
    ends: u32,
    /// When the next instance is started, since 1970.
    until: Duration,
    /// How the last one ended.
    last: String,
}

/// A service cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadService {
    /// Its name becomes part of task ids.
    #[error("a service cannot be named '{0}': use letters, digits, '-' and '_'")]
    Name(String),
    /// There are too many.
    #[error("service '{0}' has more than {INSTANCES_MAX} instances")]
    TooMany(String),
}

impl Services {
    /// What is to be kept alive from now on. What runs already and is still wanted runs
    /// on, even if its command has changed.
    ///
    /// # Errors
    ///
    /// When one of them cannot be.
    pub fn set(&mut self, services: BTreeMap<String, Service>) -> Result<(), BadService> {
        for (name, service) in &services {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if name.is_empty() || name.len() > 200 || !name.bytes().all(is_plain) {
                return Err(BadService::Name(name.clone()));
            }
            if service.instances > INSTANCES_MAX {
                return Err(BadService::TooMany(name.clone()));
            }
        }
        self.trouble.retain(|name, _| services.contains_key(name));
        self.services = services;
        Ok(())
    }
}

impl Plan for Services {
    fn wanted(&self, tasks: &Tasks, now: Duration) -> Vec<Run> {
        let mut runs = Vec::new();
        for (name, service) in &self.services {
            let trouble = self.trouble.get(name);
            if trouble.is_some_and(|trouble| now < trouble.until) {
                continue;
            }
            let missing = (service.instances as usize).saturating_sub(tasks.of(name).count());
            runs.extend((0..missing).map(|_| Run {
                name: name.clone(),
                command: service.command.clone(),
                needs: service.resources.clone(),
            }));
        }
        runs
    }

    fn unwanted(&self, tasks: &Tasks) -> Vec<String> {
        let mut by_name = BTreeMap::<_, Vec<_>>::new();
        for (id, task) in tasks.iter() {
            by_name
                .entry(&task.name)
                .or_default()
                .push((task.number, id));
        }
        let mut unwanted = Vec::new();
        for (name, mut instances) in by_name {
            let service = self.services.get(name);
            let wanted = service.map_or(0, |service| service.instances as usize);
            // The oldest stay.
            instances.sort_unstable();
            unwanted.extend(instances.into_iter().skip(wanted).map(|(_, id)| id.clone()));
        }
        unwanted
    }

    fn ended(&mut self, task: &Task, end: &Ended, now: Duration) {
        let last = match end {
            Ended::Finished => "finished".to_owned(),
            Ended::Failed { message, .. } => message.clone(),
            // That was not its fault.
            Ended::Lost { .. } => return,
        };
        let before = self.trouble.remove(&task.name);
        if !self.services.contains_key(&task.name) || now.saturating_sub(task.launched) >= STABLE {
            return;
        }
        let ends = before.map_or(1, |trouble| trouble.ends.saturating_add(1));
        let factor = 1_u32.checked_shl(ends - 1).unwrap_or(u32::MAX);
        let pause = PAUSE_MIN.saturating_mul(factor).min(PAUSE_MAX);
        let trouble = Trouble {
            ends,
            until: now + pause,
            last,
        };
        self.trouble.insert(task.name.clone(), trouble);
    }

    fn next(&self, _tasks: &Tasks, now: Duration) -> Option<Duration> {
        let pauses = self.trouble.values().map(|trouble| trouble.until);
        pauses.filter(|until| *until > now).min()
    }
}

const FLAGS: &[Flag] = &[Flag::json(
    "services",
    "The services, as JSON or the path of a file that holds it:\n\
         {\"web\": {\"command\": \"python3 -m http.server\", \"instances\": 2,\n\
         \x20         \"resources\": \"cpus:0.5;mem:64\"}}\n\
         Started again with others, those that are left out are ended.",
)
.required()];

impl Input for Services {
    const PROGRAM: Program = program("supervisor", &[FLAGS, COMMON, logging::FLAGS]);

    fn update(&mut self, flags: &Flags) -> Result<(), Box<dyn std::error::Error>> {
        let services: serde_json::Value = flags.get("services")?;
        let services = serde_json::from_value(services)
            .map_err(|error| format!("Failed to read --services: {error}"))?;
        Ok(self.set(services)?)
    }
}

#[cfg(test)]
mod tests {
    use messages::v1::{Offer, TaskState};

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn services(instances: u32) -> Services {
        let service = Service {
            command: "serve".to_owned(),
            instances,
            resources: Needs::default(),
        };
        let mut services = Services::default();
        services
            .set(BTreeMap::from([("web".to_owned(), service)]))
            .unwrap();
        services
    }

    fn failed() -> Ended {
        Ended::Failed {
            state: TaskState::TaskFailed,
            message: "no such file".to_owned(),
        }
    }

    #[test]
    fn what_is_missing_is_wanted_and_what_is_too_much_is_not() {
        let mut plan = services(3);
        let mut tasks = Tasks::default();
        assert_eq!(plan.wanted(&tasks, NOW).len(), 3);
        let first = tasks.add("web", &Offer::default(), NOW);
        let second = tasks.add("web", &Offer::default(), NOW);
        assert_eq!(plan.wanted(&tasks, NOW).len(), 1);
        let one = services(1).services;
        plan.set(one).unwrap();
        assert_eq!(plan.unwanted(&tasks), std::slice::from_ref(&second));
        plan.set(BTreeMap::new()).unwrap();
        assert_eq!(plan.unwanted(&tasks), [first, second]);
        assert_eq!(plan.wanted(&tasks, NOW), []);
    }

    #[test]
    fn what_keeps_ending_is_started_ever_later() {
        let mut plan = services(1);
        let mut now = NOW;
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let mut tasks = Tasks::default();
            tasks.add("web", &Offer::default(), now);
            plan.ended(&tasks.clear()[0], &failed(), now);
            assert_eq!(plan.wanted(&tasks, now), []);
            let until = plan.next(&tasks, now).unwrap();
            pauses.push((until - now).as_secs());
            now = until;
            assert_eq!(plan.wanted(&tasks, now).len(), 1);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        let mut tasks = Tasks::default();
        tasks.add("web", &Offer::default(), now);
        plan.ended(&tasks.clear()[0], &failed(), now + STABLE);
        assert_eq!(plan.wanted(&tasks, now + STABLE).len(), 1);
    }

    #[test]
    fn what_was_lost_is_started_again_at_once() {
        let mut plan = services(1);
        let mut tasks = Tasks::default();
        tasks.add("web", &Offer::default(), NOW);
        let lost = Ended::Lost {
            state: TaskState::TaskGone,
            message: String::new(),
        };
        plan.ended(&tasks.clear()[0], &lost, NOW);
        assert_eq!(plan.wanted(&tasks, NOW).len(), 1);
    }

    #[test]
    fn names_are_parts_of_ids() {
        let mut plan = services(1);
        let service = plan.services["web"].clone();
        for name in ["", "a/b", "a.b", "ä"] {
            let services = BTreeMap::from([(name.to_owned(), service.clone())]);
            assert_eq!(plan.set(services), Err(BadService::Name(name.to_owned())));
        }
    }
}
