//! A framework: gets its jobs done through the v1 scheduler API, each by one task or more.

use std::collections::BTreeMap;
use std::time::Duration;

use actors::detector::FixedDetector;
use actors::http_client::ContentType;
use actors::scheduler_driver::{
    Acknowledgements, CallId, Refusal, SchedulerActor, SchedulerConfig, SchedulerDriver, Transport,
};
use messages::v1::scheduler::{Call, call};
use messages::v1::{
    CommandInfo, ExecutorInfo, Filters, FrameworkId, FrameworkInfo, Offer, OfferId, TaskInfo,
    TaskState, TaskStatus, executor_info, framework_info, task_status,
};
use model::ids::TaskId;
use model::task_state::TaskStateExt as _;
use model::{Resources, Role};
use rand::RngExt as _;
use runtime::{Actor, Context, Declaration, Placement};

use crate::events::{Event, OfferSeen, Update};
use crate::ledger::{Entry, Job, Ledger};
use crate::observer::{Mode, Observer};
use crate::plan::{FrameworkPlan, JobPlan, Speech, TaskEnd};
use crate::seams::{Seam, Seams};

/// How often a framework looks at its own affairs.
const GLANCE: Duration = Duration::from_millis(500);
/// How long a task may be on an agent that is away before its job is begun anew.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a task is killed that does not end.
const KILL_AGAIN: Duration = Duration::from_secs(10);
/// How often a framework asks how its tasks are.
const RECONCILE_EVERY: Duration = Duration::from_secs(15);
/// How often a diligent framework lifts its filters while there is work to be done.
const REVIVE_EVERY: Duration = Duration::from_secs(20);
/// Calls are answered one after the other: with more than this many on their way, offers
/// are left for later.
const CALLS_MAX: usize = 5;
/// How long a framework waits before it begins anew.
const NEW_LIFE: Duration = Duration::from_secs(1);
/// What one of a framework's own executors takes.
pub const EXECUTOR_RESOURCES: &str = "cpus:0.1;mem:32";

pub struct Framework {
    number: usize,
    plan: FrameworkPlan,
    ledger: Ledger,
    observer: Observer,
    seams: Seams,
    driver: SchedulerDriver,
    /// Offers that are not answered yet, and when they will be.
    held: BTreeMap<model::OfferId, (Offer, Duration)>,
    reconciled: Duration,
    revived: Duration,
    /// Calls that are not answered yet.
    waiting: usize,
    /// Whether it asked for no offers.
    is_suppressed: bool,
    /// Whether it asked for all that there is, to see whether it comes.
    is_probing: bool,
}

fn config(plan: &FrameworkPlan, number: usize, id: Option<FrameworkId>) -> SchedulerConfig {
    use framework_info::capability::Type::{MultiRole, PartitionAware};
    let capabilities = [(true, MultiRole), (plan.partition_aware, PartitionAware)];
    let framework_info = FrameworkInfo {
        user: "sim".to_owned(),
        name: format!("framework-{number}"),
        id,
        failover_timeout: Some(plan.failover_timeout.as_secs_f64()),
        checkpoint: Some(plan.checkpoint),
        roles: vec![plan.role.clone()],
        capabilities: capabilities
            .into_iter()
            .filter(|(has, _)| *has)
            .map(|(_, capability)| framework_info::Capability {
                r#type: Some(capability.into()),
            })
            .collect(),
        ..FrameworkInfo::default()
    };
    let master = FixedDetector::at("master:5050").expect("this is an address");
    SchedulerConfig {
        transport: match plan.speech {
            Speech::Protobuf => http(ContentType::Protobuf),
            Speech::Json => http(ContentType::Json),
            Speech::Libprocess => Transport::Libprocess,
        },
        // It forgets some, and is late with others.
        acknowledgements: Acknowledgements::Explicit,
        ..SchedulerConfig::new(master, framework_info)
    }
}

fn http(content_type: ContentType) -> Transport {
    Transport::Http {
        content_type,
        authorization: None,
    }
}

impl Framework {
    pub fn new(
        number: usize,
        plan: FrameworkPlan,
        ledger: Ledger,
        observer: Observer,
        seams: Seams,
    ) -> Self {
        let id = ledger.pages().id.as_ref().map(model::FrameworkId::to_proto);
        Self {
            driver: SchedulerDriver::new(config(&plan, number, id)),
            number,
            plan,
            ledger,
            reconciled: observer.now(),
            revived: observer.now(),
            observer,
            seams,
            held: BTreeMap::new(),
            waiting: 0,
            is_suppressed: false,
            is_probing: false,
        }
    }

