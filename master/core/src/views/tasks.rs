//! `/tasks`: tasks of all frameworks in one list, a part at a time.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::hint::black_box;

use super::json::{Fields, Json, Object};
use super::output::Output;
use super::task::{Tasks, first_timestamp};
use crate::frameworks::Framework;
use crate::snapshot::Snapshot;
use crate::task::{Task, Touch};

/// Which tasks to show.
#[derive(Debug, Clone, Copy, Default)]
pub struct TaskQuery<'a> {
    /// How many at most; all if not given.
    pub limit: Option<usize>,
    /// How many to pass over first.
    pub offset: usize,
    /// Which come first.
    pub order: Order,
    /// Only those of one framework.
    pub framework: Option<&'a str>,
    /// Only those of this id.
    pub task: Option<&'a str>,
}

/// By the time of a task's first status; those without one count as the oldest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// The answer of `/tasks`.
pub fn tasks(snapshot: &Snapshot, query: TaskQuery<'_>, out: &mut Output) {
    let mut found: Vec<(Option<f64>, &Task)> = frameworks(snapshot)
        .filter(|it| query.framework.is_none_or(|id| it.id().as_str() == id))
        .flat_map(all_tasks)
        .filter(|it| query.task.is_none_or(|id| it.id().as_str() == id))
        .map(|task| (first_timestamp(task), task))
        .collect();
    found.sort_by(|a, b| by_time(a.0, b.0));
    // One order is the other turned round, also where times are equal.
    if query.order == Order::Descending {
        found.reverse();
    }
    let shown = found
        .iter()
        .skip(query.offset)
        .take(query.limit.unwrap_or(usize::MAX));
    Fields(|object: &mut Object<'_>| {
        object.field("tasks", Tasks(shown.map(|(_, task)| *task)));
    })
    .write(out);
}

fn by_time(a: Option<f64>, b: Option<f64>) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// How many tasks are fetched together: what these have fits into the fastest cache.
const TOGETHER: usize = 16;

/// The same tasks. Memory is slow, and tasks are all over it: of a hundred thousand each would
/// be waited for, several times. So those that are next are fetched together.
pub(crate) fn fetched<'a>(tasks: impl Iterator<Item = &'a Task>) -> impl Iterator<Item = &'a Task> {
    let mut tasks = tasks.fuse();
    let mut next = VecDeque::with_capacity(TOGETHER);
    std::iter::from_fn(move || {
        if next.is_empty() {
            next.extend(tasks.by_ref().take(TOGETHER));
            for step in [Touch::Task, Touch::Parts] {
                let sum = next.iter().map(|it: &&Task| it.touch(step));
                black_box(sum.fold(0, |sum, byte| sum ^ byte));
            }
        }
        next.pop_front()
    })
}

/// All frameworks, completed ones last.
pub(crate) fn frameworks(snapshot: &Snapshot) -> impl Iterator<Item = &Framework> {
    let registered = snapshot.frameworks.registered().values();
    registered
        .chain(snapshot.frameworks.completed().values())
        .map(AsRef::as_ref)
}

/// All tasks of a framework: those that run, those that cannot be reached, those that ended.
pub(crate) fn all_tasks(framework: &Framework) -> impl Iterator<Item = &Task> {
    let tasks = framework.tasks().values();
    let unreachable = framework.unreachable_tasks().values();
    tasks
        .chain(unreachable)
        .chain(framework.completed_tasks().iter())
        .map(AsRef::as_ref)
}
