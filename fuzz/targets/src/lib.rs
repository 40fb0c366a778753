//! What every decoder that faces input must hold, whatever the input.
//!
//! A [`Target`] is a function of bytes that panics when its decoder breaks a promise: that
//! it never panics itself, that it does not mind how its input was cut, that what it wrote
//! it reads again. The fuzzer runs each of them without end; the test `smoke` runs all of
//! them for a moment, on inputs that are the same every time.

#![allow(
    clippy::expect_used,
    reason = "a target says by panicking that a promise was broken"
)]

mod api;
mod archive;
mod body;
mod boundary;
mod encodings;
mod files;
mod flags;
mod internal;
mod locators;
mod message_reader;
mod payload;
mod percent;
mod pid;
mod pieces;
mod recordio;
mod registry;
mod resources;
mod units;

/// One decoder, and what it must hold.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of the fuzzer's program.
    pub name: &'static str,
    /// Panics when the decoder breaks a promise.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident: $run:path, $seeds:path;)*) => {
        /// All targets.
        pub const TARGETS: &[Target] = &[$(
            Target { name: stringify!($name), run: $run, seeds: $seeds },
        )*];

        $(
            #[doc = concat!("The target `", stringify!($name), "`.")]
            pub fn $name(data: &[u8]) {
                $run(data);
            }
        )*
    };
}

targets! {
    http_body: body::run, body::seeds;
    http_boundary: boundary::run, boundary::seeds;
    message_reader: message_reader::run, message_reader::seeds;
    recordio: recordio::run, recordio::seeds;
    percent: percent::run, percent::seeds;
    pid: pid::run, pid::seeds;
    scheduler_api: api::scheduler, api::scheduler_seeds;
    executor_api: api::executor, api::executor_seeds;
    master_api: api::master, api::master_seeds;
    agent_api: api::agent, api::agent_seeds;
    task_info: api::task, api::task_seeds;
    internal_messages: internal::run, internal::seeds;
    resources: resources::resources, resources::resources_seeds;
    attributes: resources::attributes, resources::attributes_seeds;
    roles: resources::roles, resources::roles_seeds;
    units: units::run, units::seeds;
    locators: locators::run, locators::seeds;
    flags: flags::run, flags::seeds;
    files: files::run, files::seeds;
    registry: registry::run, registry::seeds;
    archive: archive::run, archive::seeds;
    payload: payload::run, payload::seeds;
}

fn owned(seeds: &[&[u8]]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.to_vec()).collect()
}
