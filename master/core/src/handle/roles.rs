//! REVIVE and SUPPRESS: a framework wants offers for its roles, or does not (A11).

use std::collections::BTreeSet;

use model::Role;
use model::ids::FrameworkId;

use crate::allocator::messages::{ReviveOffers, SuppressOffers};
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    pub(crate) fn revive(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId, roles: &[String]) {
        self.count().messages_revive_offers += 1;
        if let Some(roles) = self.own_roles(id, roles) {
            self.set_suppressed(id, &roles, false);
            turn.allocator(ReviveOffers {
                framework_id: id.clone(),
                roles,
            });
        }
    }

    pub(crate) fn suppress(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId, roles: &[String]) {
        self.count().messages_suppress_offers += 1;
        if let Some(roles) = self.own_roles(id, roles) {
            self.set_suppressed(id, &roles, true);
            turn.allocator(SuppressOffers {
                framework_id: id.clone(),
                roles,
            });
        }
    }

    /// The roles, if the framework has them all: one that it has not voids the call.
    fn own_roles(&self, id: &FrameworkId, roles: &[String]) -> Option<BTreeSet<Role>> {
        let own = self.frameworks.get(id)?.roles();
        let read: Option<BTreeSet<Role>> = roles
            .iter()
            .map(|role| Role::parse(role).ok().filter(|role| own.contains(role)))
            .collect();
        if read.is_none() {
            tracing::warn!(%id, ?roles, "dropping a call for roles that the framework has not");
        }
        read
    }

    /// Notes for views which roles are suppressed; no roles mean all.
    fn set_suppressed(&mut self, id: &FrameworkId, roles: &BTreeSet<Role>, suppress: bool) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let suppressed = match (suppress, roles.is_empty()) {
            (true, true) => framework.roles().clone(),
            (true, false) => framework.suppressed().union(roles).cloned().collect(),
            (false, true) => BTreeSet::new(),
            (false, false) => framework.suppressed().difference(roles).cloned().collect(),
        };
        if suppressed != *framework.suppressed() {
            framework.set_suppressed(suppressed);
        }
    }
}

#[cfg(test)]
mod tests;
