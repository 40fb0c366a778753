//! What messages may say: pure checks with upstream's refusals (M9, M47–M51).
//!
//! A check takes a message and what it must know of the world, and says what is
//! wrong first. What only the state knows, such as which tasks run, comes in by
//! small structs of closures.

pub mod agent_call;
pub mod agent_message;
pub mod check;
pub mod command;
pub mod container;
pub mod container_id;
pub mod executor;
pub mod executor_call;
pub mod framework;
pub mod master_call;
pub mod offer;
pub mod offer_filters;
pub mod operation;
pub mod resources;
pub mod scheduler_call;
pub mod task;
pub mod task_group;

/// A field that a call of its type must have is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Expecting '{0}' to be present")]
pub struct Missing(pub &'static str);

/// Checks that a field is there.
fn present<T>(field: &Option<T>, name: &'static str) -> Result<(), Missing> {
    present_ref(field, name).map(drop)
}

/// Takes a field that must be there.
fn present_ref<'a, T>(field: &'a Option<T>, name: &'static str) -> Result<&'a T, Missing> {
    field.as_ref().ok_or(Missing(name))
}

/// The value of an optional enum. One with a number that nobody knows counts as
/// absent.
fn known<T: TryFrom<i32>>(number: Option<i32>) -> Option<T> {
    number.and_then(|number| T::try_from(number).ok())
}

/// Names as upstream lists them: `{ a, b }`.
fn braces<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    format!("{{ {} }}", names.join(", "))
}
