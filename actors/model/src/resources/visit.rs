//! Messages that carry resources, and changes to all resources in one.
//!
//! A peer without RESERVATION_REFINEMENT is spoken to in the old form, wherever
//! in a message the resources are; so are resources that a framework leaves
//! unallocated given the role of the offer, wherever they are.

use messages::v1;

use super::{ResourceError, format};
use crate::Role;

/// A message that carries resources.
pub trait HasResources {
    /// Shows `visit` each resource, until one is refused.
    fn try_each_resource<E>(
        &mut self,
        visit: &mut impl FnMut(&mut v1::Resource) -> Result<(), E>,
    ) -> Result<(), E>;
}

/// Turns all resources in a message into the new form (A22).
pub fn upgrade(message: &mut impl HasResources) {
    each(message, format::upgrade);
}

/// Turns all resources in a message into the old form (A22). Refuses refined
/// reservations, which that form cannot say; the message is then half changed.
pub fn downgrade(message: &mut impl HasResources) -> Result<(), ResourceError> {
    message.try_each_resource(&mut |resource| format::downgrade(resource))
}

/// Allocates to `role` all resources in a message that are not allocated: what
/// frameworks without MULTI_ROLE send does not say it.
pub fn inject_allocation(message: &mut impl HasResources, role: &Role) {
    each(message, |resource| {
        let info = resource.allocation_info.get_or_insert_default();
        info.role.get_or_insert_with(|| role.as_str().to_owned());
    });
}

/// Allocates all resources in a message to nobody: what frameworks without
/// MULTI_ROLE get does not say it.
pub fn strip_allocation(message: &mut impl HasResources) {
    each(message, |resource| resource.allocation_info = None);
}

fn each(message: &mut impl HasResources, mut change: impl FnMut(&mut v1::Resource)) {
    // The error type has no value, so there is nothing to lose.
    let done: Result<(), std::convert::Infallible> = message.try_each_resource(&mut |resource| {
        change(resource);
        Ok(())
    });
    match done {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

impl HasResources for v1::Resource {
    fn try_each_resource<E>(
        &mut self,
        visit: &mut impl FnMut(&mut v1::Resource) -> Result<(), E>,
    ) -> Result<(), E> {
        visit(self)
    }
}

impl<T: HasResources> HasResources for Vec<T> {
    fn try_each_resource<E>(
        &mut self,
        visit: &mut impl FnMut(&mut v1::Resource) -> Result<(), E>,
    ) -> Result<(), E> {
        self.iter_mut()
            .try_for_each(|one| one.try_each_resource(visit))
    }
}

impl<T: HasResources> HasResources for Option<T> {
    fn try_each_resource<E>(
        &mut self,
        visit: &mut impl FnMut(&mut v1::Resource) -> Result<(), E>,
    ) -> Result<(), E> {
        self.iter_mut()
            .try_for_each(|one| one.try_each_resource(visit))
    }
}

/// Goes through the fields of a message that carry resources.
macro_rules! has_resources {
    ($($message:ty: $($field:ident),+;)+) => {$(
        impl HasResources for $message {
            fn try_each_resource<E>(
                &mut self,
                visit: &mut impl FnMut(&mut v1::Resource) -> Result<(), E>,
            ) -> Result<(), E> {
                $(self.$field.try_each_resource(visit)?;)+
                Ok(())
            }
        }
    )+};
}

has_resources! {
    v1::ExecutorInfo: resources;
    v1::TaskInfo: resources, executor;
    v1::TaskGroupInfo: tasks;
    v1::Task: resources;
    v1::AgentInfo: resources;
    v1::Offer: resources;
    v1::TaskResourceLimitation: resources;
    v1::TaskStatus: limitation;
    v1::OperationStatus: converted_resources;
    v1::Operation: info, latest_status, statuses;
    v1::offer::Operation: launch, launch_group, reserve, unreserve, create, destroy, grow_volume,
        shrink_volume, create_disk, destroy_disk;
    v1::offer::operation::Launch: task_infos;
    v1::offer::operation::LaunchGroup: executor, task_group;
    v1::offer::operation::Reserve: source, resources;
    v1::offer::operation::Unreserve: resources;
    v1::offer::operation::Create: volumes;
    v1::offer::operation::Destroy: volumes;
    v1::offer::operation::GrowVolume: volume, addition;
    v1::offer::operation::ShrinkVolume: volume;
    v1::offer::operation::CreateDisk: source;
    v1::offer::operation::DestroyDisk: source;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Resources, resources::Reservation};

    fn role(text: &str) -> Role {
        Role::parse(text).unwrap()
    }

    fn reserved() -> Resources {
        Resources::parse("cpus(web):1;mem:1", &Role::any()).unwrap()
    }

    fn launch(resources: &Resources) -> v1::offer::Operation {
        let executor = v1::ExecutorInfo {
            resources: resources.to_proto(),
            ..Default::default()
        };
        let task = v1::TaskInfo {
            resources: resources.to_proto(),
            executor: Some(executor),
            ..Default::default()
        };
        v1::offer::Operation {
            launch: Some(v1::offer::operation::Launch {
                task_infos: vec![task],
            }),
            ..Default::default()
        }
    }

    fn all(message: &mut impl HasResources) -> Vec<v1::Resource> {
        let mut list = Vec::new();
        each(message, |resource| list.push(resource.clone()));
        list
    }

    #[test]
    fn the_form_changes_everywhere() {
        let mut operation = launch(&reserved());
        downgrade(&mut operation).unwrap();
        let roles: Vec<_> = all(&mut operation)
            .into_iter()
            .map(|one| one.role.unwrap())
            .collect();
        assert_eq!(roles, ["web", "*", "web", "*"]);
        upgrade(&mut operation);
        assert_eq!(operation, launch(&reserved()));

        let refined = reserved()
            .reserved_to(&role("web"))
            .push_reservation(&Reservation::new_dynamic(role("web/a"), None));
        assert_eq!(
            downgrade(&mut launch(&refined)),
            Err(ResourceError::CannotDowngrade)
        );
    }

    #[test]
    fn the_allocation_changes_everywhere() {
        let mut operation = launch(&reserved());
        inject_allocation(&mut operation, &role("ads"));
        assert_eq!(operation, launch(&reserved().allocated(&role("ads"))));
        // What is allocated stays so.
        inject_allocation(&mut operation, &role("web"));
        assert_eq!(operation, launch(&reserved().allocated(&role("ads"))));
        strip_allocation(&mut operation);
        assert_eq!(operation, launch(&reserved()));
    }
}
