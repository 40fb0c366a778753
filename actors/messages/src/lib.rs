//! Every message that crosses a process boundary, made from the `.proto` files beside it.
//!
//! There is one data model, package `mesos.v1` ([`v1`]). The messages that libprocess
//! peers exchange ([`internal`]) are defined over it: v0 differs from v1 in names, not in
//! bytes, except where a type here says so.
//!
//! A message is read and written in three forms: [`binary`] protobuf, Mesos' [`json`],
//! and through `serde` any self-describing format, MessagePack above all. Only the first
//! is generated code; the others walk the binary form by tables of fields, so that one
//! reader and one writer hold every rule.

pub mod binary;
mod codec;
pub mod json;
mod plain;
mod read;
mod required;
pub mod table;
pub mod wire;
mod write;

#[macro_use]
mod describe;
mod scheduler_call;

#[cfg(test)]
mod tests;

/// The public data model and its APIs: package `mesos.v1`.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.rs"));

    /// The scheduler API: package `mesos.v1.scheduler`.
    pub mod scheduler {
        include!(concat!(env!("OUT_DIR"), "/mesos.v1.scheduler.rs"));
    }
    /// The executor API: package `mesos.v1.executor`.
    pub mod executor {
        include!(concat!(env!("OUT_DIR"), "/mesos.v1.executor.rs"));
    }
    /// The master's operator API: package `mesos.v1.master`.
    pub mod master {
        include!(concat!(env!("OUT_DIR"), "/mesos.v1.master.rs"));
    }
    /// The agent's operator API: package `mesos.v1.agent`.
    pub mod agent {
        include!(concat!(env!("OUT_DIR"), "/mesos.v1.agent.rs"));
    }
    /// Quotas: package `mesos.v1.quota`.
    pub mod quota {
        include!(concat!(env!("OUT_DIR"), "/mesos.v1.quota.rs"));
    }
    /// Maintenance windows: package `mesos.v1.maintenance`.
    pub mod maintenance {
        include!(concat!(env!("OUT_DIR"), "/mesos.v1.maintenance.rs"));
    }
    /// Answers to inverse offers: package `mesos.v1.allocator`.
    pub mod allocator {
        include!(concat!(env!("OUT_DIR"), "/mesos.v1.allocator.rs"));
    }
    /// The resource provider API: package `mesos.v1.resource_provider`.
    pub mod resource_provider {
        include!(concat!(env!("OUT_DIR"), "/mesos.v1.resource_provider.rs"));
    }
}

/// What libprocess peers exchange (M1-M7) and what the registrar stores: package
/// `mesos.internal`.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod internal {
    include!(concat!(env!("OUT_DIR"), "/mesos.internal.rs"));

    /// The replicated log's messages and records (M7): package `mesos.internal.log`.
    pub mod log {
        include!(concat!(env!("OUT_DIR"), "/mesos.internal.log.rs"));
    }
    /// The entries that upstream keeps in its replicated log: package
    /// `mesos.internal.state`.
    pub mod state {
        include!(concat!(env!("OUT_DIR"), "/mesos.internal.state.rs"));
    }
    /// What an agent checkpoints about its resources: package `mesos.internal.slave`.
    pub mod slave {
        include!(concat!(env!("OUT_DIR"), "/mesos.internal.slave.rs"));
    }
}

/// What the registrar stores: [`internal::Registry`] and its parts.
pub mod registry {
    pub use crate::internal::{Registry, registry::*};
}

/// The scheduler driver's call: package `mesos.scheduler`.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod scheduler {
    include!(concat!(env!("OUT_DIR"), "/mesos.scheduler.rs"));
}

/// What the fetcher is told: package `mesos.fetcher`.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod fetcher {
    include!(concat!(env!("OUT_DIR"), "/mesos.fetcher.rs"));
}

/// What agent, isolators and launcher tell each other about containers.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod containerizer {
    include!(concat!(env!("OUT_DIR"), "/mesos.containerizer.rs"));
}

/// The resource providers that the registry remembers: package
/// `mesos.resource_provider`.
#[allow(missing_docs, clippy::all, unreachable_pub)]
pub mod resource_provider {
    /// Package `mesos.resource_provider.registry`.
    pub mod registry {
        include!(concat!(
            env!("OUT_DIR"),
            "/mesos.resource_provider.registry.rs"
        ));
    }
}
