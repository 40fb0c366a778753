//! `mesos-slave`: the agent daemon by its older name.

use std::process::ExitCode;

/// What one thread decodes another drops: the C library's is slow at that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    agent::main()
}
