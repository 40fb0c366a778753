//! Runs jobs at their times, and jobs after others.

mod jobs;

use std::collections::BTreeMap;
use std::time::Duration;

use model::task_state::TaskStateExt as _;
use runtime::flags::{Flag, Flags, Program};
use runtime::logging;
use serde::{Deserialize, Serialize};

use crate::flags::COMMON;
use crate::plan::{Ended, Plan, Run};
use crate::program::{Input, program};
use crate::tasks::{Task, Tasks};

pub use jobs::{BadJob, Every, Job, When, check};

/// How long to wait before a job that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The jobs and where each of them is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timetable {
    jobs: BTreeMap<String, Job>,
    progress: BTreeMap<String, Progress>,
}

/// Where a job is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// When the timetable met the job, since 1970: its times are counted from there, if it
    /// does not say from when.
    met: Duration,
    /// The last of its times that was noticed.
    time: Option<u64>,
    /// How many successes of each job that it waits for it has used up.
    used: BTreeMap<String, u64>,
    /// Whether a run is due that has not come to its end.
    due: bool,
    /// How often that run has failed.
    failures: u32,
    /// When it may be tried again, since 1970.
    not_before: Duration,
    /// How many runs came to a good end, and how many to a bad one.
    successes: u64,
    losses: u64,
    /// How the last run ended.
    last: Option<String>,
}

impl Timetable {
    /// What is to be run from now on. Jobs that are known by their names go on from where
    /// they are.
    ///
    /// # Errors
    ///
    /// When jobs wait for each other in a circle, or for one that is not there.
    pub fn set(&mut self, jobs: BTreeMap<String, Job>) -> Result<(), BadJob> {
        check(&jobs)?;
        self.progress.retain(|name, _| jobs.contains_key(name));
        self.jobs = jobs;
        Ok(())
    }

    /// Whether the job has come to a time that was not noticed yet. Of several only the
    /// last counts: what was missed is not made up for.
    fn notice_time(every: &Every, progress: &mut Progress, now: Duration) -> bool {
        let Some(time) = every.times_until(now, progress.met) else {
            return false;
        };
        if progress.time.is_some_and(|noticed| noticed >= time) {
            return false;
        }
        progress.time = Some(time);
        true
    }
}

impl Plan for Timetable {
    fn tick(&mut self, _tasks: &Tasks, now: Duration) {
        let successes: BTreeMap<_, _> = self
            .progress
            .iter()
            .map(|(name, progress)| (name.clone(), progress.successes))
            .collect();
        let of = |name: &String| successes.get(name).copied().unwrap_or_default();
        for (name, job) in &self.jobs {
            let progress = self
                .progress
                .entry(name.clone())
                .or_insert_with(|| Progress {
                    met: now,
                    ..Progress::default()
                });
            if progress.due {
                // One run at a time. A time that comes meanwhile is noticed after it.
                continue;
            }
            let is_due = match &job.when {
                When::Every(every) => Self::notice_time(every, progress, now),
                When::After(others) => {
                    let used = |other| progress.used.get(other).copied().unwrap_or_default();
                    let is_due = others.iter().all(|other| of(other) > used(other));
                    if is_due {
                        progress.used = others
                            .iter()
                            .map(|other| (other.clone(), of(other)))
                            .collect();
                    }
                    is_due
                }
            };
            if is_due {
                progress.due = true;
                progress.failures = 0;
                progress.not_before = now;
            }
        }
    }

    fn wanted(&self, tasks: &Tasks, now: Duration) -> Vec<Run> {
        let run = |(name, progress): (&String, &Progress)| {
            let job = self.jobs.get(name)?;
            let is_ready = progress.due && now >= progress.not_before;
            let is_running = tasks.of(name).next().is_some();
            (is_ready && !is_running).then(|| Run {
                name: name.clone(),
                command: job.command.clone(),
                needs: job.resources.clone(),
            })
        };
        self.progress.iter().filter_map(run).collect()
    }

    fn unwanted(&self, tasks: &Tasks) -> Vec<String> {
        let is_unwanted = |task: &Task| !self.jobs.contains_key(&task.name);
        let unwanted = tasks.iter().filter(|(_, task)| is_unwanted(task));
        unwanted.map(|(id, _)| id.clone()).collect()
    }

    fn ended(&mut self, task: &Task, end: &Ended, now: Duration) {
        let (Some(job), Some(progress)) =
            (self.jobs.get(&task.name), self.progress.get_mut(&task.name))
        else {
            return;
        };
        match end {
            Ended::Finished => {
                progress.due = false;
                progress.successes += 1;
                progress.last = Some("finished".to_owned());
            }
            Ended::Failed { state, message } => {
                progress.last = Some(format!("{}: {message}", state.name()));
                progress.failures += 1;
                progress.not_before = now + RETRY_PAUSE;
                if progress.failures > job.retries {
                    progress.due = false;
                    progress.losses += 1;
                }
            }
            // It is still due.
            Ended::Lost { .. } => {}
        }
    }

    fn next(&self, _tasks: &Tasks, now: Duration) -> Option<Duration> {
        let next = |(name, progress): (&String, &Progress)| {
            if progress.due {
                return Some(progress.not_before).filter(|retry| *retry > now);
            }
            match &self.jobs.get(name)?.when {
                When::Every(every) => every.next_after(now, progress.met),
                When::After(_) => None,
            }
        };
        self.progress.iter().filter_map(next).min()
    }
}

