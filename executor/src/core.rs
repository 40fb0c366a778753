//! What the command executor decides, without a process, a socket or a clock.

use std::time::Duration;

use messages::v1::{
    CheckInfo, CheckStatusInfo, DurationInfo, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus,
    check_status_info, task_status::Reason,
};
use model::task_state::TaskStateExt;
use tracing::{error, info, warn};

use crate::command::{Command, Setting};
use crate::exit::Exit;
use crate::machine::Blow;

/// How long a task has between SIGTERM and SIGKILL, unless its kill policy says else.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// What is kept of the agent's grace period to tell it how the task ended: after that
/// period it destroys the container.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(2);

/// How long a connected agent has to acknowledge the last update.
const ACKNOWLEDGEMENT_TIME: Duration = Duration::from_secs(60);

/// How long it is waited for an acknowledgement when the executor is shut down: an agent
/// that ends the whole framework takes no more updates, and gives none.
const LAST_WORDS_TIME: Duration = Duration::from_secs(1);

/// Something to decide about.
#[derive(Debug)]
pub enum Input {
    /// The agent has accepted the executor.
    Subscribed {
        /// Whether the framework knows TASK_KILLING.
        knows_killing: bool,
    },
    /// The agent is not reachable.
    Disconnected,
    /// A task is to be run.
    Launch(Box<TaskInfo>),
    /// A group is to be run, which is for other executors.
    LaunchGroup,
    /// A task is to be killed.
    Kill(TaskId, Option<KillPolicy>),
    /// The executor is to end.
    Shutdown {
        /// Whether there still is an agent that takes updates.
        is_agent_there: bool,
    },
    /// The agent has stored the update of this state.
    Acknowledged(TaskId, TaskState),
    /// The command has been started, as this process.
    Started(u32),
    /// The command cannot be started.
    NotStarted(String),
    /// The command has ended, or it cannot be known how.
    Exited(Result<Exit, String>),
    /// An alarm that was set.
    Rang(Alarm),
}

/// Alarms, at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The grace period of a kill is over.
    Grace,
    /// The task's `max_completion_time` is over.
    CompletionTime,
    /// The agent ought to have acknowledged the last update.
    Acknowledgement,
    /// The agent is about to destroy the container.
    Shutdown,
}

/// Something to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Send an update.
    Update(Box<TaskStatus>),
    /// Start the command; the answer is [`Input::Started`] or [`Input::NotStarted`].
    Start(Box<Command>),
    /// Signal all processes of the task.
    Strike(Blow),
    /// Set an alarm, in place of one set before.
    Set(Alarm, Duration),
    /// Cancel an alarm.
    Cancel(Alarm),
    /// End the executor, and what is left of the task, with this status.
    Exit(u8),
}

const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is no task.
    Idle,
    /// The command is being started.
    Starting,
    /// The command runs.
    Running,
    /// The command has got its SIGTERM at `since` and gets its SIGKILL at `until`.
    Killing {
        since: Duration,
        until: Duration,
        out_of_time: bool,
    },
    /// The command has ended; the last update waits for its acknowledgement.
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// For an agent that acknowledges updates.
    Serving,
    /// On its way out, asked to by the agent.
    ShuttingDown,
    /// On its way out, without an agent that could take updates.
    Alone,
}

/// The executor's state.
#[derive(Debug)]
pub struct Core {
    setting: Setting,
    shutdown_grace: Duration,
    stage: Stage,
    task: Option<Box<TaskInfo>>,
    knows_killing: bool,
    mode: Mode,
}

impl Core {
    /// An executor that has `shutdown_grace` to end when the agent asks it to.
    pub fn new(setting: Setting, shutdown_grace: Duration) -> Self {
        Self {
            setting,
            shutdown_grace,
            stage: Stage::Idle,
            task: None,
            knows_killing: false,
            mode: Mode::Serving,
        }
    }

    /// Decides. `now` is any clock that does not go back.
    pub fn handle(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        match input {
            Input::Subscribed { knows_killing } => self.subscribed(knows_killing),
            Input::Disconnected => vec![Effect::Cancel(Alarm::Acknowledgement)],
            Input::Launch(task) => self.launch(task),
            Input::LaunchGroup => {
                error!("this executor runs single tasks, no groups");
                self.shutdown(true, now)
            }
            Input::Kill(id, policy) => self.kill(&id, policy, now),
            Input::Shutdown { is_agent_there } => self.shutdown(is_agent_there, now),
            Input::Acknowledged(id, state) => self.acknowledged(&id, state),
            Input::Started(pid) => self.started(pid),
            Input::NotStarted(reason) => self.end(TaskState::TaskFailed, None, reason),
            Input::Exited(exit) => self.exited(exit),
            Input::Rang(alarm) => self.rang(alarm, now),
        }
    }

