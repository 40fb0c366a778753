//! The framework: launches the work on the first offer that is large enough and watches
//! it to its end.

use std::collections::BTreeSet;
use std::time::Duration;

use actors::scheduler_driver::{CallId, Refusal, SchedulerActor, SchedulerConfig, SchedulerDriver};
use messages::v1::{AgentId, FrameworkId, Offer, TaskId, TaskState, TaskStatus};
use model::Resources;
use runtime::{Actor, Context, Declaration};
use tokio::sync::mpsc;

use crate::offer::launch;
use crate::progress::{Progress, describe};
use crate::work::Work;

/// How long a master may take to accept the framework for the first time.
const SUBSCRIPTION_TIME: Duration = Duration::from_secs(30);

/// Something to print, or the end.
#[derive(Debug)]
pub(crate) enum Report {
    /// For stdout.
    Line(String),
    /// For stderr.
    Note(String),
    /// Nothing comes after it.
    Over(Outcome),
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Every task with TASK_FINISHED.
    Finished,
    /// Some task otherwise; why.
    NotFinished(String),
    /// The framework could not do its work; why.
    Failed(String),
    /// It was interrupted.
    Interrupted,
}

/// The framework.
pub(crate) struct Scheduler {
    driver: SchedulerDriver,
    work: Work,
    kill_after: Option<Duration>,
    progress: Progress,
    was_subscribed: bool,
    is_launched: bool,
    has_complained: bool,
    last_failure: Option<String>,
    /// Tasks that will be killed when their time is over.
    doomed: BTreeSet<String>,
    /// How it ends; said when the driver has left.
    outcome: Option<Outcome>,
    reports: mpsc::UnboundedSender<Report>,
}

impl Scheduler {
    /// A framework, and what it reports.
    pub(crate) fn new(
        config: SchedulerConfig,
        work: Work,
        kill_after: Option<Duration>,
    ) -> (Self, mpsc::UnboundedReceiver<Report>) {
        let (reports, receiver) = mpsc::unbounded_channel();
        let scheduler = Self {
            driver: SchedulerDriver::new(config),
            progress: Progress::new(&work.tasks),
            work,
            kill_after,
            was_subscribed: false,
            is_launched: false,
            has_complained: false,
            last_failure: None,
            doomed: BTreeSet::new(),
            outcome: None,
            reports,
        };
        (scheduler, receiver)
    }

    /// Ends the framework and its tasks. Asked a second time, it does not wait.
    pub(crate) fn interrupt(&mut self, context: &mut Context<'_, Self>) {
        let is_first = self.outcome.replace(Outcome::Interrupted).is_none();
        if is_first && self.driver.teardown().is_ok() {
            self.note("Interrupted: tearing the framework down");
            self.driver.leave(context);
        } else {
            self.driver.stop();
            self.left(context);
        }
    }

    fn line(&self, text: impl Into<String>) {
        let _ = self.reports.send(Report::Line(text.into()));
    }

    fn note(&self, text: impl Into<String>) {
        let _ = self.reports.send(Report::Note(text.into()));
    }

    fn leave(&mut self, outcome: Outcome, context: &mut Context<'_, Self>) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            self.driver.leave(context);
        }
    }

    fn try_launch(&mut self, offer: &Offer) -> bool {
        let framework_id = self.driver.framework_info().id.clone();
        let Some(operation) = launch(&self.work, offer, framework_id.as_ref()) else {
            return false;
        };
        let accepted = self
            .driver
            .accept(vec![offer.id.clone()], vec![operation], None);
        if let Err(error) = accepted {
            self.note(format!("Failed to launch: {error}"));
            return false;
        }
        self.is_launched = true;
        let agent = &offer.agent_id.value;
        let tasks = &self.work.tasks;
        match tasks.first() {
            Some(task) if !self.work.is_group => {
                self.line(format!("Submitted task '{}' to agent '{agent}'", task.name));
            }
            _ => {
                let ids: Vec<_> = tasks
                    .iter()
                    .map(|task| task.task_id.value.as_str())
                    .collect();
                self.line(format!(
                    "Submitted task group with tasks [ {} ] to agent '{agent}'",
                    ids.join(", ")
                ));
            }
        }
        true
    }

    fn decline(&mut self, offers: Vec<Offer>) {
        if offers.is_empty() {
            return;
        }
        if !self.is_launched
            && !self.has_complained
            && let Some(offer) = offers.first()
        {
            self.has_complained = true;
            let offered = Resources::from_proto_lossy(&offer.resources).unallocated();
            self.note(format!(
                "Declined an offer of {offered}: {} is needed. Waiting for a larger one",
                self.work.total()
            ));
        }
        let ids = offers.into_iter().map(|offer| offer.id).collect();
        if let Err(error) = self.driver.decline(ids, None) {
            self.note(format!("Failed to decline: {error}"));
        }
    }

    fn kill(&mut self, task: TaskId, agent: Option<AgentId>) {
        self.line(format!(
            "Asked to kill task '{}' on agent '{}'",
            task.value,
            agent
                .as_ref()
                .map(|agent| agent.value.as_str())
                .unwrap_or_default()
        ));
        if let Err(error) = self.driver.kill(task, agent, None) {
            self.note(format!("Failed to kill: {error}"));
        }
    }
}

