//! What an agent can do (M45).

use messages::v1::{self, agent_info::capability::Type};

/// A set of agent capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgentCapabilities(u32);

impl AgentCapabilities {
    /// The capabilities in a message; unknown ones are passed over.
    pub fn from_proto(list: &[v1::agent_info::Capability]) -> Self {
        Self(
            list.iter()
                .fold(0, |set, it| set | bit(it.r#type.unwrap_or_default())),
        )
    }

    /// Whether it has this one.
    pub fn has(self, capability: Type) -> bool {
        self.0 & bit(capability.into()) != 0
    }

    /// The capabilities, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Type> {
        (1..32).filter_map(move |number| {
            let capability = Type::try_from(number).ok()?;
            self.has(capability).then_some(capability)
        })
    }

    /// The capabilities as they travel in messages.
    pub fn to_proto(self) -> Vec<v1::agent_info::Capability> {
        self.iter()
            .map(|it| v1::agent_info::Capability {
                r#type: Some(it.into()),
            })
            .collect()
    }
}

/// The bit of a capability's number; none for UNKNOWN (0) and numbers out of range.
fn bit(number: i32) -> u32 {
    match u32::try_from(number) {
        Ok(number @ 1..32) => 1 << number,
        _ => 0,
    }
}
