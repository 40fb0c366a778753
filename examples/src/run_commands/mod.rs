//! Runs commands, each to its end, as many at once as there is room for, and reports.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use model::task_state::TaskStateExt as _;
use runtime::flags::{Flag, Flags, Program};
use runtime::logging;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::flags::COMMON;
use crate::plan::{Ended, Needs, Plan, Run};
use crate::program::{Input, program};
use crate::tasks::{Task, Tasks};

/// The commands and what became of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Commands {
    needs: Needs,
    /// How often a command may fail.
    attempts: u32,
    jobs: Vec<Job>,
    /// Those that are to be launched, by their places in `jobs`.
    waiting: VecDeque<usize>,
    /// How many have come to their end.
    done: usize,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Job {
    command: String,
    failures: u32,
    /// Where it ran last.
    host: Option<String>,
    result: Option<JobResult>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct JobResult {
    finished: bool,
    message: String,
}

/// The commands are not those that the state is of.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the state is of {stored} other commands: give these {given} a --state of their own")]
pub struct OtherCommands {
    stored: usize,
    given: usize,
}

impl Commands {
    /// Takes the commands on, unless it has them already.
    ///
    /// # Errors
    ///
    /// When it has others.
    pub fn set(
        &mut self,
        commands: Vec<String>,
        needs: Needs,
        attempts: u32,
    ) -> Result<(), OtherCommands> {
        self.needs = needs;
        self.attempts = attempts;
        if self.jobs.is_empty() {
            self.waiting = (0..commands.len()).collect();
            let job = |command| Job {
                command,
                failures: 0,
                host: None,
                result: None,
            };
            self.jobs = commands.into_iter().map(job).collect();
            return Ok(());
        }
        let known = self.jobs.iter().map(|job| &job.command);
        if known.eq(commands.iter()) {
            return Ok(());
        }
        Err(OtherCommands {
            stored: self.jobs.len(),
            given: commands.len(),
        })
    }

    /// Whether every command has finished well.
    pub fn is_well(&self) -> bool {
        let is_well = |job: &Job| job.result.as_ref().is_some_and(|result| result.finished);
        self.jobs.iter().all(is_well)
    }

    /// A line for each command: how it ended, where, and its text.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (number, job) in self.jobs.iter().enumerate() {
            let end = match &job.result {
                Some(result) if result.finished => "finished",
                Some(_) => "failed",
                None => "not done",
            };
            let host = job.host.as_deref().unwrap_or("-");
            let _ = write!(
                text,
                "{:>5}  {end:<8}  {host:<20}  {}",
                number + 1,
                job.command
            );
            if let Some(result) = job.result.as_ref().filter(|result| !result.finished) {
                let _ = write!(text, "\n       {}", result.message);
            }
            text.push('\n');
        }
        let finished = self
            .jobs
            .iter()
            .filter(|job| job.result.as_ref().is_some_and(|result| result.finished))
            .count();
        let _ = writeln!(text, "{finished} of {} commands finished", self.jobs.len());
        text
    }

    fn place(&self, task: &Task) -> Option<usize> {
        task.name.strip_prefix("command-")?.parse().ok()
    }
}

impl Plan for Commands {
    fn wanted(&self, tasks: &Tasks, _now: Duration) -> Vec<Run> {
        let run = |place: &usize| {
            let job = self.jobs.get(*place)?;
            let name = format!("command-{place}");
            let is_running = tasks.of(&name).next().is_some();
            (!is_running).then(|| Run {
                name,
                command: job.command.clone(),
                needs: self.needs.clone(),
            })
        };
        self.waiting.iter().filter_map(run).collect()
    }

    fn ended(&mut self, task: &Task, end: &Ended, _now: Duration) {
        let attempts = self.attempts;
        let Some(place) = self.place(task) else {
            return;
        };
        let Some(job) = self.jobs.get_mut(place) else {
            return;
        };
        job.host = Some(task.host.clone());
        let result = match end {
            Ended::Finished => JobResult {
                finished: true,
                message: String::new(),
            },
            Ended::Failed { state, message } => {
                job.failures += 1;
                if job.failures < attempts {
                    return;
                }
                JobResult {
                    finished: false,
                    message: format!("{}: {message}", state.name()),
                }
            }
            // What was lost is run again: that does not count as a failure.
            Ended::Lost { .. } => return,
        };
        if job.result.replace(result).is_none() {
            self.done += 1;
        }
        self.waiting.retain(|waiting| *waiting != place);
    }

