//! The pure nouns of Mesos: ids, resources, roles, attributes, task states, and their validation.

// What upstream's protocol calls deprecated is still spoken by its clients.
#![allow(deprecated)]

pub mod attributes;
pub mod capabilities;
pub mod endpoint;
pub mod executor_words;
pub mod ids;
pub mod offer_constraints;
pub mod resources;
pub mod role;
pub mod task_state;
pub mod text;
pub mod uuid;
pub mod validation;

pub use ids::{
    AgentId, ContainerId, ExecutorId, FrameworkId, MasterId, OfferId, OperationId, TaskId,
};
pub use resources::{Quantities, Ranges, Resource, ResourceError, Resources, Scalar, Set};
pub use role::Role;
