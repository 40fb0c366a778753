//! Links `mesos-executor` without shared libraries where the C library allows it: one is
//! started for every task, and to load and relocate libraries is the larger part of its
//! start.

use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

/// What stands in for the shared libraries that Rust's standard library asks for.
const STAND_INS: &[(&str, &str)] = &[
    ("libc.so", "-l:libc.a -l:libgcc_eh.a"),
    ("libgcc_s.so", "-l:libgcc_eh.a -l:libgcc.a"),
    ("libm.so", "-l:libm.a"),
    ("libutil.so", "-l:libutil.a"),
    ("librt.so", "-l:librt.a"),
    ("libpthread.so", "-l:libpthread.a"),
    ("libdl.so", "-l:libdl.a"),
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    if !is_native_gnu() || !has_static_libraries() {
        return Ok(());
    }
    let Some(folder) = env::var_os("OUT_DIR") else {
        return Ok(());
    };
    let folder = Path::new(&folder).join("stand-ins");
    fs::create_dir_all(&folder)?;
    for (name, inputs) in STAND_INS {
        // The linker takes a library that is a text for a script.
        fs::write(folder.join(name), format!("INPUT({inputs})\n"))?;
    }
    for argument in ["-static", "-no-pie", &format!("-L{}", folder.display())] {
        println!("cargo::rustc-link-arg-bin=mesos-executor={argument}");
    }
    Ok(())
}

fn is_native_gnu() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|actual| actual == value);
    is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env::var("HOST") == env::var("TARGET")
        && env::var_os("RUSTC_LINKER").is_none()
}

/// Whether the C compiler, which links, knows where these are.
fn has_static_libraries() -> bool {
    let asked_for = STAND_INS.iter().flat_map(|(_, inputs)| inputs.split(' '));
    asked_for
        .filter_map(|input| input.strip_prefix("-l:"))
        .all(|name| {
            let found = Command::new("cc")
                .arg(format!("-print-file-name={name}"))
                .output();
            // A file that is not found is printed as it was asked for.
            found.is_ok_and(|found| found.status.success() && found.stdout.starts_with(b"/"))
        })
}
