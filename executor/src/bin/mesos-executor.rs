//! The command executor, started by agents.
//!
//! Without the `main` of Rust's, before which the standard library reads the map of the process'
//! memory to be ready for overflows of the stack: this program starts for every task.

#![no_main]
#![expect(unsafe_code, reason = "what the standard library does before `main`")]

use std::ffi::{c_char, c_int};

use nix::sys::signal::{SigHandler, Signal, signal};

/// What the C library calls. The standard library finds the arguments by itself.
// SAFETY: nothing else in this program has this name, and it has C's signature.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    // A peer that is gone is an error of writing, and not the end of the process.
    // SAFETY: a handler must be safe to call at any moment; to ignore needs none.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
    executor::main().into()
}
