//! The command executor, started by agents.

use std::process::ExitCode;

fn main() -> ExitCode {
    executor::main()
}
