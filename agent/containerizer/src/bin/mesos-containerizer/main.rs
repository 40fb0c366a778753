//! The launch helper: makes of itself what a container's first process must be and executes the
//! container's command.
//!
//! One runs for each task that no template starts, and most of what a small program costs is the
//! start of a C library and a dynamic linker: without them this one starts in a fifth of the
//! time. Hence no standard library here. The work is done by the crate `launch`.
//!
//! The agent passes the launch info as standard input, a file, and listens on standard output, a
//! pipe: it closes when the command is executed, and carries a [`Failure`] before that if a step
//! fails.

#![no_std]
#![no_main]
#![no_builtins]

mod entry;
mod memory;

use core::ffi::CStr;

use launch::sys::{self, Fd};
use launch::{Failure, Launch, Step};

const USAGE: &[u8] = b"Usage: mesos-containerizer launch\n\
    Starts the command of a container; the agent runs it, people do not.\n\
    It reads what to do from standard input and reports a failure on standard output.\n";

/// Runs the program on its arguments (without the zeroth) and returns the exit status.
fn run(mut arguments: impl Iterator<Item = &'static CStr>) -> i32 {
    match (arguments.next().map(CStr::to_bytes), arguments.next()) {
        (Some(b"launch"), None) => launch(),
        (Some(b"help" | b"--help"), _) => {
            sys::write(Fd::STDOUT, USAGE);
            0
        }
        _ => {
            sys::write(Fd::STDERR, USAGE);
            2
        }
    }
}

fn launch() -> i32 {
    // The pipe must neither be in the way of the command's own output nor reach the command.
    let Ok(status) = sys::duplicate_above_standard(Fd::STDOUT) else {
        return 1;
    };
    sys::write(status, &start().to_bytes());
    1
}

/// Starts the command in the place of this program; returns only with the reason why not.
fn start() -> Failure {
    let info = match sys::map_file(Fd::STDIN) {
        Ok(info) => info,
        Err(errno) => return Failure::new(Step::Read, errno),
    };
    let entered = Launch::read(info.bytes()).and_then(|launch| launch.enter().map(|()| launch));
    match entered {
        Ok(launch) => launch.execute(),
        Err(failure) => failure,
    }
}