const FLAGS: &[Flag] = &[Flag::json(
    "jobs",
    "The jobs, as JSON or the path of a file that holds it:\n\
         {\"fetch\": {\"command\": \"…\", \"every\": \"10mins\", \"retries\": 2},\n\
         \x20\"count\": {\"command\": \"…\", \"after\": [\"fetch\"],\n\
         \x20           \"resources\": \"cpus:0.5;mem:64\"}}",
)
.required()];

impl Input for Timetable {
    const PROGRAM: Program = program("timetable", &[FLAGS, COMMON, logging::FLAGS]);

    fn update(&mut self, flags: &Flags) -> Result<(), Box<dyn std::error::Error>> {
        let jobs: serde_json::Value = flags.get("jobs")?;
        let jobs = serde_json::from_value(jobs)
            .map_err(|error| format!("Failed to read --jobs: {error}"))?;
        Ok(self.set(jobs)?)
    }
}

#[cfg(test)]
mod tests {
    use messages::v1::{Offer, TaskState};

    use super::*;

    const START: Duration = Duration::from_secs(1_000_000);

    fn seconds(seconds: u64) -> Duration {
        START + Duration::from_secs(seconds)
    }

    fn timetable(text: &str) -> Timetable {
        let mut timetable = Timetable::default();
        timetable.set(serde_json::from_str(text).unwrap()).unwrap();
        timetable
    }

    const CHAIN: &str = r#"{
        "fetch": {"command": "f", "every": "10secs", "retries": 1},
        "count": {"command": "c", "after": ["fetch"]},
        "send": {"command": "s", "after": ["fetch", "count"]}
    }"#;

    /// What is wanted at this time.
    fn names(timetable: &mut Timetable, now: Duration) -> Vec<String> {
        let tasks = Tasks::default();
        timetable.tick(&tasks, now);
        let wanted = timetable.wanted(&tasks, now);
        wanted.into_iter().map(|run| run.name).collect()
    }

    fn end(timetable: &mut Timetable, name: &str, end: &Ended, now: Duration) {
        let mut tasks = Tasks::default();
        tasks.add(name, &Offer::default(), now);
        assert!(
            !timetable
                .wanted(&tasks, now)
                .iter()
                .any(|run| run.name == name)
        );
        timetable.ended(&tasks.clear()[0], end, now);
    }

    fn failed() -> Ended {
        Ended::Failed {
            state: TaskState::TaskFailed,
            message: "no".to_owned(),
        }
    }

    #[test]
    fn jobs_run_at_their_times_and_after_others() {
        let mut table = timetable(CHAIN);
        assert_eq!(names(&mut table, START), ["fetch"]);
        end(&mut table, "fetch", &Ended::Finished, START);
        assert_eq!(names(&mut table, START), ["count"]);
        end(&mut table, "count", &Ended::Finished, START);
        assert_eq!(names(&mut table, START), ["send"]);
        end(&mut table, "send", &Ended::Finished, START);
        assert_eq!(names(&mut table, seconds(9)), [""; 0]);
        assert_eq!(table.next(&Tasks::default(), seconds(9)), Some(seconds(10)));
        assert_eq!(names(&mut table, seconds(10)), ["fetch"]);
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let mut table = timetable(CHAIN);
        assert_eq!(names(&mut table, START), ["fetch"]);
        end(&mut table, "fetch", &Ended::Finished, seconds(35));
        assert_eq!(names(&mut table, seconds(35)), ["count", "fetch"]);
        end(&mut table, "fetch", &Ended::Finished, seconds(35));
        assert_eq!(names(&mut table, seconds(39)), ["count"]);
        assert_eq!(names(&mut table, seconds(40)), ["count", "fetch"]);
    }

    #[test]
    fn a_job_that_fails_too_often_holds_the_others_up() {
        let mut table = timetable(CHAIN);
        assert_eq!(names(&mut table, START), ["fetch"]);
        end(&mut table, "fetch", &failed(), START);
        assert_eq!(names(&mut table, START), [""; 0]);
        assert_eq!(table.next(&Tasks::default(), START), Some(seconds(1)));
        assert_eq!(names(&mut table, seconds(1)), ["fetch"]);
        end(&mut table, "fetch", &failed(), seconds(1));
        assert_eq!(names(&mut table, seconds(5)), [""; 0]);
        assert_eq!(names(&mut table, seconds(10)), ["fetch"]);
    }

    #[test]
    fn a_run_that_was_lost_is_run_again() {
        let mut table = timetable(CHAIN);
        assert_eq!(names(&mut table, START), ["fetch"]);
        let lost = Ended::Lost {
            state: TaskState::TaskGone,
            message: String::new(),
        };
        end(&mut table, "fetch", &lost, START);
        assert_eq!(names(&mut table, START), ["fetch"]);
    }

    #[test]
    fn the_next_life_goes_on_from_where_it_was() {
        let mut table = timetable(CHAIN);
        names(&mut table, START);
        end(&mut table, "fetch", &Ended::Finished, START);
        let text = serde_json::to_string(&table).unwrap();
        let mut next: Timetable = serde_json::from_str(&text).unwrap();
        next.set(serde_json::from_str(CHAIN).unwrap()).unwrap();
        assert_eq!(next, table);
        assert_eq!(names(&mut next, seconds(3)), ["count"]);
    }
}
