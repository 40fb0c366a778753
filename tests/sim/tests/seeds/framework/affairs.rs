//! What a framework does of its own accord, again and again.

use std::time::Duration;

use actors::scheduler_driver::SchedulerDriver;
use messages::v1::TaskState;
use messages::v1::scheduler::{Call, call};
use rand::RngExt as _;
use runtime::{Context, Placement};

use super::double::Double;
use super::{CALLS_MAX, Framework, GLANCE, config};
use crate::events::Event;
use crate::ledger::Job;
use crate::observer::Mode;
use crate::plan::Speech;

/// How long a task may be on an agent that is away before its job is begun anew.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a task is killed that does not end.
const KILL_AGAIN: Duration = Duration::from_secs(10);
/// How often a framework asks how its tasks are.
const RECONCILE_EVERY: Duration = Duration::from_secs(15);
/// How often a diligent framework lifts its filters while there is work to be done.
const REVIVE_EVERY: Duration = Duration::from_secs(20);

impl Framework {
    /// Looks at its own affairs, and will again.
    pub(super) fn glance(&mut self, context: &mut Context<'_, Self>) {
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

    pub(super) fn revive(&mut self) {
        self.revived = self.observer.now();
        if self.driver.revive(Vec::new()).is_ok() {
            self.is_suppressed = false;
            self.called(true);
            self.observer.note(Event::Revived(self.number));
        }
    }

    /// Asks how tasks are: all that are not over, or whatever the master knows of.
    pub(super) fn reconcile(&mut self, now: Duration, implicit: bool) {
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
}
