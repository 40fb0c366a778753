use std::time::Duration;

use messages::v1;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::call::{Decline, Type};
use messages::v1::value::Type as Kind;
use model::Role;
use model::ids::{AgentId, FrameworkId};

use crate::allocator::messages::{Offered, Offers};
use crate::config::Config;
use crate::effect::{DriverDetail, Effect};
use crate::input::{Input, Timer};
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024;ports:[1-9]";

fn offered(framework: &FrameworkId, agent: &AgentId, role: &str) -> Offered {
    let role = Role::parse(role).unwrap();
    Offered {
        framework_id: framework.clone(),
        agent_id: agent.clone(),
        resources: resources_of("cpus:1;ports:[1-2]").allocated(&role),
        role,
    }
}

#[test]
fn an_offer_says_where_and_what() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:1;ports:[1-2]");
    assert_eq!(offer.id.value, "m-O0");
    assert_eq!(offer.hostname, "host1");
    let url = offer.url.as_ref().unwrap();
    assert_eq!(url.scheme, "http");
    assert_eq!(url.address.ip.as_deref(), Some("10.0.0.1"));
    assert_eq!(
        (url.address.port, url.path.as_deref()),
        (5051, Some("/slave(1)"))
    );
    let kinds: Vec<_> = offer.resources.iter().map(|it| it.r#type()).collect();
    assert_eq!(kinds, [Kind::Scalar, Kind::Ranges]);
    world.check_books();
}

#[test]
fn old_frameworks_see_roles_and_no_allocations() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (old, _) = world.framework();
    let offer = world.offer(&old, &agent, "cpus:1");
    assert_eq!(offer.allocation_info, None);
    assert_eq!(offer.resources[0].allocation_info, None);
    assert_eq!(offer.resources[0].role.as_deref(), Some("*"));
    let info = v1::FrameworkInfo {
        roles: vec!["a".to_owned()],
        ..framework_info()
    };
    let info = with_capability(info, Capability::MultiRole);
    let info = with_capability(info, Capability::ReservationRefinement);
    let (new, _) = world.framework_with(info);
    let effects = world.handle(Input::Offers(Offers {
        offers: vec![offered(&new, &agent, "a")],
    }));
    let offers = events(&effects)
        .find_map(|event| event.offers.as_ref())
        .unwrap();
    let role = |it: &Option<v1::resource::AllocationInfo>| it.as_ref().unwrap().role().to_owned();
    assert_eq!(role(&offers.offers[0].allocation_info), "a");
    assert_eq!(role(&offers.offers[0].resources[0].allocation_info), "a");
    assert_eq!(offers.offers[0].resources[0].role, None);
}

#[test]
fn each_framework_gets_one_event_with_the_agents_of_its_offers() {
    let mut world = World::new();
    let agents = [world.agent(1, RESOURCES), world.agent(2, RESOURCES)];
    let (first, _) = world.framework();
    let (second, _) = world.framework();
    let offers = vec![
        offered(&first, &agents[0], "*"),
        offered(&second, &agents[0], "*"),
        offered(&first, &agents[1], "*"),
    ];
    let effects = world.handle(Input::Offers(Offers { offers }));
    let sent: Vec<_> = effects
        .iter()
        .map(|effect| match effect {
            Effect::Framework(to) => (
                to.event.offers.as_ref().unwrap().offers.len(),
                to.driver.clone(),
            ),
            other => panic!("{other:?}"),
        })
        .collect();
    let (one, two) = (agent_pid(1), agent_pid(2));
    assert_eq!(
        sent,
        [
            (2, DriverDetail::Agents(vec![one.clone(), two])),
            (1, DriverDetail::Agents(vec![one]))
        ]
    );
}

#[test]
fn what_cannot_be_offered_any_more_goes_back() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, stream) = world.framework();
    let nobody = FrameworkId::from("nobody");
    let nowhere = AgentId::from("nowhere");
    let offers = vec![
        offered(&nobody, &agent, "*"),
        offered(&framework, &nowhere, "*"),
        offered(&framework, &agent, "left"),
    ];
    // Of what was removed the allocator knows no more.
    let effects = world.handle(Input::Offers(Offers { offers }));
    assert_eq!((effects.len(), freed(&effects).len()), (1, 1));
    world.handle(Input::StreamClosed(stream));
    let offers = vec![offered(&framework, &agent, "*")];
    assert_eq!(
        freed(&world.handle(Input::Offers(Offers { offers }))).len(),
        1
    );
    assert!(world.master.snapshot().offers.is_empty());
    world.check_books();
}

#[test]
fn an_offer_may_run_out() {
    let config = Config {
        offer_timeout: Some(Duration::from_secs(9)),
        ..Default::default()
    };
    let mut world = World::with(config, Default::default());
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offers = vec![offered(&framework, &agent, "*")];
    let effects = world.handle(Input::Offers(Offers { offers }));
    let timer = Timer::Offer {
        offer: "m-O0".into(),
    };
    assert_eq!(timers(&effects), [(Duration::from_secs(9), timer.clone())]);
    let effects = world.timer(timer.clone());
    assert_eq!(
        events(&effects)
            .filter(|event| event.rescind.is_some())
            .count(),
        1
    );
    assert_eq!(freed(&effects).len(), 1);
    assert_eq!(world.timer(timer), []);
}

#[test]
fn declined_resources_are_refused_for_a_while() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let (other, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:1");
    let decline = |offer: &v1::Offer| v1::scheduler::Call {
        decline: Some(Decline {
            offer_ids: vec![
                offer.id.clone(),
                v1::OfferId {
                    value: "none".to_owned(),
                },
            ],
            filters: Some(v1::Filters {
                refuse_seconds: Some(2.5),
            }),
        }),
        ..call(Type::Decline)
    };
    assert_eq!(world.call(&other, decline(&offer)), []);
    let effects = world.call(&framework, decline(&offer));
    assert_eq!(
        freed(&effects),
        [("cpus:1".to_owned(), Some(Duration::from_millis(2500)))]
    );
    assert_eq!(world.call(&framework, decline(&offer)), []);
    world.check_books();
}
