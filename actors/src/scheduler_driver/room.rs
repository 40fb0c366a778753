//! What is left of an offer while tasks are fitted into it.

use messages::v1::{Offer, Resource};
use model::resources::Reservation;
use model::{Resources, Role};

/// The resources of an offer that nothing was taken from yet.
///
/// ```
/// use actors::scheduler_driver::Room;
/// use model::{Resources, Role};
///
/// let role = Role::any();
/// let offered = Resources::parse("cpus:1;mem:128", &role).unwrap();
/// let offer = messages::v1::Offer { resources: offered.to_proto(), ..Default::default() };
/// let needs = Resources::parse("cpus:0.6;mem:32", &role).unwrap();
///
/// let mut room = Room::of(&offer, &role);
/// assert!(room.take(&needs).is_some());
/// assert!(room.take(&needs).is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Room {
    left: Resources,
    role: Role,
}

impl Room {
    /// All that is offered, for a framework of one role.
    pub fn of(offer: &Offer, role: &Role) -> Self {
        let mut left = Resources::from_proto_lossy(&offer.resources);
        // There is one role: what it is allocated to goes without saying.
        left.unallocate();
        Self {
            left,
            role: role.clone(),
        }
    }

    /// What was not taken.
    pub fn left(&self) -> &Resources {
        &self.left
    }

    /// Takes what a task needs, first what is reserved to the role; nothing if there is
    /// too little.
    pub fn take(&mut self, needs: &Resources) -> Option<Vec<Resource>> {
        let wanted = if self.role.is_any() {
            needs.clone()
        } else {
            needs.push_reservation(&Reservation::new_static(self.role.clone()))
        };
        let found = self.left.find(&wanted)?;
        if !self.left.contains(&found) {
            return None;
        }
        self.left -= found.clone();
        Some(found.to_proto())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_takes_its_reserved_resources_first() {
        let role = Role::parse("ads").unwrap();
        let mut resources = Resources::parse("cpus(ads):0.4;cpus:4;mem:512", &Role::any()).unwrap();
        resources.allocate(&role);
        let offer = Offer {
            resources: resources.to_proto(),
            ..Offer::default()
        };
        let mut room = Room::of(&offer, &role);
        let needs = Resources::parse("cpus:1;mem:128", &Role::any()).unwrap();
        let taken = room.take(&needs).unwrap();
        assert_eq!(
            Resources::from_proto(&taken).unwrap(),
            Resources::parse("cpus(ads):0.4;cpus:0.6;mem:128", &Role::any()).unwrap()
        );
        assert_eq!(
            *room.left(),
            Resources::parse("cpus:3.4;mem:384", &Role::any()).unwrap()
        );
    }
}
