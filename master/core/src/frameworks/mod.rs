//! All frameworks that the master knows.

mod capabilities;
mod framework;
mod metrics;
mod proto;

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use model::ids::FrameworkId;
use runtime_core::Pid;

pub use capabilities::FrameworkCapabilities;
pub use framework::{Framework, FrameworkState};
pub use metrics::FrameworkMetrics;

use crate::bounded::Bounded;
use crate::connection::{Connection, StreamId};

/// The part of the frameworks' state that views may see; cheap to clone.
#[derive(Debug, Clone)]
pub struct FrameworksView {
    registered: OrdMap<FrameworkId, Arc<Framework>>,
    completed: Bounded<FrameworkId, Arc<Framework>>,
}

impl FrameworksView {
    /// Frameworks that are connected, may return, or are known from agents.
    pub const fn registered(&self) -> &OrdMap<FrameworkId, Arc<Framework>> {
        &self.registered
    }

    /// Frameworks that were removed, up to a limit (M52).
    pub const fn completed(&self) -> &Bounded<FrameworkId, Arc<Framework>> {
        &self.completed
    }

    /// The framework of this id, unless it is completed.
    pub fn get(&self, id: &FrameworkId) -> Option<&Arc<Framework>> {
        self.registered.get(id)
    }
}

/// All frameworks, with what only the master itself needs.
#[derive(Debug)]
pub(crate) struct Frameworks {
    view: FrameworksView,
    by_pid: BTreeMap<Pid, FrameworkId>,
    by_stream: BTreeMap<StreamId, FrameworkId>,
}

impl Frameworks {
    pub(crate) fn new(max_completed: usize) -> Self {
        Self {
            view: FrameworksView {
                registered: OrdMap::new(),
                completed: Bounded::new(max_completed),
            },
            by_pid: BTreeMap::new(),
            by_stream: BTreeMap::new(),
        }
    }

    pub(crate) const fn view(&self) -> &FrameworksView {
        &self.view
    }

    pub(crate) fn get(&self, id: &FrameworkId) -> Option<&Arc<Framework>> {
        self.view.registered.get(id)
    }

    /// The framework, to change; copied first if a snapshot still shows it.
    pub(crate) fn get_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.view.registered.get_mut(id).map(Arc::make_mut)
    }

    pub(crate) fn by_pid(&self, pid: &Pid) -> Option<&Arc<Framework>> {
        self.by_pid.get(pid).and_then(|id| self.get(id))
    }

    pub(crate) fn by_stream(&self, stream: StreamId) -> Option<&Arc<Framework>> {
        self.by_stream.get(&stream).and_then(|id| self.get(id))
    }

    pub(crate) fn is_completed(&self, id: &FrameworkId) -> bool {
        self.view.completed.contains(id)
    }

    pub(crate) fn insert(&mut self, framework: Framework) {
        self.index(framework.connection.as_ref(), &framework.id);
        self.view
            .registered
            .insert(framework.id.clone(), Arc::new(framework));
    }

    /// Connects a framework anew and gives its connection of before.
    pub(crate) fn connect(
        &mut self,
        id: &FrameworkId,
        connection: Connection,
        now: crate::env::Time,
    ) -> Option<Connection> {
        let framework = self.view.registered.get_mut(id).map(Arc::make_mut)?;
        let old = framework.connection.take();
        framework.connect(connection.clone(), now);
        self.unindex(old.as_ref(), id);
        self.index(Some(&connection), id);
        old
    }

    /// Its scheduler has said the framework's id.
    pub(crate) fn hear_id(&mut self, id: &FrameworkId) {
        // Most have said it long ago: those need not be changed, and so not be copied.
        if self.get(id).is_some_and(|it| !it.has_said_id())
            && let Some(framework) = self.get_mut(id)
        {
            framework.hear_id();
        }
    }

    pub(crate) fn disconnect(&mut self, id: &FrameworkId) {
        if let Some(framework) = self.view.registered.get_mut(id).map(Arc::make_mut) {
            let stream = framework.connection.as_ref().and_then(Connection::stream);
            framework.disconnect();
            if let Some(stream) = stream {
                self.by_stream.remove(&stream);
            }
        }
    }

    /// Takes the framework out.
    pub(crate) fn remove(&mut self, id: &FrameworkId) -> Option<Arc<Framework>> {
        let framework = self.view.registered.remove(id)?;
        self.unindex(framework.connection.as_ref(), id);
        Some(framework)
    }

    /// Puts a removed framework among the completed ones.
    pub(crate) fn complete(&mut self, framework: Arc<Framework>) {
        self.view.completed.insert(framework.id.clone(), framework);
    }

    fn index(&mut self, connection: Option<&Connection>, id: &FrameworkId) {
        match connection {
            Some(Connection::Http(stream)) => {
                self.by_stream.insert(*stream, id.clone());
            }
            Some(Connection::Pid(pid)) => {
                self.by_pid.insert(pid.clone(), id.clone());
            }
            None => {}
        }
    }

    fn unindex(&mut self, connection: Option<&Connection>, id: &FrameworkId) {
        match connection {
            Some(Connection::Http(stream)) => {
                self.by_stream.remove(stream);
            }
            Some(Connection::Pid(pid)) if self.by_pid.get(pid) == Some(id) => {
                self.by_pid.remove(pid);
            }
            Some(Connection::Pid(_)) | None => {}
        }
    }
}
