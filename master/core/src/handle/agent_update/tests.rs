use messages::internal::UpdateSlaveMessage;
use messages::v1;
use messages::v1::resource::RevocableInfo;
use model::{Resources, Role};

use crate::allocator::messages::{Input as ToAllocator, Offered, Offers};
use crate::input::{FromAgent, Input};
use crate::testing::*;

fn revocable(cpus: f64) -> Vec<v1::Resource> {
    let mut resources = resources_of(&format!("cpus:{cpus}")).to_proto();
    resources[0].revocable = Some(RevocableInfo {});
    resources
}

#[test]
fn oversubscribed_resources_replace_those_before_and_their_offers() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (framework, _) = world.framework();
    let update = |cpus| UpdateSlaveMessage {
        slave_id: agent.to_proto(),
        update_oversubscribed_resources: Some(true),
        oversubscribed_resources: revocable(cpus),
        ..Default::default()
    };
    let effects = world.agent_says(1, FromAgent::Update(Box::new(update(2.0))));
    assert!(matches!(
        to_allocator(&effects)[..],
        [ToAllocator::UpdateAgent(_)]
    ));
    let total = |world: &World| world.master.snapshot().agents.total().cpus().to_f64();
    assert_eq!(total(&world), 6.0);
    let role = Role::any();
    let offered = Offered {
        framework_id: framework.clone(),
        agent_id: agent.clone(),
        resources: Resources::from_proto(&revocable(1.0))
            .unwrap()
            .allocated(&role),
        role,
    };
    world.handle(Input::Offers(Offers {
        offers: vec![offered],
    }));
    let plain = world.offer(&framework, &agent, "cpus:1");
    let effects = world.agent_says(1, FromAgent::Update(Box::new(update(1.0))));
    assert_eq!(
        events(&effects)
            .filter(|event| event.rescind.is_some())
            .count(),
        1
    );
    assert_eq!(total(&world), 5.0);
    assert!(
        world
            .master
            .snapshot()
            .offers
            .get(&plain.id.value)
            .is_some()
    );
    world.check_books();
    // What changes nothing is told to nobody.
    assert_eq!(
        world.agent_says(1, FromAgent::Update(Box::new(update(1.0)))),
        []
    );
}
