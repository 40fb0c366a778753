//! `mesos-slave`: the agent daemon by its older name.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent::main()
}