    fn subscribed(&mut self, knows_killing: bool) -> Vec<Effect> {
        self.knows_killing = knows_killing;
        if self.stage == Stage::Ended {
            vec![self.await_acknowledgement()]
        } else {
            Vec::new()
        }
    }

    fn launch(&mut self, task: Box<TaskInfo>) -> Vec<Effect> {
        if self.task.is_some() {
            let text = "Attempted to run multiple tasks using a \"command\" executor";
            let status = status(&task, TaskState::TaskFailed, None, Some(text.to_owned()));
            return vec![Effect::Update(Box::new(status))];
        }
        if task.check.is_some() || task.health_check.is_some() {
            warn!("checks and health checks of tasks are not supported yet: none is run");
        }
        info!(task = task.task_id.value, "starting the task");
        let mut effects = vec![update(&task, TaskState::TaskStarting, None, None)];
        let command = self.setting.command_of(&task);
        let time = duration(task.max_completion_time.as_ref()).filter(|time| !time.is_zero());
        self.task = Some(task);
        self.stage = Stage::Starting;
        match command {
            Ok(command) => {
                effects.extend(time.map(|time| Effect::Set(Alarm::CompletionTime, time)));
                effects.push(Effect::Start(Box::new(command)));
            }
            Err(error) => {
                effects.extend(self.end(TaskState::TaskFailed, None, error.to_string()));
            }
        }
        effects
    }

    fn started(&mut self, pid: u32) -> Vec<Effect> {
        info!(pid, "started the command");
        self.stage = Stage::Running;
        self.update(TaskState::TaskRunning)
    }

    fn update(&self, state: TaskState) -> Vec<Effect> {
        self.task
            .iter()
            .map(|task| update(task, state, None, None))
            .collect()
    }

    fn kill(&mut self, id: &TaskId, policy: Option<KillPolicy>, now: Duration) -> Vec<Effect> {
        let Some(task) = &self.task else {
            // What was launched got lost on the way: only the agent can tell its end.
            error!(
                task = id.value,
                "asked to kill a task before one was launched"
            );
            return vec![Effect::Exit(FAILURE)];
        };
        if task.task_id != *id {
            warn!(task = id.value, "asked to kill a task that is not here");
            return Vec::new();
        }
        let grace = [policy.as_ref(), task.kill_policy.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|policy| duration(policy.grace_period.as_ref()))
            .unwrap_or(KILL_GRACE);
        info!(task = id.value, ?grace, "asked to kill the task");
        self.bring_down(grace, false, now)
    }

    fn bring_down(&mut self, grace: Duration, out_of_time: bool, now: Duration) -> Vec<Effect> {
        match self.stage {
            Stage::Running => {
                self.stage = Stage::Killing {
                    since: now,
                    until: now + grace,
                    out_of_time,
                };
                let mut effects = vec![Effect::Cancel(Alarm::CompletionTime)];
                if self.knows_killing && !out_of_time {
                    effects.extend(self.update(TaskState::TaskKilling));
                }
                effects.push(Effect::Strike(Blow::Terminate));
                effects.push(Effect::Set(Alarm::Grace, grace));
                effects
            }
            // A second request can only shorten the time: schedulers repeat themselves.
            Stage::Killing {
                since,
                until,
                out_of_time,
            } if since + grace < until => {
                let until = since + grace;
                self.stage = Stage::Killing {
                    since,
                    until,
                    out_of_time,
                };
                vec![Effect::Set(Alarm::Grace, until.saturating_sub(now))]
            }
            Stage::Idle | Stage::Starting | Stage::Killing { .. } | Stage::Ended => Vec::new(),
        }
    }

    fn shutdown(&mut self, is_agent_there: bool, now: Duration) -> Vec<Effect> {
        info!("shutting down");
        self.mode = if is_agent_there {
            Mode::ShuttingDown
        } else {
            Mode::Alone
        };
        match self.stage {
            Stage::Idle => vec![Effect::Exit(SUCCESS)],
            Stage::Ended if is_agent_there => vec![self.await_acknowledgement()],
            Stage::Ended => vec![Effect::Exit(FAILURE)],
            Stage::Starting | Stage::Running | Stage::Killing { .. } => {
                let grace = self.shutdown_grace.saturating_sub(SHUTDOWN_MARGIN);
                let mut effects = self.bring_down(grace, false, now);
                effects.push(Effect::Set(Alarm::Shutdown, self.shutdown_grace));
                effects
            }
        }
    }

