//! The registrar: keeps the registry in a log as operations and snapshots (R1–R5), so
//! that a write costs what changed, not what exists.

mod entry;
mod log;
mod memory_log;
pub mod messages;
mod redb_log;

use std::sync::Arc;
use std::time::Duration;

use master_core::registry::{Operation, Registry};
use runtime::http::{Help, Request, Responder, Response};
use runtime::metrics::{Gauge, Metrics, Timer as Timing};
use runtime::{Actor, Context, Declaration, Instant, Pid, Timer};
use tracing::{error, info};

pub use log::{Log, LogError, Pending, Position};
pub use memory_log::MemoryLog;
pub use redb_log::RedbLog;

use entry::Entry;
use messages::{Applied, Apply, Failed, Recover, Recovered};

/// A snapshot is written when the operations since the last one take this many times its
/// size, so that the log's length stays proportional to the registry's.
const OPERATIONS_PER_SNAPSHOT: usize = 2;
/// … but not before they take this many bytes.
const SNAPSHOT_FROM: usize = 1 << 20;

/// How long reading and writing may take (R4).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// `--registry_fetch_timeout`
    pub fetch: Duration,
    /// `--registry_store_timeout`
    pub store: Duration,
}

/// The actor that alone reads and writes the registry.
pub struct Registrar {
    log: Arc<dyn Log>,
    timeouts: Timeouts,
    stage: Stage,
    /// Waiting for the write under way to end (R3).
    queue: Vec<Apply>,
    writing: Option<Writing>,
    /// Bytes of operations since the last snapshot, and that snapshot's size.
    since_snapshot: usize,
    snapshot_size: usize,
    figures: Option<Figures>,
}

enum Stage {
    Idle,
    Ready {
        master: Pid,
        registry: Box<Registry>,
    },
    /// Nothing is stored any more; the master has been told.
    Failed,
}

struct Writing {
    started: Instant,
    timeout: Timer,
    results: Vec<Applied>,
}

struct Figures {
    queued: Gauge,
    size: Gauge,
    fetch: Gauge,
    store: Timing,
}

impl Figures {
    fn new(metrics: &Metrics) -> Self {
        metrics.gauge("registrar/log/recovered").set(1.0);
        metrics.gauge("registrar/log/ensemble_size").set(1.0);
        Self {
            queued: metrics.gauge("registrar/queued_operations"),
            size: metrics.gauge("registrar/registry_size_bytes"),
            fetch: metrics.gauge("registrar/state_fetch_ms"),
            store: metrics.timer("registrar/state_store"),
        }
    }
}

impl Registrar {
    /// A registrar over `log`.
    pub fn new(log: Arc<dyn Log>, timeouts: Timeouts) -> Self {
        Self {
            log,
            timeouts,
            stage: Stage::Idle,
            queue: Vec::new(),
            writing: None,
            since_snapshot: 0,
            snapshot_size: 0,
            figures: None,
        }
    }

    fn recover(
        &mut self,
        from: &Pid,
        Recover { master }: Recover,
        context: &mut Context<'_, Self>,
    ) {
        let started = context.now();
        let leader = from.clone();
        let read = self.log.read();
        let timeout = self.timeouts.fetch;
        let limited = async move { tokio::time::timeout(timeout, read).await };
        context.run(limited, move |registrar, entries, context| {
            let entries = match entries {
                Ok(Ok(entries)) => entries,
                Ok(Err(error)) => return registrar.fail(&leader, &error.to_string(), context),
                Err(_) => {
                    let timeout = runtime::units::DurationText(timeout);
                    let reason = format!("Failed to perform fetch within {timeout}");
                    return registrar.fail(&leader, &reason, context);
                }
            };
            if let Some(figures) = &registrar.figures {
                figures
                    .fetch
                    .set((context.now() - started).as_secs_f64() * 1e3);
            }
            let entries = entries
                .into_iter()
                .map(|(position, entry)| (position.0, entry));
            match entry::replay(entries) {
                Ok(mut registry) => {
                    let operation = Operation::Recover { master };
                    let _ = registry.apply(&operation);
                    info!(
                        agents = registry.admitted().len(),
                        unreachable = registry.unreachable().len(),
                        "recovered the registry"
                    );
                    registrar.stage = Stage::Ready {
                        master: leader,
                        registry: Box::new(registry),
                    };
                    registrar.write_snapshot(context);
                }
                Err(error) => registrar.fail(&leader, &error.to_string(), context),
            }
        });
    }

    fn apply(&mut self, _: &Pid, apply: Apply, context: &mut Context<'_, Self>) {
        self.queue.push(apply);
        self.count_queue();
        if self.writing.is_none() {
            self.write_operations(context);
        }
    }

