//! Stand-ins for libraries of 2020 that systems of today do not have.
//!
//! The package was linked against OpenSSL 1.0 and a libcurl with another symbol version.
//! Nothing here uses TLS or fetches anything from within the native library, so it is enough
//! that the symbols are there: each is a function that returns zero.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::install::run;

/// Builds the stand-ins that `library` needs into `folder`.
pub(crate) fn build(library: &Path, folder: &Path) -> Result<(), String> {
    let mut nm = Command::new("nm");
    let output = nm.args(["-D", "--undefined-only"]).arg(library).output();
    let output = output.map_err(|error| format!("nm: {error} (install: binutils)"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut needed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for symbol in text.lines().filter_map(|line| line.split(' ').next_back()) {
        if let Some((name, version)) = symbol.split_once('@') {
            let version = version.trim_start_matches('@');
            needed.entry(version).or_default().push(name);
        }
    }
    for (file, prefix) in [
        ("libssl.so.1.0.0", "OPENSSL"),
        ("libcrypto.so.1.0.0", "OPENSSL"),
        ("libcurl.so.4", "CURL"),
    ] {
        let versions: Vec<_> = needed
            .iter()
            .filter(|(version, _)| version.starts_with(prefix))
            .collect();
        link(&folder.join(file), file, &versions)?;
    }
    Ok(())
}

fn link(path: &Path, name: &str, versions: &[(&&str, &Vec<&str>)]) -> Result<(), String> {
    let mut assembly = ".text\n".to_owned();
    let mut script = String::new();
    // Writing to a string does not fail.
    for (version, symbols) in versions {
        let _ = writeln!(script, "{version} {{ global: {}; }};", symbols.join("; "));
        for symbol in *symbols {
            let _ = writeln!(
                assembly,
                ".globl {symbol}\n.type {symbol},@function\n{symbol}:"
            );
        }
    }
    assembly.push_str("xor %eax, %eax\nret\n.section .note.GNU-stack,\"\",@progbits\n");
    let source = path.with_extension("s");
    let map = path.with_extension("map");
    let write = |path: &Path, text: &str| {
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    write(&source, &assembly)?;
    write(&map, &script)?;
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-nostdlib", "-o"])
        .args([path, &source])
        .arg(format!("-Wl,-soname,{name}"))
        .arg(format!("-Wl,--version-script={}", map.display()));
    run(&mut gcc)
}
