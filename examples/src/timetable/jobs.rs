//! What a timetable is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use runtime::units::{DurationText, parse_duration};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::plan::Needs;

/// The shortest time between two runs of a job.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// For the shell. It should come to an end.
    pub command: String,
    /// When it runs.
    #[serde(flatten)]
    pub when: When,
    /// How often a run that failed is tried again.
    #[serde(default)]
    pub retries: u32,
    /// What a run needs.
    #[serde(default)]
    pub resources: Needs,
}

/// When a job runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Again and again.
    Every(Every),
    /// When all of these jobs have finished, each since this job ran last.
    After(Vec<String>),
}

/// A time between the runs of a job, such as `10mins`; the first run is at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every(Duration);

impl Every {
    /// The number of the last time until `now`, the first being 0 at `start`.
    pub(super) fn times_until(self, now: Duration, start: Duration) -> Option<u64> {
        let passed = now.checked_sub(start)?;
        u64::try_from(passed.as_nanos() / self.0.as_nanos()).ok()
    }

    /// The first time after `now`.
    pub(super) fn next_after(self, now: Duration, start: Duration) -> Option<Duration> {
        let number = self.times_until(now, start)?;
        let passed = u32::try_from(number + 1).ok()?;
        Some(start + self.0.checked_mul(passed)?)
    }
}

impl Serialize for Every {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&DurationText(self.0))
    }
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = parse_duration(&text).map_err(de::Error::custom)?;
        if time < EVERY_MIN {
            return Err(de::Error::custom(format!(
                "a job cannot run every {text}: the least is {}",
                DurationText(EVERY_MIN)
            )));
        }
        Ok(Self(time))
    }
}

/// Jobs that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadJob {
    /// Its name becomes part of task ids.
    #[error("a job cannot be named '{0}': use letters, digits, '-' and '_'")]
    Name(String),
    /// It waits for a job that is not there.
    #[error("job '{job}' is to run after '{other}', which is not there")]
    Unknown {
        /// The job.
        job: String,
        /// What it waits for.
        other: String,
    },
    /// It would never run.
    #[error("job '{0}' runs after nothing: name other jobs, or give it 'every'")]
    AfterNothing(String),
    /// None of them would ever run.
    #[error("these jobs wait for each other: {}", .0.join(", "))]
    Circle(Vec<String>),
}

/// Checks that each of the jobs will run.
///
/// # Errors
///
/// When one will not.
pub fn check(jobs: &BTreeMap<String, Job>) -> Result<(), BadJob> {
    for (name, job) in jobs {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > 200 || !name.bytes().all(is_plain) {
            return Err(BadJob::Name(name.clone()));
        }
        let When::After(others) = &job.when else {
            continue;
        };
        if others.is_empty() {
            return Err(BadJob::AfterNothing(name.clone()));
        }
        if let Some(other) = others.iter().find(|other| !jobs.contains_key(*other)) {
            return Err(BadJob::Unknown {
                job: name.clone(),
                other: other.clone(),
            });
        }
    }
    // Those that will run for sure are taken off until no more are found.
    let mut open: BTreeSet<&String> = jobs.keys().collect();
    loop {
        let will_run = |name: &&&String| match jobs.get(**name).map(|job| &job.when) {
            Some(When::After(others)) => !others.iter().any(|other| open.contains(other)),
            _ => true,
        };
        let found: Vec<_> = open.iter().filter(will_run).copied().collect();
        if found.is_empty() {
            break;
        }
        open.retain(|name| !found.contains(name));
    }
    match open.is_empty() {
        true => Ok(()),
        false => Err(BadJob::Circle(open.into_iter().cloned().collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        let jobs = serde_json::from_str(text).map_err(|error| error.to_string())?;
        check(&jobs).map_err(|error| error.to_string())
    }

    #[test]
    fn jobs_that_would_never_run_are_named() {
        assert_eq!(
            checked(
                r#"{"a": {"command": "", "after": ["b"]}, "b": {"command": "", "after": ["a"]},
                    "c": {"command": "", "every": "1mins"}}"#
            ),
            Err("these jobs wait for each other: a, b".to_owned())
        );
        assert!(checked(r#"{"a": {"command": "", "after": ["b"]}}"#).is_err());
        assert!(checked(r#"{"a": {"command": "", "after": []}}"#).is_err());
        assert!(checked(r#"{"a b": {"command": "", "every": "1mins"}}"#).is_err());
        assert!(checked(r#"{"a": {"command": "", "every": "1ms"}}"#).is_err());
        assert!(checked(r#"{"a": {"command": ""}}"#).is_err());
    }

    #[test]
    fn times_are_counted_from_the_start() {
        let every: Every = serde_json::from_str("\"10secs\"").unwrap();
        let second = Duration::from_secs;
        assert_eq!(every.times_until(second(119), second(100)), Some(1));
        assert_eq!(
            every.next_after(second(119), second(100)),
            Some(second(120))
        );
        assert_eq!(every.times_until(second(99), second(100)), None);
        assert_eq!(serde_json::to_string(&every).unwrap(), "\"10secs\"");
    }
}
