//! A framework: gets its jobs done through the v1 scheduler API, each by one task or more.

mod affairs;
mod double;
mod launching;
mod updates;

use std::collections::BTreeMap;
use std::time::Duration;

use actors::detector::FixedDetector;
use actors::http_client::ContentType;
use actors::scheduler_driver::{
    Acknowledgements, CallId, Refusal, SchedulerActor, SchedulerConfig, SchedulerDriver, Transport,
};
use messages::v1::{FrameworkId, FrameworkInfo, Offer, OfferId, TaskStatus, framework_info};
use rand::RngExt as _;
use runtime::{Actor, Context, Declaration};

pub use self::launching::{EXECUTOR_RESOURCES, parse};
use crate::events::Event;
use crate::ledger::{Job, Ledger};
use crate::observer::{Mode, Observer};
use crate::plan::{FrameworkPlan, Speech};
use crate::seams::{Seam, Seams};

/// How often a framework looks at its own affairs.
const GLANCE: Duration = Duration::from_millis(500);
/// Calls are answered one after the other: with more than this many on their way, offers
/// are left for later.
const CALLS_MAX: usize = 5;
/// How long a framework waits before it begins anew.
const NEW_LIFE: Duration = Duration::from_secs(1);

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
