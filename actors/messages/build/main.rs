//! Makes the message types and their field tables from the `.proto` files.

mod deprecation;
mod files;
mod names;
mod tables;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where the `.proto` files are, relative to this crate.
const PROTO_ROOT: &str = "proto";

// Cargo takes its instructions from standard output.
#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={PROTO_ROOT}");

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let root = Path::new(PROTO_ROOT);
    let mut descriptors = protox::compile(files::protos_under(root)?, [root])?;

    fs::write(out.join("tables.rs"), tables::generate(&descriptors)?)?;

    deprecation::forget(&mut descriptors);
    prost_build::Config::new()
        .out_dir(&out)
        .bytes(["."])
        .btree_map(["."])
        // Few resources have it, and it would be most of their size.
        .boxed(".mesos.v1.Resource.disk")
        .compile_fds(descriptors)?;
    Ok(())
}
