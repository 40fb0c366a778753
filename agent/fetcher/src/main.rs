//! `mesos-fetcher`.

fn main() {}
