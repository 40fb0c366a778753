//! Where the simulator stands between those who take part: it watches all messages, and
//! may let a bug loose on what passes.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use messages::v1::{Offer, TaskInfo, TaskStatus};
use runtime::{Mail, MessageFilter};

use crate::observer::Observer;

/// Something on its way from one to another.
pub enum Seam<'a> {
    /// A message of the master's or an agent's node, inside of it or to another.
    Message(&'a Mail<'a>, &'a mut dyn Any),
    /// Offers that the master makes a framework.
    Offers(&'a mut Vec<Offer>),
    /// The master takes an offer back.
    Rescind,
    /// What the master tells a framework of a task; more may be put in.
    Updates(&'a mut Vec<TaskStatus>),
    /// A framework acknowledges an update.
    Acknowledgement,
    /// An agent has an executor launch tasks; more may be put in.
    Launch(&'a mut Vec<TaskInfo>),
    /// An agent has an executor kill a task.
    Kill(&'a str),
    /// An agent tells an executor that it has taken an update.
    Taken(&'a TaskStatus),
    /// A containerizer tells its agent that a container ended.
    Exit,
}

/// Whether something goes on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Passes,
    Vanishes,
}

/// Something that an actor of ours would do if it were wrong.
pub type Bug = fn(Seam<'_>, &mut Memory) -> Fate;

/// What a bug keeps in mind.
pub struct Memory {
    seed: u64,
    count: u64,
    /// Values that it has seen, by what they belong to.
    pub kept: BTreeMap<String, Box<dyn Any + Send>>,
    /// What it has seen.
    pub noted: BTreeSet<String>,
}

impl Memory {
    /// Whether this is one of those that the bug befalls: one in `many`, and the same each
    /// time that it comes by.
    pub fn picks(&self, key: impl Hash, many: u64) -> bool {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        key.hash(&mut hasher);
        hasher.finish().is_multiple_of(many)
    }

    /// Whether this is one of the times when the bug strikes: one in `many`.
    pub fn strikes(&mut self, many: u64) -> bool {
        self.count += 1;
        self.picks(self.count, many)
    }
}

/// Shared by all that take part in one simulation.
#[derive(Clone, Default)]
pub struct Seams(Option<Arc<Mutex<(Bug, Memory)>>>);

impl Seams {
    /// Seams with a bug in them.
    pub fn with(bug: Bug, seed: u64) -> Self {
        let memory = Memory {
            seed,
            count: 0,
            kept: BTreeMap::new(),
            noted: BTreeSet::new(),
        };
        Self(Some(Arc::new(Mutex::new((bug, memory)))))
    }

    /// Lets something pass, or not.
    pub fn pass(&self, seam: Seam<'_>) -> bool {
        let Some(planted) = &self.0 else {
            return true;
        };
        let mut planted = planted.lock().unwrap_or_else(PoisonError::into_inner);
        let (bug, memory) = &mut *planted;
        bug(seam, memory) == Fate::Passes
    }
}

/// Stands between the actors of one host's life.
pub struct Tap {
    pub host: &'static str,
    /// Later lives have greater numbers.
    pub life: u64,
    pub observer: Observer,
    pub seams: Seams,
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tap({} {})", self.host, self.life)
    }
}

impl MessageFilter for Tap {
    fn passes(&self, mail: &Mail<'_>, message: &mut dyn Any) -> bool {
        let passes = self.seams.pass(Seam::Message(mail, message));
        if passes {
            self.observer.mail(self, mail, message);
        }
        passes
    }
}
