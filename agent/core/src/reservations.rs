//! Dynamic reservations: what operations made of the agent's resources.
//!
//! A master of Apache Mesos tells them to agents that announce no resource providers, as the
//! whole of what is to be kept. They live as long as this process: a restarted agent is a new
//! one.

use messages::internal;
use model::resources::{Resource, Resources};
use runtime_core::Pid;

use crate::agent::Agent;

impl Agent {
    pub(crate) fn checkpoint_resources(
        &mut self,
        from: &Pid,
        message: &internal::CheckpointResourcesMessage,
    ) {
        if !self.is_master(from) {
            tracing::warn!(%from, "Ignoring resources to be kept: not the expected master");
            return;
        }
        let told = Resources::from_proto_lossy(&message.resources);
        let mut kept = Resources::new();
        for resource in &told {
            if resource.is_persistent_volume() {
                tracing::error!(%resource, "Persistent volumes are not supported by this agent");
                kept.add_one(resource.without_volume());
            } else {
                kept.add_one(resource.clone());
            }
        }
        match (self.config.resources).apply_checkpointed(&kept.needing_checkpoint()) {
            Ok(total) => {
                tracing::info!(%kept, "Keeping reservations");
                self.state.total = total;
            }
            Err(error) => tracing::error!(%error, "Cannot keep the reservations of the master"),
        }
    }

    /// What masters are told that it keeps.
    pub(crate) fn checkpointed_resources(&self) -> Vec<messages::v1::Resource> {
        let kept = self.state.total.needing_checkpoint();
        // The old form does for all that is not reserved within a reservation.
        kept.to_proto_old_form().unwrap_or_else(|_| kept.to_proto())
    }

    /// Whether the agent keeps all of what operations made that is among these.
    pub(crate) fn keeps(&self, resources: &[messages::v1::Resource]) -> bool {
        let resources = Resources::from_proto_lossy(resources).unallocated();
        let wanted = resources.filter(Resource::needs_checkpoint);
        self.state.total.contains(&wanted)
    }
}

#[cfg(test)]
mod tests {
    use messages::v1;
    use model::Role;

    use super::*;
    use crate::input::Message;
    use crate::testing::{World, command_task, resources};
    use crate::timer::Timer;

    fn reserved(cpus: &str) -> Vec<v1::Resource> {
        let mut resources = resources(cpus).to_proto();
        for resource in &mut resources {
            resource.reservations = vec![v1::resource::ReservationInfo {
                r#type: Some(v1::resource::reservation_info::Type::Dynamic as i32),
                role: Some("web".into()),
                ..Default::default()
            }];
        }
        resources
    }

    fn keep(world: &mut World, resources: Vec<v1::Resource>) {
        let message = internal::CheckpointResourcesMessage { resources };
        world.message(Message::CheckpointResources(message));
    }

    #[test]
    fn tasks_may_use_what_is_reserved_and_nothing_else_of_the_kind() {
        let mut world = World::registered();
        keep(&mut world, reserved("cpus:2"));
        let mut fits = command_task("fits", "true");
        fits.resources = reserved("cpus:2");
        world.run(fits);
        assert_eq!(world.launches().len(), 1);
        world.take();
        let mut too_much = command_task("too-much", "true");
        too_much.resources = reserved("cpus:3");
        world.run(too_much);
        let status = world.only_update().status;
        assert_eq!(
            status.reason(),
            v1::task_status::Reason::ResourcesUnknown,
            "{status:?}"
        );
    }

    #[test]
    fn each_message_says_all_that_is_kept() {
        let mut world = World::registered();
        keep(&mut world, reserved("cpus:2"));
        let total = world.agent.snapshot().state.total;
        assert_eq!(total.cpus().to_f64(), 4.0);
        let role: Role = "web".parse().unwrap();
        assert_eq!(total.reserved()[&role].cpus().to_f64(), 2.0);
        keep(&mut world, Vec::new());
        let total = world.agent.snapshot().state.total;
        assert_eq!(total, crate::testing::config().resources);
        keep(&mut world, reserved("cpus:2"));
        keep(&mut world, reserved("cpus:200"));
        let total = world.agent.snapshot().state.total;
        assert_eq!(total.reserved()[&role].cpus().to_f64(), 2.0, "does not fit");
    }

    #[test]
    fn another_master_is_told() {
        let mut world = World::registered();
        keep(&mut world, reserved("cpus:2"));
        world.input(crate::Input::MasterDetected(crate::testing::master()));
        world.take();
        world.timer(Timer::Registration);
        let sent = world.sent();
        let [crate::Outgoing::Reregister(message)] = &sent[..] else {
            panic!("{sent:?}")
        };
        let cpus = |resources: &[v1::Resource]| Resources::from_proto_lossy(resources).cpus();
        assert_eq!(cpus(&message.checkpointed_resources).to_f64(), 2.0);
        assert_eq!(message.checkpointed_resources[0].role(), "web");
        let flags = Resources::from_proto_lossy(&message.slave.resources);
        assert_eq!(flags, crate::testing::config().resources);
    }
}
