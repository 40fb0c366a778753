//! Links the launch helper `mesos-containerizer` without a C library, so that it starts fast.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for argument in ["-nostartfiles", "-nostdlib", "-static", "-no-pie"] {
        println!("cargo::rustc-link-arg-bin=mesos-containerizer={argument}");
    }
}
