//! Whole clusters, simulated: the project's own master, agents, executors and frameworks
//! on turmoil's sockets and clock, under faults that a seed draws. An auditor watches, one
//! file per invariant (`tests/seeds/auditor`), and planted bugs show that it sees
//! (`tests/seeds/bugs`). `docs/testing.md` tells more.
//!
//! All of it is a test, so that no daemon is ever built with a simulator inside:
//!
//! ```sh
//! cargo sim                                               # a hundred seeds
//! SIM_SEEDS=2000 cargo sim                                # as CI does
//! SIM_SEED=4711 cargo sim -- --exact one --nocapture      # one, told in full
//! ```
//!
//! A seed that fails prints the command that repeats it.
