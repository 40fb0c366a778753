//! What becomes of offers: launches and declines.

use messages::v1::{CommandInfo, ExecutorInfo, Filters, Offer, TaskInfo, TaskState, executor_info};
use model::ids::TaskId;
use model::{Resources, Role};
use rand::RngExt as _;
use runtime::Context;

use super::Framework;
use crate::events::{Event, OfferSeen};
use crate::ledger::{Entry, Job};
use crate::observer::Mode;
use crate::plan::JobPlan;

/// What one of a framework's own executors takes.
pub const EXECUTOR_RESOURCES: &str = "cpus:0.1;mem:32";

impl Framework {
    pub(super) fn seen(offer: &Offer) -> OfferSeen {
        let mut resources = Resources::from_proto_lossy(&offer.resources);
        resources.unallocate();
        OfferSeen {
            id: (&offer.id).into(),
            agent: (&offer.agent_id).into(),
            resources,
        }
    }

    /// Launches what fits, and declines the rest.
    pub(super) fn answer(&mut self, offers: Vec<Offer>, context: &mut Context<'_, Self>) {
        let choice = context
            .rng()
            .random_range(0..self.plan.refuse_seconds.len());
        let refuse = match self.observer.mode() {
            Mode::Working => self.plan.refuse_seconds[choice],
            _ if self.ledger.pages().is_settled() => 10.0,
            _ => 1.0,
        };
        let mut declined = Vec::new();
        for offer in offers {
            if !self.launch(&offer, refuse) {
                declined.push(offer);
            }
        }
        if declined.is_empty() {
            return;
        }
        let ids = declined.iter().map(|offer| offer.id.clone()).collect();
        if self.driver.decline(ids, filters(refuse)).is_ok() {
            self.called(true);
            for offer in &declined {
                let seen = Self::seen(offer);
                self.observer
                    .note(Event::Declined(self.number, seen, refuse));
            }
        }
    }

    /// Launches what fits into an offer; says whether anything does.
    fn launch(&mut self, offer: &Offer, refuse: f64) -> bool {
        let seen = Self::seen(offer);
        let mut left = seen.resources.clone();
        let mut tasks = Vec::new();
        let mut entries = Vec::new();
        let now = self.observer.now();
        {
            let pages = &mut *self.ledger.pages();
            for (number, job) in pages.jobs.iter_mut().enumerate() {
                let plan = &self.plan.jobs[number];
                if *job != Job::Waiting || plan.from > now {
                    continue;
                }
                let Some(needs) = take(plan, &mut left) else {
                    continue;
                };
                pages.attempts += 1;
                let id = format!("f{}-j{number}-a{}", self.number, pages.attempts);
                let id = TaskId::from(id);
                tasks.push(self.task(&id, plan, &needs, offer));
                entries.push((id.clone(), seen.agent.clone()));
                *job = Job::Asked(id.clone());
                let entry = Entry {
                    job: number,
                    agent: seen.agent.clone(),
                    asked: now,
                    state: TaskState::TaskStaging,
                    over: false,
                    unwanted: false,
                    killed: None,
                };
                pages.tasks.insert(id, entry);
            }
        }
        if tasks.is_empty() {
            return false;
        }
        let launched = self
            .driver
            .launch(vec![offer.id.clone()], tasks, filters(refuse));
        if launched.is_ok() {
            self.called(true);
            self.observer
                .note(Event::Accepted(self.number, seen.id, entries));
        } else {
            // Never sent: nobody will ever hear of these tasks.
            let pages = &mut *self.ledger.pages();
            for (id, _) in entries {
                if let Some(entry) = pages.tasks.remove(&id) {
                    pages.jobs[entry.job] = Job::Waiting;
                }
            }
        }
        true
    }

    fn task(&self, id: &TaskId, plan: &JobPlan, needs: &Resources, offer: &Offer) -> TaskInfo {
        let command = CommandInfo {
            value: Some("simulated".to_owned()),
            ..CommandInfo::default()
        };
        let executor = plan.executor.map(|number| ExecutorInfo {
            r#type: Some(executor_info::Type::Custom.into()),
            executor_id: model::ExecutorId::from(format!("f{}-e{number}", self.number)).to_proto(),
            framework_id: self.driver.framework_info().id.clone(),
            command: Some(command.clone()),
            resources: parse(EXECUTOR_RESOURCES).to_proto(),
            ..ExecutorInfo::default()
        });
        TaskInfo {
            name: id.to_string(),
            task_id: id.to_proto(),
            agent_id: offer.agent_id.clone(),
            resources: needs.to_proto(),
            command: executor.is_none().then_some(command),
            executor,
            data: Some(plan.task.encode().into_bytes().into()),
            ..TaskInfo::default()
        }
    }
}

fn filters(refuse: f64) -> Option<Filters> {
    Some(Filters {
        refuse_seconds: Some(refuse),
    })
}

/// Resources as text says them.
pub fn parse(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).expect("these are resources")
}

/// Takes what a job needs from what is left of an offer. The executor is counted each
/// time, since it may not run there yet.
fn take(plan: &JobPlan, left: &mut Resources) -> Option<Resources> {
    let needs = parse(&format!(
        "cpus:{};mem:{}",
        f64::from(plan.millicpus) / 1000.0,
        plan.mem
    ));
    let mut all = needs.clone();
    if plan.executor.is_some() {
        all += parse(EXECUTOR_RESOURCES);
    }
    if !left.contains(&all) {
        return None;
    }
    *left -= all;
    Some(needs)
}
