//! Whole clusters, simulated: the project's own master, agents, executors and frameworks
//! on turmoil's sockets and clock, under faults that a seed draws. An auditor watches, one
//! file per invariant (`tests/seeds/auditor`).
//!
//! All of it is a test, so that no daemon is ever built with a simulator inside:
//!
//! ```sh
//! cargo test -p sim                                            # as CI does
//! SIM_SEEDS=100000 cargo test --release -p sim -- night        # a night's run
//! SIM_SEED=4711 cargo test -p sim -- one --nocapture           # one seed, told in full
//! SIM_SEED=4711 SIM_LOG=debug cargo test -p sim -- one --nocapture   # with the daemons' logs
//! ```
//!
//! A seed that fails prints the command that repeats it.
