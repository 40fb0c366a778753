//! The framework itself: launches what its plan wants on what is offered, and keeps the
//! plan informed. This is what a framework on the kit looks like.

use std::collections::BTreeMap;
use std::time::Duration;

use actors::scheduler_driver::{Refusal, Room, SchedulerActor, SchedulerConfig, SchedulerDriver};
use actors::store::{Kept, Store, StoreError};
use messages::v1::{
    AgentId, CommandInfo, Filters, FrameworkId, Offer, OfferId, TaskId, TaskInfo, TaskState,
    TaskStatus,
};
use model::Role;
use model::task_state::TaskStateExt as _;
use runtime::http::{Help, Request, Responder, Response};
use runtime::{Actor, Context, Declaration, Timer};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use crate::plan::{Ended, Plan, Run};
use crate::tasks::Tasks;

/// How often a task that should not run is killed again if it does not end: a kill may get
/// lost with a master.
const KILL_AGAIN: Duration = Duration::from_secs(10);

/// How long an agent is not offered again whose offer had no room.
const REFUSE: Duration = Duration::from_secs(5);

/// How the framework goes about it.
#[derive(Debug)]
pub struct Settings {
    /// The framework, its master and how they talk. The id is filled in from the state.
    pub scheduler: SchedulerConfig,
    /// The role that resources are taken for.
    pub role: Role,
    /// How long a task may be on an agent that is not reachable; then its work is given to
    /// another task. Should it come back after all, it is killed.
    pub patience: Duration,
    /// Whether to end the framework for good, and all its tasks, instead of running it.
    pub teardown: bool,
}

/// What the framework knows, and writes down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State<P> {
    /// The framework's id, once it has one.
    id: Option<String>,
    /// What it has launched.
    pub tasks: Tasks,
    /// What it wants.
    pub plan: P,
}

/// The actor.
pub struct Framework<P: Plan> {
    driver: SchedulerDriver,
    role: Role,
    patience: Duration,
    teardown: bool,
    state: Kept<State<P>>,
    /// When each unwanted task was last killed.
    killed: BTreeMap<String, Duration>,
    is_suppressed: bool,
    alarm: Option<Timer>,
    outcome: Result<(), String>,
    over: Option<oneshot::Sender<Outcome<P>>>,
}

/// What is left of a plan that is over, or why the framework could not go on.
pub(crate) type Outcome<P> = Result<State<P>, String>;

impl<P: Plan> Framework<P> {
    /// The framework that `store` remembers, or a new one. `input` brings its plan up to
    /// date with what the user wants. What comes back is told the state when the plan is
    /// over, or why the framework could not go on.
    ///
    /// # Errors
    ///
    /// When the state cannot be read or written, or does not go with the input.
    pub fn new<E: From<StoreError>>(
        settings: Settings,
        store: impl Store + 'static,
        input: impl FnOnce(&mut P) -> Result<(), E>,
    ) -> Result<(Self, oneshot::Receiver<Outcome<P>>), E> {
        let mut state = Kept::<State<P>>::load(store)?;
        state.change(|state| input(&mut state.plan))??;
        let Settings {
            mut scheduler,
            role,
            patience,
            teardown,
        } = settings;
        scheduler.framework_info.id = state.id.clone().map(|value| FrameworkId { value });
        let (over, told) = oneshot::channel();
        let framework = Self {
            driver: SchedulerDriver::new(scheduler),
            role,
            patience,
            teardown,
            state,
            killed: BTreeMap::new(),
            is_suppressed: false,
            alarm: None,
            outcome: Ok(()),
            over: Some(over),
        };
        Ok((framework, told))
    }

    /// Leaves the cluster, with the tasks still running for the next life.
    pub fn leave(&mut self, context: &mut Context<'_, Self>) {
        self.driver.leave(context);
    }

    fn tear_down(&mut self, context: &mut Context<'_, Self>) {
        match self.driver.teardown() {
            Ok(_) => {
                self.forget(context);
                self.driver.leave(context);
            }
            Err(error) => self.fail(format!("cannot tear the framework down: {error}"), context),
        }
    }

    /// Changes the state and stores it. A framework that cannot write down what it does
    /// must not do it: it ends, and its next life finds out how things are.
    fn change<R>(
        &mut self,
        context: &mut Context<'_, Self>,
        change: impl FnOnce(&mut State<P>, Duration) -> R,
    ) -> Option<R> {
        let now = context.wall_time();
        match self.state.change(|state| change(state, now)) {
            Ok(result) => Some(result),
            Err(error) => {
                self.fail(error.to_string(), context);
                None
            }
        }
    }