    /// What to do once the last update is sent.
    fn await_acknowledgement(&self) -> Effect {
        match self.mode {
            Mode::Serving => Effect::Set(Alarm::Acknowledgement, ACKNOWLEDGEMENT_TIME),
            Mode::ShuttingDown => Effect::Set(Alarm::Acknowledgement, LAST_WORDS_TIME),
            Mode::Alone => Effect::Exit(SUCCESS),
        }
    }

    fn exited(&mut self, exit: Result<Exit, String>) -> Vec<Effect> {
        let exit = match exit {
            Ok(exit) => exit,
            Err(error) => {
                let message = format!("Failed to get exit status for Command: {error}");
                return self.end(TaskState::TaskFailed, None, message);
            }
        };
        let (state, reason) = match self.stage {
            Stage::Killing {
                out_of_time: true, ..
            } => (
                TaskState::TaskFailed,
                Some(Reason::MaxCompletionTimeReached),
            ),
            Stage::Killing { .. } => (TaskState::TaskKilled, None),
            _ if exit.is_success() => (TaskState::TaskFinished, None),
            _ => (TaskState::TaskFailed, None),
        };
        self.end(state, reason, format!("Command {exit}"))
    }

    fn end(&mut self, state: TaskState, reason: Option<Reason>, message: String) -> Vec<Effect> {
        info!("{message}");
        self.stage = Stage::Ended;
        let mut effects = vec![
            Effect::Cancel(Alarm::CompletionTime),
            Effect::Cancel(Alarm::Grace),
        ];
        if let Some(task) = &self.task {
            effects.push(update(task, state, reason, Some(message)));
        }
        effects.push(self.await_acknowledgement());
        effects
    }

    fn acknowledged(&self, id: &TaskId, state: TaskState) -> Vec<Effect> {
        let is_ours = self.task.as_ref().is_some_and(|task| task.task_id == *id);
        if self.stage == Stage::Ended && is_ours && state.is_terminal() {
            vec![Effect::Exit(SUCCESS)]
        } else {
            Vec::new()
        }
    }

    fn rang(&mut self, alarm: Alarm, now: Duration) -> Vec<Effect> {
        match alarm {
            Alarm::Grace if matches!(self.stage, Stage::Killing { .. }) => {
                info!("the task did not end in time, killing its processes");
                vec![Effect::Strike(Blow::Kill)]
            }
            Alarm::CompletionTime if self.stage == Stage::Running => {
                info!("the task has reached its maximum completion time");
                self.bring_down(Duration::ZERO, true, now)
            }
            Alarm::Grace | Alarm::CompletionTime => Vec::new(),
            Alarm::Acknowledgement if self.mode == Mode::ShuttingDown => {
                vec![Effect::Exit(SUCCESS)]
            }
            Alarm::Acknowledgement => {
                error!("Did not receive ACK for the terminal status update from the agent");
                vec![Effect::Exit(FAILURE)]
            }
            Alarm::Shutdown => vec![Effect::Strike(Blow::Kill), Effect::Exit(FAILURE)],
        }
    }
}

fn update(
    task: &TaskInfo,
    state: TaskState,
    reason: Option<Reason>,
    message: Option<String>,
) -> Effect {
    Effect::Update(Box::new(status(task, state, reason, message)))
}

fn status(
    task: &TaskInfo,
    state: TaskState,
    reason: Option<Reason>,
    message: Option<String>,
) -> TaskStatus {
    TaskStatus {
        task_id: task.task_id.clone(),
        state: state.into(),
        reason: reason.map(Into::into),
        message,
        check_status: task.check.as_ref().map(unchecked),
        ..TaskStatus::default()
    }
}

/// What a status says of a check of which there is no result: frameworks rely on the
/// part that belongs to the check's type being there.
fn unchecked(check: &CheckInfo) -> CheckStatusInfo {
    use messages::v1::check_info::Type;

    let mut info = CheckStatusInfo {
        r#type: check.r#type,
        ..CheckStatusInfo::default()
    };
    match check.r#type() {
        Type::Command => info.command = Some(check_status_info::Command::default()),
        Type::Http => info.http = Some(check_status_info::Http::default()),
        Type::Tcp => info.tcp = Some(check_status_info::Tcp::default()),
        Type::Unknown => {}
    }
    info
}

/// A duration of the wire; a negative one is none at all.
fn duration(info: Option<&DurationInfo>) -> Option<Duration> {
    info.map(|info| Duration::from_nanos(u64::try_from(info.nanoseconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
