//! Runs the jobs of a file at their times, and after each other.

use std::process::ExitCode;

use examples::timetable::Timetable;

fn main() -> ExitCode {
    examples::main::<Timetable>()
}