    fn glance(&mut self, context: &mut Context<'_, Self>) {
        context.after(GLANCE, Self::glance);
        if !self.driver.is_subscribed() {
            return;
        }
        let now = self.observer.now();
        if self.waiting < CALLS_MAX {
            self.kill_what_is_due(now);
        }
        self.give_up_on_the_absent(now);
        if self.observer.mode() == Mode::Probing {
            if !self.is_probing {
                self.is_probing = true;
                self.revive();
            }
            return;
        }
        if self.waiting < CALLS_MAX {
            let (due, held) = std::mem::take(&mut self.held)
                .into_iter()
                .partition(|(_, (_, until))| *until <= now);
            self.held = held;
            self.answer(due.into_values().map(|(offer, _)| offer).collect(), context);
        }
        if now.saturating_sub(self.reconciled) >= RECONCILE_EVERY {
            self.reconcile(now, context.rng().random_bool(0.2));
        }
        let is_idle = now.saturating_sub(self.revived) >= REVIVE_EVERY;
        let is_wanting = self.observer.mode() == Mode::Settling && is_idle;
        if context.rng().random_bool(0.02) || (is_wanting && !self.ledger.pages().is_settled()) {
            self.revive();
        }
        self.suppress_while_idle();
        self.leave_when_it_is_time(now, context);
        self.double_when_it_is_time(now, context);
    }

    /// Asks for no more offers when all is done, and for offers again when it is not.
    fn suppress_while_idle(&mut self) {
        let is_idle = self.ledger.pages().is_settled();
        if self.is_suppressed && !is_idle {
            self.revive();
        } else if self.plan.suppresses && !self.is_suppressed && is_idle {
            self.is_suppressed = self.driver.suppress(Vec::new()).is_ok();
            self.called(self.is_suppressed);
        }
    }

    /// Ends itself with all its tasks, once; it begins anew when the master says so.
    fn leave_when_it_is_time(&mut self, now: Duration, context: &mut Context<'_, Self>) {
        if self.plan.leaves_at.is_none_or(|at| at > now) || self.ledger.pages().has_left {
            return;
        }
        let teardown = Call {
            r#type: Some(call::Type::Teardown.into()),
            ..Call::default()
        };
        if self.driver.call(teardown).is_ok() {
            self.ledger.pages().has_left = true;
            self.observer.note(Event::Left(self.number));
            if self.plan.speech == Speech::Libprocess {
                // Nobody says there that it is over: it asks.
                let id = self.driver.framework_info().id.clone();
                self.begin_anew(id, context);
            }
        }
    }

    /// Has a second scheduler subscribe in this one's name, once.
    fn double_when_it_is_time(&mut self, now: Duration, context: &mut Context<'_, Self>) {
        if self.plan.doubles_at.is_none_or(|at| at > now) || self.ledger.pages().has_doubled {
            return;
        }
        self.ledger.pages().has_doubled = true;
        self.observer.note(Event::Doubled(self.number));
        let double = Double(SchedulerDriver::new(config(
            &self.plan,
            self.number,
            self.driver.framework_info().id.clone(),
        )));
        let _ = context.spawn("double", double, Placement::Here);
    }

    /// A call is on its way, if so; libprocess has no answers to wait for.
    fn called(&mut self, is_sent: bool) {
        let is_answered = self.plan.speech != Speech::Libprocess;
        self.waiting += usize::from(is_sent && is_answered);
    }

    fn begin_anew(&mut self, id: Option<FrameworkId>, context: &mut Context<'_, Self>) {
        context.after(NEW_LIFE, |framework, context| {
            framework.driver = SchedulerDriver::new(config(&framework.plan, framework.number, id));
            framework.driver.start(context);
        });
    }

    fn revive(&mut self) {
        self.revived = self.observer.now();
        if self.driver.revive(Vec::new()).is_ok() {
            self.is_suppressed = false;
            self.called(true);
            self.observer.note(Event::Revived(self.number));
        }
    }

    /// Asks how tasks are: all that are not over, or whatever the master knows of.
    fn reconcile(&mut self, now: Duration, implicit: bool) {
        self.reconciled = now;
        let tasks = match implicit {
            true => Vec::new(),
            false => {
                let pages = self.ledger.pages();
                let open = pages.tasks.iter().filter(|(_, entry)| !entry.over);
                let asked: Vec<_> = open
                    .map(|(id, entry)| (id.to_proto(), Some(entry.agent.to_proto())))
                    .collect();
                if asked.is_empty() {
                    return;
                }
                asked
            }
        };
        let asked = self.driver.reconcile(tasks).is_ok();
        self.called(asked);
    }

