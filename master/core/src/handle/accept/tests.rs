use std::time::Duration;

use messages::v1;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::offer::operation;
use messages::v1::task_status::{Reason, Source};
use messages::v1::{OperationState, TaskState};

use crate::effect::ToAgent;
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024";

#[test]
fn what_is_left_of_an_offer_is_declined() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:4;mem:1024");
    let tasks = vec![task_info("a", &agent), task_info("b", &agent)];
    let effects = world.accept(&framework, &[&offer], vec![launch(tasks)]);
    let run = to_agents(&effects);
    assert!(
        matches!(run[..], [ToAgent::RunTask(_), ToAgent::RunTask(_)]),
        "{run:?}"
    );
    let rest = ("cpus:2; mem:960".to_owned(), Some(Duration::from_secs(5)));
    assert_eq!(freed(&effects), [rest]);
    let snapshot = world.master.snapshot();
    assert!(snapshot.offers.is_empty());
    assert_eq!(
        snapshot
            .frameworks
            .get(&framework)
            .unwrap()
            .used()
            .cpus()
            .to_f64(),
        2.0
    );
    world.check_books();
}

#[test]
fn an_empty_accept_declines() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:1");
    let effects = world.accept(&framework, &[&offer], vec![]);
    assert_eq!(
        freed(&effects),
        [("cpus:1".to_owned(), Some(Duration::from_secs(5)))]
    );
}

#[test]
fn offers_of_one_agent_can_be_joined() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let cpus = world.offer(&framework, &agent, "cpus:1");
    let mem = world.offer(&framework, &agent, "mem:32");
    let effects = world.accept(
        &framework,
        &[&cpus, &mem],
        vec![launch(vec![task_info("t", &agent)])],
    );
    assert!(matches!(to_agents(&effects)[..], [ToAgent::RunTask(_)]));
    assert_eq!(freed(&effects), []);
    world.check_books();
}

#[test]
fn offers_that_are_void_lose_the_tasks_and_free_what_still_stands() {
    let mut world = World::new();
    let agents = [world.agent(1, RESOURCES), world.agent(2, RESOURCES)];
    let (framework, _) = world.framework();
    let (other, _) = world.framework();
    let foreign = world.offer(&other, &agents[0], "cpus:1");
    let own = world.offer(&framework, &agents[0], "cpus:1");
    let away = world.offer(&framework, &agents[1], "cpus:1");
    let gone = v1::Offer {
        id: v1::OfferId {
            value: "gone".to_owned(),
        },
        ..own.clone()
    };
    let mut refuse = |offers: &[&v1::Offer]| {
        let tasks = launch(vec![task_info("t", &agents[0])]);
        let effects = world.accept(&framework, offers, vec![tasks]);
        let [status] = statuses(&effects)[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(status.state(), TaskState::TaskLost);
        assert_eq!(status.reason(), Reason::InvalidOffers);
        assert_eq!(status.source(), Source::Master);
        assert_eq!(status.uuid, None);
        assert_eq!(to_agents(&effects), [] as [&ToAgent; 0]);
        (status.message().to_owned(), freed(&effects).len())
    };
    let prefix = "Task launched with invalid offers: ";
    assert_eq!(refuse(&[]), (format!("{prefix}No offers specified"), 0));
    assert_eq!(
        refuse(&[&gone]),
        (format!("{prefix}Offer gone is no longer valid"), 0)
    );
    let (why, freed) = refuse(&[&foreign]);
    assert!(why.contains("has invalid framework"), "{why}");
    assert_eq!(freed, 0);
    let (why, freed) = refuse(&[&own, &away]);
    assert!(why.contains("must belong to one single agent"), "{why}");
    assert_eq!(freed, 2);
    world.check_books();
}

#[test]
fn partition_aware_frameworks_are_told_that_the_task_was_dropped() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let info = with_capability(framework_info(), Capability::PartitionAware);
    let (framework, _) = world.framework_with(info);
    let tasks = launch(vec![task_info("t", &agent)]);
    let effects = world.accept(&framework, &[], vec![tasks]);
    assert_eq!(statuses(&effects)[0].state(), TaskState::TaskDropped);
    assert_eq!(world.master.snapshot().metrics.tasks_dropped, 1);
}

#[test]
fn other_operations_are_answered_with_a_clear_no() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:2;mem:64");
    let reserve = v1::offer::Operation {
        r#type: Some(operation::Type::Reserve.into()),
        id: Some(v1::OperationId {
            value: "op".to_owned(),
        }),
        reserve: Some(operation::Reserve::default()),
        ..Default::default()
    };
    let tasks = launch(vec![task_info("t", &agent)]);
    let effects = world.accept(&framework, &[&offer], vec![reserve, tasks]);
    let answer = events(&effects)
        .find_map(|event| event.update_operation_status.as_ref())
        .unwrap();
    assert_eq!(answer.status.state(), OperationState::OperationError);
    assert_eq!(answer.status.operation_id.as_ref().unwrap().value, "op");
    assert_eq!(
        answer.status.message(),
        "Operation RESERVE is not supported"
    );
    // What follows is carried out all the same.
    assert!(matches!(to_agents(&effects)[..], [ToAgent::RunTask(_)]));
}
