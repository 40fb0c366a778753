//! `mesos-master`: the master daemon.

use std::process::ExitCode;
use std::time::Duration;

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

/// How often each thread gives back memory that is free. By itself the allocator keeps it for
/// ten seconds, and then until the thread asks for more: after a return of all agents that is
/// most of what the master has. To give it back at once would cost a twentieth of the speed.
const GIVE_BACK: Duration = Duration::from_secs(1);

#[expect(unsafe_code, reason = "the allocator is only asked by a call of C")]
fn give_back() {
    unsafe extern "C" {
        fn mi_collect(force: bool);
    }
    // SAFETY: the function is mimalloc's, which is linked in; any thread may call it.
    unsafe { mi_collect(true) }
}

fn main() -> ExitCode {
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
    runtime::have_each_thread(GIVE_BACK, give_back);
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
