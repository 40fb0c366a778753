//! What a framework can do (M45).

use messages::v1::{self, framework_info::capability::Type};

/// A set of framework capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameworkCapabilities(u32);

impl FrameworkCapabilities {
    /// The capabilities in a message; unknown ones are passed over.
    pub fn from_proto(list: &[v1::framework_info::Capability]) -> Self {
        Self(
            list.iter()
                .fold(0, |set, it| set | bit(it.r#type.unwrap_or_default())),
        )
    }

    /// Whether it has this one.
    pub fn has(self, capability: Type) -> bool {
        self.0 & bit(capability.into()) != 0
    }

    /// It has `roles` instead of `role`, and wants allocation info in offers.
    pub fn multi_role(self) -> bool {
        self.has(Type::MultiRole)
    }

    /// It is told what exactly became of tasks, instead of TASK_LOST.
    pub fn partition_aware(self) -> bool {
        self.has(Type::PartitionAware)
    }

    /// It reads `reservations` instead of `role` in resources.
    pub fn reservation_refinement(self) -> bool {
        self.has(Type::ReservationRefinement)
    }

    /// The capabilities, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Type> {
        (1..32).filter_map(move |number| {
            let capability = Type::try_from(number).ok()?;
            self.has(capability).then_some(capability)
        })
    }
}

/// The bit of a capability's number; none for UNKNOWN (0) and numbers out of range.
fn bit(number: i32) -> u32 {
    match u32::try_from(number) {
        Ok(number @ 1..32) => 1 << number,
        _ => 0,
    }
}
