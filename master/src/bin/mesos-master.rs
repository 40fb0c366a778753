//! `mesos-master`: the master daemon.

use std::ffi::{c_int, c_long};
use std::process::ExitCode;

use actors::daemon::{self, ExitReason};
use master::{PROGRAM, open_log, start};
use runtime::flags::Flags;
use runtime::logging;
use runtime::{Limits, World};
use tracing::{info, warn};

/// What one thread decodes another drops, all day: the C library's is slow at that. Without
/// huge pages, since clearing them costs more than they bring here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Has the allocator give back soon what is free: by itself it keeps it for ten seconds, and
/// then until something happens, which after a return of all agents is most of the memory.
#[expect(unsafe_code, reason = "the allocator's options are set by a call of C")]
fn give_back_soon() {
    unsafe extern "C" {
        fn mi_option_set(option: c_int, value: c_long);
    }
    /// `mi_option_purge_delay`, in milliseconds; ten times that for large pieces.
    const PURGE_DELAY: c_int = 15;
    // SAFETY: the function is mimalloc's, which is linked in and takes any number.
    unsafe { mi_option_set(PURGE_DELAY, 10) }
}

fn main() -> ExitCode {
    give_back_soon();
    match daemon::load_flags(&PROGRAM) {
        Ok(flags) => daemon::main(run(flags)),
        Err(code) => code,
    }
}

async fn run(flags: Flags) -> Result<ExitReason, Box<dyn std::error::Error>> {
    let options = master::Options::read(&flags, |name| std::env::var(name).ok())?;
    let _logging = logging::start(logging::Settings::from_flags(PROGRAM.name, &flags)?)?;
    for warning in flags.warnings() {
        warn!("{warning}");
    }
    let log = open_log(&options)?;
    let surroundings = master::Surroundings {
        world: World::Real,
        shown: flags.shown(),
        limits: Limits::from_flags(&flags)?,
    };
    let running = start(options, log, surroundings).await?;
    info!("listening at http://{}/", running.node.address());
    tokio::select! {
        () = daemon::interrupted() => {
            info!("asked to end");
            Ok(ExitReason::Asked)
        }
        reason = running.ended => {
            Ok(ExitReason::Failed(reason.unwrap_or_else(|_| "the master ended".to_owned())))
        }
    }
}