    /// Writes all that waits as one entry (R3).
    fn write_operations(&mut self, context: &mut Context<'_, Self>) {
        let Stage::Ready { registry, .. } = &mut self.stage else {
            return;
        };
        if self.queue.is_empty() {
            return;
        }
        let mut results = Vec::with_capacity(self.queue.len());
        let mut operations = Vec::with_capacity(self.queue.len());
        for Apply { ticket, operation } in std::mem::take(&mut self.queue) {
            let changed = registry.apply(&operation).unwrap_or_else(|error| {
                info!(%error, "the registry was not changed");
                false
            });
            results.push(Applied { ticket, changed });
            if changed {
                operations.push(operation);
            }
        }
        self.count_queue();
        if operations.is_empty() {
            self.answer(results, context);
        } else {
            self.write(&Entry::Operations(operations), results, context);
        }
    }

    fn write_snapshot(&mut self, context: &mut Context<'_, Self>) {
        let Stage::Ready { registry, .. } = &self.stage else {
            return;
        };
        let entry = Entry::Snapshot(Box::new(registry.to_proto()));
        self.write(&entry, Vec::new(), context);
    }

    fn write(&mut self, entry: &Entry, results: Vec<Applied>, context: &mut Context<'_, Self>) {
        let Stage::Ready { master, .. } = &self.stage else {
            return;
        };
        let bytes = match entry.encode() {
            Ok(bytes) => bytes,
            Err(error) => {
                let master = master.clone();
                return self.fail(&master, &error.to_string(), context);
            }
        };
        let size = bytes.len();
        let is_snapshot = matches!(entry, Entry::Snapshot(_));
        let limit = self.timeouts.store;
        let timeout = context.after(limit, move |registrar, context| {
            let Stage::Ready { master, .. } = &registrar.stage else {
                return;
            };
            let master = master.clone();
            let limit = runtime::units::DurationText(limit);
            registrar.fail(
                &master,
                &format!("Failed to perform store within {limit}"),
                context,
            );
        });
        self.writing = Some(Writing {
            started: context.now(),
            timeout,
            results,
        });
        context.run(
            self.log.append(bytes),
            move |registrar, position, context| {
                registrar.written(position, size, is_snapshot, context);
            },
        );
    }

    fn written(
        &mut self,
        position: Result<Position, LogError>,
        size: usize,
        is_snapshot: bool,
        context: &mut Context<'_, Self>,
    ) {
        let Some(Writing {
            started,
            timeout,
            results,
        }) = self.writing.take()
        else {
            return;
        };
        context.cancel(timeout);
        let Stage::Ready { master, .. } = &self.stage else {
            return;
        };
        let master = master.clone();
        let position = match position {
            Ok(position) => position,
            Err(error) => return self.fail(&master, &error.to_string(), context),
        };
        if let Some(figures) = &self.figures {
            figures.store.record(context.now() - started);
        }
        if is_snapshot {
            self.snapshot_written(position, size, &master, context);
        } else {
            self.since_snapshot += size;
            self.answer(results, context);
        }
        if let Some(figures) = &self.figures {
            figures
                .size
                .set((self.snapshot_size + self.since_snapshot) as f64);
        }
        if self.since_snapshot > SNAPSHOT_FROM.max(OPERATIONS_PER_SNAPSHOT * self.snapshot_size) {
            self.write_snapshot(context);
        } else {
            self.write_operations(context);
        }
    }

    fn snapshot_written(
        &mut self,
        position: Position,
        size: usize,
        master: &Pid,
        context: &mut Context<'_, Self>,
    ) {
        let is_first = self.snapshot_size == 0;
        self.snapshot_size = size;
        self.since_snapshot = 0;
        context.run(self.log.truncate(position), |_, truncated, _| {
            // What stands before a snapshot does no harm; the next one tries again.
            if let Err(error) = truncated {
                error!(%error, "the registry log could not be truncated");
            }
        });
        if is_first && let Stage::Ready { registry, .. } = &self.stage {
            context.send(
                master,
                Recovered {
                    registry: Box::new(registry.to_proto()),
                },
            );
        }
    }

    fn answer(&self, results: Vec<Applied>, context: &Context<'_, Self>) {
        if let Stage::Ready { master, .. } = &self.stage {
            for result in results {
                context.send(master, result);
            }
        }
    }

    fn fail(&mut self, master: &Pid, reason: &str, context: &mut Context<'_, Self>) {
        error!(reason, "the registrar gives up");
        self.stage = Stage::Failed;
        context.send(
            master,
            Failed {
                reason: reason.to_owned(),
            },
        );
    }

    fn count_queue(&self) {
        if let Some(figures) = &self.figures {
            figures.queued.set(self.queue.len() as f64);
        }
    }

    fn show(&mut self, _: Request, responder: Responder, _: &mut Context<'_, Self>) {
        responder.answer(match &self.stage {
            Stage::Ready { registry, .. } => Response::json(&registry.to_proto()),
            _ => Response::text(503, "The registry has not been recovered."),
        });
    }
}

impl Actor for Registrar {
    const KIND: &'static str = "registrar";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on("Reads the registry for a new leader.", Self::recover)
            .on("Changes the registry, durably.", Self::apply)
            .endpoint(
                "registry",
                Help::new("The registry.", "Its JSON, as the leading master knows it."),
                Self::show,
            );
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.figures = Some(Figures::new(context.metrics()));
    }
}
