//! What many agents have in common is kept once.

use std::collections::VecDeque;
use std::sync::Arc;

use model::Resources;

use super::Agent;

/// So many different values are remembered of each kind: clusters are made of few kinds of
/// machines. Each new agent is compared with them.
const KINDS_MAX: usize = 16;

/// What agents had of late that others may have, too.
#[derive(Debug, Default)]
pub(super) struct Alike {
    resources: Recent<Resources>,
    used: Recent<Resources>,
    versions: Recent<str>,
}

impl Alike {
    /// Has the agent share what others have, too.
    pub(super) fn share(&mut self, agent: &mut Agent) {
        let is_all = Arc::ptr_eq(&agent.own, &agent.total);
        // In the same order, since that is how they are shown.
        self.resources
            .share(&mut agent.own, |a, b| a.iter().eq(b.iter()));
        if is_all {
            agent.total = Arc::clone(&agent.own);
        }
        self.versions.share(&mut agent.version, |a, b| a == b);
    }

    /// Has what frameworks use of the agent be shared with what they use of others.
    pub(super) fn share_used(&mut self, agent: &mut Agent) {
        let used = agent.load.used.iter().map(|(framework, used)| {
            let mut used = Arc::clone(used);
            self.used.share(&mut used, |a, b| a.iter().eq(b.iter()));
            (framework.clone(), used)
        });
        let used = used.collect();
        agent.change(|load| load.used = used);
    }
}

/// Some different values, the last one at the end.
#[derive(Debug)]
struct Recent<T: ?Sized>(VecDeque<Arc<T>>);

impl<T: ?Sized> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: ?Sized> Recent<T> {
    fn share(&mut self, value: &mut Arc<T>, is_same: impl Fn(&T, &T) -> bool) {
        let Self(known) = self;
        if let Some(known) = known.iter().rev().find(|known| is_same(known, value)) {
            *value = Arc::clone(known);
            return;
        }
        if known.len() >= KINDS_MAX {
            known.pop_front();
        }
        known.push_back(Arc::clone(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_as_long_as_they_are_remembered() {
        let mut recent = Recent::<str>::default();
        let mut share = |text: &str| {
            let mut value = Arc::from(text);
            recent.share(&mut value, |a, b| a == b);
            value
        };
        let first = share("0");
        assert!(Arc::ptr_eq(&first, &share("0")));
        for other in 1..=KINDS_MAX {
            share(&other.to_string());
        }
        assert!(!Arc::ptr_eq(&first, &share("0")));
    }
}
