//! Which containers there are, and how those ended that are not any more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::ids::ContainerId;
use tokio::sync::watch;

use crate::containerizer::Termination;
use crate::process::Process;
use crate::statistics::Limits;

/// How many ended containers are remembered, for those who ask late.
const ENDED_MAX: usize = 1000;

/// A container as it is found.
#[derive(Debug)]
pub(crate) enum Found {
    /// It ended.
    Ended(Termination),
    /// It lives; here its end will be told.
    Living(watch::Receiver<Option<Termination>>),
}

#[derive(Debug)]
struct Container {
    limits: Limits,
    /// What runs in it, or for it.
    process: Option<Arc<Process>>,
    /// Whether that is its own command.
    executed: bool,
    /// Whether it shall end, so that nothing more may be started in it.
    doomed: bool,
    end: watch::Sender<Option<Termination>>,
}

/// All containers by id.
#[derive(Debug, Default)]
pub(crate) struct Table {
    living: BTreeMap<ContainerId, Container>,
    /// The oldest first.
    ended: VecDeque<(ContainerId, Termination)>,
}

impl Table {
    /// Enters a new container, unless there is one of its id.
    pub(crate) fn admit(&mut self, id: &ContainerId, limits: Limits) -> bool {
        if self.find(id).is_some() {
            return false;
        }
        let end = watch::Sender::new(None);
        let container = Container {
            limits,
            process: None,
            executed: false,
            doomed: false,
            end,
        };
        self.living.insert(id.clone(), container);
        true
    }

    /// Finds a container, living or ended.
    pub(crate) fn find(&self, id: &ContainerId) -> Option<Found> {
        if let Some(container) = self.living.get(id) {
            return Some(Found::Living(container.end.subscribe()));
        }
        let ended = self.ended.iter().find(|(ended, _)| ended == id);
        ended.map(|(_, termination)| Found::Ended(*termination))
    }

    /// Finds a container and sees to it that nothing more is started in it. What runs already
    /// is the caller's to kill.
    pub(crate) fn doom(&mut self, id: &ContainerId) -> (Option<Found>, Option<Arc<Process>>) {
        let process = self.living.get_mut(id).and_then(|container| {
            container.doomed = true;
            container.process.clone()
        });
        (self.find(id), process)
    }

    /// Notes what runs for the container. `false` if it shall end.
    pub(crate) fn set_process(&mut self, id: &ContainerId, process: &Arc<Process>) -> bool {
        self.living.get_mut(id).is_some_and(|container| {
            container.process = Some(Arc::clone(process));
            !container.doomed
        })
    }

    /// Notes that what ran for the container does so no more. `false` if it shall end.
    pub(crate) fn forget_process(&mut self, id: &ContainerId) -> bool {
        self.living.get_mut(id).is_some_and(|container| {
            container.process = None;
            !container.doomed
        })
    }

    /// Notes that what runs is the container's own command. `false` if it shall end.
    pub(crate) fn executed(&mut self, id: &ContainerId) -> bool {
        self.living.get_mut(id).is_some_and(|container| {
            container.executed = !container.doomed;
            container.executed
        })
    }

    /// Changes what a container may use. `false` if there is none.
    pub(crate) fn update(&mut self, id: &ContainerId, limits: Limits) -> bool {
        self.living
            .get_mut(id)
            .map(|container| container.limits = limits)
            .is_some()
    }

    /// The first process of a container that runs its command, and what it may use.
    pub(crate) fn running(&self, id: &ContainerId) -> Option<(i32, Limits)> {
        let container = self.living.get(id).filter(|container| container.executed)?;
        Some((container.process.as_ref()?.pid(), container.limits))
    }

    /// Takes a container off and tells those who wait.
    pub(crate) fn end(&mut self, id: &ContainerId, termination: Termination) {
        let Some(container) = self.living.remove(id) else {
            return;
        };
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back((id.clone(), termination));
        container.end.send_replace(Some(termination));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Termination = Termination { status: None };

    #[test]
    fn an_id_is_taken_while_it_is_remembered() {
        let mut table = Table::default();
        let id = ContainerId::from("a");
        assert!(table.admit(&id, Limits::default()));
        assert!(!table.admit(&id, Limits::default()));
        table.end(&id, END);
        assert!(!table.admit(&id, Limits::default()));
        assert!(matches!(table.find(&id), Some(Found::Ended(END))));
    }

    #[test]
    fn only_so_many_ends_are_remembered() {
        let mut table = Table::default();
        let ids: Vec<_> = (0..=ENDED_MAX)
            .map(|number| ContainerId::from(number.to_string()))
            .collect();
        for id in &ids {
            assert!(table.admit(id, Limits::default()));
            table.end(id, END);
        }
        assert!(table.find(&ids[0]).is_none());
        assert!(table.find(&ids[1]).is_some() && table.find(&ids[ENDED_MAX]).is_some());
    }

    #[test]
    fn those_who_wait_are_told() {
        let mut table = Table::default();
        let id = ContainerId::from("a");
        table.admit(&id, Limits::default());
        let Some(Found::Living(end)) = table.find(&id) else {
            panic!("it lives")
        };
        assert_eq!(*end.borrow(), None);
        table.end(&id, END);
        assert_eq!(*end.borrow(), Some(END));
    }

    #[test]
    fn the_doomed_are_not_executed() {
        let mut table = Table::default();
        let id = ContainerId::from("a");
        table.admit(&id, Limits::default());
        assert!(table.executed(&id));
        table.doom(&id);
        assert!(!table.executed(&id));
        assert_eq!(table.running(&id), None);
    }
}
