//! Notes when, by whom and from which commit the program is built.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../.git/HEAD");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let seconds = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs())
        });
    println!("cargo:rustc-env=MESOS_BUILD_TIME={seconds}");
    println!("cargo:rustc-env=MESOS_BUILD_DATE={}", date(seconds));
    let user = std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo:rustc-env=MESOS_BUILD_USER={user}");
    for (name, arguments) in [
        ("MESOS_GIT_SHA", ["rev-parse", "HEAD"].as_slice()),
        ("MESOS_GIT_BRANCH", &["rev-parse", "--abbrev-ref", "HEAD"]),
    ] {
        let output = Command::new("git").args(arguments).output();
        if let Ok(output) = output
            && output.status.success()
            && let Ok(text) = String::from_utf8(output.stdout)
        {
            println!("cargo:rustc-env={name}={}", text.trim());
        }
    }
}

/// `2026-11-22 21:28:52`, in UTC.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut left) = (1970, days);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    format!(
        "{year:04}-{month:02}-{:02} {:02}:{:02}:{:02}",
        left + 1,
        rest / 3600,
        rest % 3600 / 60,
        rest % 60
    )
}
