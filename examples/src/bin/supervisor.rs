//! Keeps the services of a file alive.

use std::process::ExitCode;

use examples::supervisor::Services;

fn main() -> ExitCode {
    examples::main::<Services>()
}