    fn kill_what_is_due(&mut self, now: Duration) {
        let mut due = Vec::new();
        {
            let mut pages = self.ledger.pages();
            for (id, entry) in &mut pages.tasks {
                let plan = &self.plan.jobs[entry.job];
                let wanted = entry.unwanted
                    || plan
                        .killed_after
                        .is_some_and(|after| now >= entry.asked + after);
                let again = entry.killed.is_none_or(|last| now >= last + KILL_AGAIN);
                if wanted && again && !entry.over {
                    entry.killed = Some(now);
                    due.push((id.clone(), entry.agent.clone()));
                }
            }
        }
        for (id, agent) in due {
            let killed = self
                .driver
                .kill(id.to_proto(), Some(agent.to_proto()), None);
            if killed.is_ok() {
                self.called(true);
                self.observer.note(Event::Killed(self.number, id));
            }
        }
    }

    /// Jobs whose task is on an agent that stays away are begun anew elsewhere.
    fn give_up_on_the_absent(&mut self, now: Duration) {
        let mut given_up = Vec::new();
        {
            let pages = &mut *self.ledger.pages();
            for (id, entry) in &mut pages.tasks {
                let is_current = pages.jobs[entry.job] == Job::Asked(id.clone());
                let is_away = entry.state == TaskState::TaskUnreachable && !entry.over;
                if is_current && is_away && now >= entry.asked + PATIENCE {
                    entry.unwanted = true;
                    pages.jobs[entry.job] = Job::Waiting;
                    given_up.push(id.clone());
                }
            }
        }
        for id in given_up {
            self.observer.note(Event::GivenUp(self.number, id));
        }
    }

    fn seen(offer: &Offer) -> OfferSeen {
        let mut resources = Resources::from_proto_lossy(&offer.resources);
        resources.unallocate();
        OfferSeen {
            id: (&offer.id).into(),
            agent: (&offer.agent_id).into(),
            resources,
        }
    }

