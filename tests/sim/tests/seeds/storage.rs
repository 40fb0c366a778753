//! The registry's log on a disk that is slow, and fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use master::registrar::{Log, LogError, MemoryLog, Pending, Position};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::events::Event;
use crate::observer::{Mode, Observer};
use crate::plan::{StoragePlan, millis};

/// A log whose writes take their time and may fail; clones are of one disk.
#[derive(Clone)]
pub struct Storage {
    log: MemoryLog,
    plan: StoragePlan,
    rng: Arc<Mutex<StdRng>>,
    observer: Observer,
}

impl Storage {
    pub fn new(plan: StoragePlan, seed: u64, observer: Observer) -> Self {
        Self {
            log: MemoryLog::default(),
            plan,
            rng: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))),
            observer,
        }
    }

    /// How long a write takes, and whether it fails before or after it is done.
    fn fate(&self) -> (Duration, Option<bool>) {
        if self.observer.mode() != Mode::Working {
            return (Duration::ZERO, None);
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let most = u64::try_from(self.plan.slow.as_millis()).unwrap_or(u64::MAX);
        let pause = millis(&mut rng, 0, most);
        let fails = rng.random_bool(self.plan.fails);
        (pause, fails.then(|| rng.random_bool(0.5)))
    }
}

impl Log for Storage {
    fn read(&self) -> Pending<Vec<(Position, Vec<u8>)>> {
        self.log.read()
    }

    fn append(&self, entry: Vec<u8>) -> Pending<Position> {
        let (pause, failure) = self.fate();
        if pause.is_zero() && failure.is_none() {
            return self.log.append(entry);
        }
        let disk = self.clone();
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            let Some(is_done) = failure else {
                return disk.log.append(entry).await;
            };
            // Nobody knows whether a write that failed was done.
            if is_done {
                disk.log.append(entry).await?;
            }
            let text = format!("RegistryWrite(done: {is_done})");
            disk.observer.note(Event::Fault(text));
            Err(LogError::Storage("simulated".to_owned()))
        })
    }

    fn truncate(&self, to: Position) -> Pending<()> {
        self.log.truncate(to)
    }
}