impl Actor for Scheduler {
    const KIND: &'static str = "mesos-execute";

    fn declare(_declaration: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
        context.after(SUBSCRIPTION_TIME, |scheduler, context| {
            if !scheduler.was_subscribed {
                let why = scheduler
                    .last_failure
                    .take()
                    .unwrap_or_else(|| "no answer".to_owned());
                let text = format!(
                    "No master accepted the framework within {} seconds: {why}",
                    SUBSCRIPTION_TIME.as_secs()
                );
                scheduler.leave(Outcome::Failed(text), context);
            }
        });
    }
}

impl SchedulerActor for Scheduler {
    fn driver(&mut self) -> &mut SchedulerDriver {
        &mut self.driver
    }

    fn subscribed(&mut self, framework_id: &FrameworkId, _context: &mut Context<'_, Self>) {
        self.was_subscribed = true;
        self.last_failure = None;
        self.line(format!("Subscribed with ID {}", framework_id.value));
    }

    fn disconnected(&mut self, reason: &str, _context: &mut Context<'_, Self>) {
        // Said once, not at every attempt.
        if self.last_failure.is_none() {
            self.note(format!(
                "Not connected with a master: {reason}; trying again"
            ));
        }
        self.last_failure = Some(reason.to_owned());
    }

    fn offers(&mut self, offers: Vec<Offer>, _context: &mut Context<'_, Self>) {
        let was_launched = self.is_launched;
        let mut unused = Vec::new();
        for offer in offers {
            if self.is_launched || !self.try_launch(&offer) {
                unused.push(offer);
            }
        }
        self.decline(unused);
        // Only now is there no use for further offers: to suppress them after an offer
        // that was too small would be to wait for ever.
        if self.is_launched
            && !was_launched
            && let Err(error) = self.driver.suppress(Vec::new())
        {
            self.note(format!("Failed to suppress offers: {error}"));
        }
    }

    fn update(&mut self, status: TaskStatus, context: &mut Context<'_, Self>) {
        self.line(describe(&status));
        self.progress.take(&status);
        if let Some(kill_after) = self.kill_after
            && status.state() == TaskState::TaskRunning
            && self.doomed.insert(status.task_id.value.clone())
        {
            context.after(kill_after, move |scheduler: &mut Self, _| {
                scheduler.kill(status.task_id, status.agent_id);
            });
        }
        if self.progress.is_over() {
            let outcome = self
                .progress
                .failure()
                .map_or(Outcome::Finished, Outcome::NotFinished);
            self.leave(outcome, context);
        }
    }

    fn answered(&mut self, _: CallId, status: u16, text: &str, _: &mut Context<'_, Self>) {
        if status != 202 {
            self.note(format!(
                "The master refused a call with status {status}: {text}"
            ));
        }
    }

    fn refused(&mut self, refusal: &Refusal, context: &mut Context<'_, Self>) {
        let failed = Outcome::Failed(format!("Received an ERROR event: {refusal}"));
        self.leave(failed, context);
    }

    fn left(&mut self, context: &mut Context<'_, Self>) {
        if let Some(outcome) = self.outcome.take() {
            let _ = self.reports.send(Report::Over(outcome));
        }
        context.stop();
    }
}
