//! Tests whose peer cannot be had here say so, and are never silently passed.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Whether `program` can be started; if not, prints why the test is skipped. On CI's
/// machine everything can be had, so there a missing peer fails the test.
pub fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        because(&format!("{program} cannot be started here"));
    }
    found
}

/// Says why a test is skipped.
pub fn because(reason: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "nothing may be skipped on CI: {reason}"
    );
    tell(reason);
}

/// Says why a test is skipped, wherever it runs.
pub fn tell(reason: &str) {
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}
