//! What frameworks and agents can do, and which roles a framework has (M45).

use std::collections::BTreeSet;

use messages::v1::{
    self, agent_info::capability::Type as AgentType,
    framework_info::capability::Type as FrameworkType,
};

use crate::{Role, role::RoleError};

/// Whether a framework has a capability.
pub fn framework_has(info: &v1::FrameworkInfo, capability: FrameworkType) -> bool {
    info.capabilities
        .iter()
        .any(|one| one.r#type() == capability)
}

/// Whether an agent that says it has `capabilities` has this one.
pub fn agent_has(capabilities: &[v1::agent_info::Capability], capability: AgentType) -> bool {
    capabilities.iter().any(|one| one.r#type() == capability)
}

/// The roles of a framework: `roles` if it has MULTI_ROLE, otherwise `role`.
pub fn framework_roles(info: &v1::FrameworkInfo) -> Result<BTreeSet<Role>, RoleError> {
    if framework_has(info, FrameworkType::MultiRole) {
        info.roles.iter().map(|role| Role::parse(role)).collect()
    } else {
        Ok([Role::parse(info.role())?].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_depend_on_multi_role() {
        let mut info = v1::FrameworkInfo {
            role: Some("one".into()),
            roles: vec!["a".into(), "b".into()],
            ..Default::default()
        };
        let names = |info: &v1::FrameworkInfo| {
            let roles = framework_roles(info).unwrap();
            roles.iter().map(Role::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(&info), ["one"]);
        info.capabilities.push(v1::framework_info::Capability {
            r#type: Some(FrameworkType::MultiRole as i32),
        });
        assert!(framework_has(&info, FrameworkType::MultiRole));
        assert!(!framework_has(&info, FrameworkType::GpuResources));
        assert_eq!(names(&info), ["a", "b"]);
    }
}