    /// The framework's id is used up, and its tasks are over.
    fn forget(&mut self, context: &mut Context<'_, Self>) {
        self.change(context, |state, now| {
            state.id = None;
            for task in state.tasks.clear() {
                let lost = Ended::Lost {
                    state: TaskState::TaskGone,
                    message: "the framework was removed".to_owned(),
                };
                state.plan.ended(&task, &lost, now);
            }
        });
    }

    fn fail(&mut self, reason: String, context: &mut Context<'_, Self>) {
        error!(reason, "the framework cannot go on");
        self.outcome = Err(reason);
        // At once: an update that was not stored must not be acknowledged.
        self.driver.stop();
        self.left(context);
    }

    /// Looks at how things are: something has changed, or time has passed.
    fn look(&mut self, context: &mut Context<'_, Self>) {
        let now = context.wall_time();
        let mut next = self.state.clone();
        for task in next.tasks.give_up(self.patience, now) {
            warn!(
                task.name,
                task.host, "gives a task up: its agent stays away"
            );
            let state = TaskState::TaskUnreachable;
            let message = format!("the agent on {} stays away", task.host);
            next.plan.ended(&task, &Ended::Lost { state, message }, now);
        }
        next.plan.tick(&next.tasks, now);
        if next != *self.state && self.change(context, |state, _| *state = next).is_none() {
            return;
        }
        if self.state.plan.is_over(&self.state.tasks) {
            self.driver.leave(context);
            return;
        }
        self.kill_unwanted(now);
        let is_sated = self.state.plan.wanted(&self.state.tasks, now).is_empty();
        self.ask_for_offers(!is_sated);
        self.set_alarm(now, context);
    }

    fn set_alarm(&mut self, now: Duration, context: &mut Context<'_, Self>) {
        if let Some(alarm) = self.alarm.take() {
            context.cancel(alarm);
        }
        let tasks = &self.state.tasks;
        let kill = self.killed.values().min().map(|last| *last + KILL_AGAIN);
        let times = [
            self.state.plan.next(tasks, now),
            tasks.next_loss(self.patience),
            kill,
        ];
        if let Some(next) = times.into_iter().flatten().min() {
            self.alarm = Some(
                context.after(next.saturating_sub(now), |framework, context| {
                    framework.alarm = None;
                    framework.look(context);
                }),
            );
        }
    }

    /// Offers that nobody wants cost the cluster: others could have them.
    fn ask_for_offers(&mut self, wanted: bool) {
        if wanted != self.is_suppressed || !self.driver.is_subscribed() {
            return;
        }
        let asked = match wanted {
            true => self.driver.revive(Vec::new()),
            false => self.driver.suppress(Vec::new()),
        };
        match asked {
            Ok(_) => self.is_suppressed = !wanted,
            Err(error) => warn!(%error, "cannot say whether offers are wanted"),
        }
    }

    fn kill_unwanted(&mut self, now: Duration) {
        let unwanted = self.state.plan.unwanted(&self.state.tasks);
        self.killed.retain(|id, _| unwanted.contains(id));
        for id in unwanted {
            let last = self.killed.get(&id);
            if last.is_some_and(|last| now < *last + KILL_AGAIN) {
                continue;
            }
            let agent = self.state.tasks.get(&id).map(|task| task.agent.clone());
            self.killed.insert(id.clone(), now);
            self.kill(id, agent);
        }
    }

    fn kill(&mut self, task: String, agent: Option<String>) {
        info!(task, "kills a task");
        let agent = agent.map(|value| AgentId { value });
        if let Err(error) = self.driver.kill(TaskId { value: task }, agent, None) {
            warn!(%error, "cannot kill a task now");
        }
    }

    /// Launches tasks that have been written down; strikes them out if they cannot have
    /// reached the master.
    fn launch(&mut self, offer: OfferId, tasks: Vec<TaskInfo>, context: &mut Context<'_, Self>) {
        let ids: Vec<_> = tasks
            .iter()
            .map(|task| task.task_id.value.clone())
            .collect();
        info!(?ids, "launches");
        let launched = self.driver.launch(vec![offer], tasks, filters());
        if let Err(error) = launched {
            warn!(%error, "cannot launch");
            self.change(context, |state, _| {
                for id in &ids {
                    state.tasks.remove(id);
                }
            });
        }
    }

    fn status(&mut self, _: Request, responder: Responder, _: &mut Context<'_, Self>) {
        responder.answer(Response::json(&*self.state));
    }
}

fn filters() -> Option<Filters> {
    Some(Filters {
        refuse_seconds: Some(REFUSE.as_secs_f64()),
    })
}

