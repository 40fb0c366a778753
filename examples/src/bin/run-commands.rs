//! Runs the commands of a file, and reports how they ended.

use std::process::ExitCode;

use examples::run_commands::Commands;

fn main() -> ExitCode {
    examples::main::<Commands>()
}
