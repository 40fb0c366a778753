//! Resources: what agents have, offers give and tasks take (A20, A22).

mod amounts;
mod body;
pub mod check;
mod collection;
pub mod describe;
mod details;
mod error;
pub mod format;
pub mod operations;
mod parse;
mod quantities;
mod ranges;
mod resource;
mod scalar;
mod serde;
mod set;
mod sharing;
mod v0;
pub mod visit;

pub use body::{Kind, Value, ValueRef};
pub use collection::Resources;
pub use details::{Reservation, ReservationKind};
pub use error::ResourceError;
pub use quantities::Quantities;
pub use ranges::Ranges;
pub use resource::Resource;
pub use scalar::Scalar;
pub use set::Set;
pub use v0::{V0Object, V0Value};

#[cfg(test)]
mod tests;
