//! What is on an agent: tasks, executors, offers, and the resources that they hold.

use std::sync::{Arc, LazyLock};

use imbl::{OrdMap, OrdSet};
use model::Resources;
use model::ids::{ExecutorId, FrameworkId, OfferId, TaskId};

/// What is on an agent. Apart from the agent's record, since there is nothing on many: all of
/// these share one.
#[derive(Debug, Clone, Default)]
pub(super) struct Load {
    /// Absent when nothing is, as usual where tasks use all or no one wants more.
    offered: Option<Box<Resources>>,
    /// Shared, since a node of the map has room for many.
    pub(super) used: OrdMap<FrameworkId, Arc<Resources>>,
    pub(super) tasks: OrdSet<(FrameworkId, TaskId)>,
    pub(super) executors: OrdSet<(FrameworkId, ExecutorId)>,
    /// Tasks by which it is to be heard whether one of `executors` runs: sent to it, or not
    /// reported when it came back, since their launch was on its way or lost.
    pub(super) on_their_way: OrdMap<(FrameworkId, TaskId), ExecutorId>,
    pub(super) offers: OrdSet<OfferId>,
    pub(super) killed: OrdSet<(FrameworkId, TaskId)>,
}

impl Load {
    /// Nothing at all.
    pub(super) fn none() -> Arc<Self> {
        static NONE: LazyLock<Arc<Load>> = LazyLock::new(Arc::default);
        Arc::clone(&NONE)
    }

    /// What outstanding offers hold.
    pub(super) fn offered(&self) -> &Resources {
        static NOTHING: LazyLock<Resources> = LazyLock::new(Resources::default);
        self.offered.as_deref().unwrap_or(&NOTHING)
    }

    pub(super) fn add_offered(&mut self, resources: &Resources) {
        **self.offered.get_or_insert_default() += resources;
    }

    pub(super) fn remove_offered(&mut self, resources: &Resources) {
        if let Some(offered) = &mut self.offered {
            **offered -= resources;
        }
        self.offered.take_if(|offered| offered.is_empty());
    }

    pub(super) fn is_none(&self) -> bool {
        let Self {
            offered,
            used,
            tasks,
            executors,
            on_their_way,
            offers,
            killed,
        } = self;
        tasks.is_empty()
            && offers.is_empty()
            && executors.is_empty()
            && used.is_empty()
            && offered.is_none()
            && on_their_way.is_empty()
            && killed.is_empty()
    }
}
