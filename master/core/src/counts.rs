//! How many tasks are in which state.

use messages::v1::TaskState;

/// The number of task states of protobuf (M43).
const STATES: usize = 14;

/// Tasks by state. Kept up to date with every change, so that no view or metric has to
/// walk the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskCounts([u32; STATES]);

impl TaskCounts {
    /// How many tasks are in `state`.
    pub fn get(&self, state: TaskState) -> u32 {
        self.0.get(index(state)).copied().unwrap_or_default()
    }

    /// One more task is in `state`.
    pub(crate) fn add(&mut self, state: TaskState) {
        if let Some(count) = self.0.get_mut(index(state)) {
            *count = count.saturating_add(1);
        }
    }

    /// One task fewer is in `state`.
    pub(crate) fn remove(&mut self, state: TaskState) {
        if let Some(count) = self.0.get_mut(index(state)) {
            *count = count.saturating_sub(1);
        }
    }
}

fn index(state: TaskState) -> usize {
    usize::try_from(i32::from(state)).unwrap_or(STATES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_changes_and_never_wrap() {
        let mut counts = TaskCounts::default();
        counts.add(TaskState::TaskRunning);
        counts.add(TaskState::TaskUnknown);
        assert_eq!(counts.get(TaskState::TaskRunning), 1);
        assert_eq!(counts.get(TaskState::TaskUnknown), 1);
        counts.remove(TaskState::TaskRunning);
        counts.remove(TaskState::TaskRunning);
        assert_eq!(counts.get(TaskState::TaskRunning), 0);
    }
}