    fn is_over(&self, tasks: &Tasks) -> bool {
        self.done == self.jobs.len() && tasks.is_empty()
    }
}

const FLAGS: &[Flag] = &[
    Flag::path(
        "commands",
        "The file of commands for the shell, one in each line. Empty lines and\n\
         those that begin with '#' are passed over.",
    )
    .required(),
    Flag::text("resources", "What each command needs.").default("cpus:0.1;mem:32"),
    Flag::integer("attempts", "How often a command may run until it finishes.").default("1"),
];

impl Input for Commands {
    const PROGRAM: Program = program("run-commands", &[FLAGS, COMMON, logging::FLAGS]);

    fn update(&mut self, flags: &Flags) -> Result<(), Box<dyn std::error::Error>> {
        let path: PathBuf = flags.get("commands")?;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read '{}': {error}", path.display()))?;
        let lines = text.lines().map(str::trim);
        let commands: Vec<_> = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        let resources: String = flags.get("resources")?;
        let attempts: u32 = flags.get("attempts")?;
        Ok(self.set(commands, resources.try_into()?, attempts)?)
    }

    fn report(&self) -> (String, bool) {
        (self.table(), self.is_well())
    }
}

#[cfg(test)]
mod tests {
    use messages::v1::{Offer, TaskState};

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn commands(attempts: u32) -> Commands {
        let mut commands = Commands::default();
        let texts = ["a", "b"].map(str::to_owned).to_vec();
        commands.set(texts, Needs::default(), attempts).unwrap();
        commands
    }

    fn failed() -> Ended {
        Ended::Failed {
            state: TaskState::TaskFailed,
            message: "Command exited with status 1".to_owned(),
        }
    }

    /// Launches all that is wanted; gives the tasks.
    fn launch(commands: &Commands, tasks: &mut Tasks) -> Vec<Task> {
        let wanted = commands.wanted(tasks, NOW);
        for run in wanted {
            tasks.add(&run.name, &Offer::default(), NOW);
        }
        assert_eq!(commands.wanted(tasks, NOW), [], "each is launched once");
        tasks.clear()
    }

    #[test]
    fn each_command_runs_to_its_end() {
        let mut commands = commands(1);
        let mut tasks = Tasks::default();
        let [a, b] = &launch(&commands, &mut tasks)[..] else {
            panic!()
        };
        commands.ended(a, &Ended::Finished, NOW);
        assert!(!commands.is_over(&tasks));
        commands.ended(b, &failed(), NOW);
        assert!(commands.is_over(&tasks) && !commands.is_well());
        let report = commands.table();
        assert!(report.contains("TASK_FAILED: Command exited with status 1"));
        assert!(report.ends_with("1 of 2 commands finished\n"));
    }

    #[test]
    fn failures_count_and_losses_do_not() {
        let mut commands = commands(2);
        let mut tasks = Tasks::default();
        let lost = Ended::Lost {
            state: TaskState::TaskGone,
            message: String::new(),
        };
        for end in [&lost, &lost, &failed(), &failed()] {
            let all = launch(&commands, &mut tasks);
            assert_eq!(all.len(), 2);
            all.iter().for_each(|task| commands.ended(task, end, NOW));
        }
        assert!(commands.is_over(&tasks));
    }

    #[test]
    fn a_state_belongs_to_its_commands() {
        let mut commands = commands(1);
        let mut set = |texts: &[&str]| {
            let texts = texts.iter().map(|&text| text.to_owned()).collect();
            commands.set(texts, Needs::default(), 1)
        };
        assert_eq!(set(&["a", "b"]), Ok(()));
        assert!(set(&["a", "c"]).is_err());
    }
}