    /// Launches what fits, and declines the rest.
    fn answer(&mut self, offers: Vec<Offer>, context: &mut Context<'_, Self>) {
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

    fn acknowledge(&mut self, status: &TaskStatus) {
        let is_lost = !self.seams.pass(Seam::Acknowledgement);
        if is_lost || self.driver.acknowledge(status).is_ok() {
            self.called(!is_lost);
            self.observer
                .note(Event::Acknowledged(self.number, Update::of(status)));
        }
    }

    /// The master tells of a task.
    fn hear(&mut self, status: TaskStatus, context: &mut Context<'_, Self>) {
        let update = Update::of(&status);
        self.observer
            .note(Event::Updated(self.number, update.clone()));
        self.learn(&update);
        if update.uuid.is_none() {
            return;
        }
        let diligent = self.observer.mode() != Mode::Working;
        let rng = context.rng();
        if !diligent && rng.random_bool(self.plan.forgets_to_acknowledge) {
            return;
        }
        if !diligent && rng.random_bool(self.plan.acknowledges_late) {
            let pause = Duration::from_millis(rng.random_range(0..5_000));
            context.after(pause, move |framework, _| framework.acknowledge(&status));
        } else {
            self.acknowledge(&status);
        }
    }

    /// Notes what an update means for its job.
    fn learn(&mut self, update: &Update) {
        let pages = &mut *self.ledger.pages();
        let is_current = pages.is_current(&update.task);
        let Some(entry) = pages.tasks.get_mut(&update.task) else {
            return;
        };
        let plan = &self.plan.jobs[entry.job];
        let by_executor = update.source == task_status::Source::Executor;
        let is_done = match update.state {
            TaskState::TaskFinished => true,
            TaskState::TaskFailed => {
                let crashed = update.reason == Some(task_status::Reason::ExecutorTerminated);
                (by_executor && plan.task.end == TaskEnd::Failed)
                    || (crashed && plan.task.end == TaskEnd::Crash)
            }
            TaskState::TaskKilled => by_executor && plan.killed_after.is_some(),
            _ => false,
        };
        entry.state = update.state;
        entry.over = update.state.is_terminal() || update.state == TaskState::TaskUnknown;
        if !entry.over {
            // A task whose job was begun anew has come back.
            entry.unwanted |= !is_current;
        } else if is_current {
            pages.jobs[entry.job] = match is_done || plan.killed_after.is_some() {
                true => Job::Done,
                false => Job::Waiting,
            };
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

impl Actor for Framework {
    const KIND: &'static str = "framework";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
        context.after(GLANCE, Self::glance);
    }
}

impl SchedulerActor for Framework {
    fn driver(&mut self) -> &mut SchedulerDriver {
        &mut self.driver
    }

    fn subscribed(&mut self, id: &FrameworkId, context: &mut Context<'_, Self>) {
        let id = model::FrameworkId::from(id);
        self.ledger.pages().id = Some(id.clone());
        self.observer.note(Event::Subscribed(self.number, id));
        self.held.clear();
        self.waiting = 0;
        self.is_suppressed = false;
        let now = self.observer.now();
        self.reconcile(now, context.rng().random_bool(0.2));
    }

    fn disconnected(&mut self, reason: &str, _: &mut Context<'_, Self>) {
        self.held.clear();
        self.observer
            .note(Event::Disconnected(self.number, reason.to_owned()));
    }

    fn offers(&mut self, mut offers: Vec<Offer>, context: &mut Context<'_, Self>) {
        self.seams.pass(Seam::Offers(&mut offers));
        let mut now = Vec::new();
        for offer in offers {
            self.observer
                .note(Event::Offered(self.number, Self::seen(&offer)));
            let until = match self.observer.mode() {
                Mode::Probing => Some(Duration::MAX),
                _ if self.waiting >= CALLS_MAX => Some(Duration::ZERO),
                Mode::Settling => None,
                Mode::Working => context
                    .rng()
                    .random_bool(self.plan.hoards)
                    .then(|| context.rng().random_range(1_000..8_000))
                    .map(|pause| self.observer.now() + Duration::from_millis(pause)),
            };
            match until {
                Some(until) => drop(self.held.insert((&offer.id).into(), (offer, until))),
                None => now.push(offer),
            }
        }
        self.answer(now, context);
    }

    fn rescinded(&mut self, offer: OfferId, _: &mut Context<'_, Self>) {
        let offer = model::OfferId::from(&offer);
        if !self.seams.pass(Seam::Rescind) {
            return;
        }
        self.held.remove(&offer);
        self.observer.note(Event::Rescinded(self.number, offer));
    }

    fn update(&mut self, status: TaskStatus, context: &mut Context<'_, Self>) {
        let mut updates = vec![status];
        if self.seams.pass(Seam::Updates(&mut updates)) {
            for status in updates {
                self.hear(status, context);
            }
        }
    }

    fn answered(&mut self, _: CallId, status: u16, text: &str, _: &mut Context<'_, Self>) {
        self.waiting = self.waiting.saturating_sub(1);
        if status != 202 {
            let text = format!("{status} {text}");
            self.observer.note(Event::CallRefused(self.number, text));
        }
    }

    fn refused(&mut self, refusal: &Refusal, context: &mut Context<'_, Self>) {
        let reason = refusal.to_string();
        if !refusal.is_removed() {
            // Another scheduler took its place, or its connection was only thought to be
            // there: it comes back.
            self.disconnected(&reason, context);
            let id = self
                .ledger
                .pages()
                .id
                .as_ref()
                .map(model::FrameworkId::to_proto);
            return self.begin_anew(id, context);
        }
        self.observer.note(Event::Refused(self.number, reason));
        self.held.clear();
        {
            // The master has ended the framework, and all its tasks with it.
            let pages = &mut *self.ledger.pages();
            pages.id = None;
            pages.lives += 1;
            for entry in pages.tasks.values_mut() {
                entry.over = true;
            }
            for job in &mut pages.jobs {
                if matches!(job, Job::Asked(_)) {
                    *job = Job::Waiting;
                }
            }
        }
        self.begin_anew(None, context);
    }
}

/// A second scheduler of a framework: takes its place, does nothing, and goes when it is
/// put out.
struct Double(SchedulerDriver);

impl Actor for Double {
    const KIND: &'static str = "double";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.0.start(context);
    }
}

impl SchedulerActor for Double {
    fn driver(&mut self) -> &mut SchedulerDriver {
        &mut self.0
    }

    fn subscribed(&mut self, _: &FrameworkId, _: &mut Context<'_, Self>) {}

    fn disconnected(&mut self, _: &str, context: &mut Context<'_, Self>) {
        context.stop();
    }

    fn offers(&mut self, _: Vec<Offer>, _: &mut Context<'_, Self>) {}

    fn update(&mut self, _: TaskStatus, _: &mut Context<'_, Self>) {}

    fn refused(&mut self, _: &Refusal, context: &mut Context<'_, Self>) {
        context.stop();
    }
}