/// The offer that a run goes to: one with room for it, on the agent that has the fewest
/// tasks of its name.
fn choose<'a>(
    run: &Run,
    offers: &'a mut [(Offer, Room, Vec<TaskInfo>)],
    tasks: &Tasks,
) -> Option<(
    &'a Offer,
    &'a mut Vec<TaskInfo>,
    Vec<messages::v1::Resource>,
)> {
    let load = |offer: &Offer| {
        let same = tasks.of(&run.name);
        same.filter(|(_, task)| task.agent == offer.agent_id.value)
            .count()
    };
    offers.sort_by_key(|(offer, ..)| load(offer));
    offers.iter_mut().find_map(|(offer, room, launches)| {
        let resources = room.take(run.needs.resources())?;
        Some((&*offer, launches, resources))
    })
}

impl<P: Plan> Actor for Framework<P> {
    const KIND: &'static str = "framework";

    fn declare(declaration: &mut Declaration<Self>) {
        let help = Help::new("What it wants and what it runs.", "The state, as JSON.");
        declaration.endpoint("state", help, Self::status);
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        if self.teardown && self.state.id.is_none() {
            self.fail("the state knows of no framework to end".to_owned(), context);
            return;
        }
        self.driver.start(context);
        if !self.teardown {
            self.look(context);
        }
    }
}

impl<P: Plan> SchedulerActor for Framework<P> {
    fn driver(&mut self) -> &mut SchedulerDriver {
        &mut self.driver
    }

    fn subscribed(&mut self, id: &FrameworkId, context: &mut Context<'_, Self>) {
        if self.teardown {
            self.tear_down(context);
            return;
        }
        // A new subscription gets offers, whatever the former one asked for.
        self.is_suppressed = false;
        self.killed.clear();
        if self.state.id.as_ref() != Some(&id.value) {
            self.change(context, |state, _| state.id = Some(id.value.clone()));
        }
        self.look(context);
    }

    fn tasks(&self) -> Vec<(TaskId, Option<AgentId>)> {
        self.state.tasks.questions()
    }

    fn disconnected(&mut self, reason: &str, _: &mut Context<'_, Self>) {
        warn!(reason, "not connected with a master; trying again");
    }

    fn offers(&mut self, offers: Vec<Offer>, context: &mut Context<'_, Self>) {
        if self.teardown {
            return;
        }
        let wanted = self
            .state
            .plan
            .wanted(&self.state.tasks, context.wall_time());
        let role = self.role.clone();
        let mut offers: Vec<_> = offers
            .into_iter()
            .map(|offer| {
                let room = Room::of(&offer, &role);
                (offer, room, Vec::new())
            })
            .collect();
        // Written down before it is launched: a crash in between costs a question to the
        // master, not a second copy of the task.
        let written = self.change(context, |state, now| {
            for run in wanted {
                let Some((offer, launches, resources)) = choose(&run, &mut offers, &state.tasks)
                else {
                    continue;
                };
                let id = state.tasks.add(&run.name, offer, now);
                launches.push(TaskInfo {
                    name: run.name,
                    task_id: TaskId { value: id },
                    agent_id: offer.agent_id.clone(),
                    resources,
                    command: Some(CommandInfo {
                        value: Some(run.command),
                        ..CommandInfo::default()
                    }),
                    ..TaskInfo::default()
                });
            }
        });
        if written.is_none() {
            return;
        }
        for (offer, _, launches) in offers {
            if !launches.is_empty() {
                self.launch(offer.id, launches, context);
            }
        }
        if let Err(error) = self.driver.decline_held(filters()) {
            warn!(%error, "cannot decline offers");
        }
        self.look(context);
    }

    fn update(&mut self, status: TaskStatus, context: &mut Context<'_, Self>) {
        if self.teardown {
            return;
        }
        let id = &status.task_id.value;
        let state = status.state();
        let why = status.message();
        info!(task = id, state = state.name(), why, "update");
        if self.state.tasks.get(id).is_none() {
            // Given up, or of a state that was lost: nobody waits for it.
            let is_alive = !state.is_terminal() && state != TaskState::TaskUnknown;
            if is_alive && state != TaskState::TaskKilling {
                self.kill(id.clone(), status.agent_id.map(|agent| agent.value));
            }
            return;
        }
        self.change(context, |state, now| {
            if let Some((task, end)) = state.tasks.take(&status, now) {
                state.plan.ended(&task, &end, now);
            }
        });
        self.look(context);
    }

    fn refused(&mut self, refusal: &Refusal, context: &mut Context<'_, Self>) {
        if !refusal.is_removed() {
            self.fail(refusal.to_string(), context);
            return;
        }
        self.forget(context);
        if self.teardown {
            self.driver.leave(context);
        } else {
            warn!("the framework was away for too long: begins anew");
            self.driver.start_anew(context);
        }
    }

    fn left(&mut self, context: &mut Context<'_, Self>) {
        if let Some(over) = self.over.take() {
            let outcome = std::mem::replace(&mut self.outcome, Ok(()));
            let _ = over.send(outcome.map(|()| self.state.clone()));
        }
        context.stop();
    }
}
