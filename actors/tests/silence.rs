//! A framework by libprocess whose master has lost it without its knowing, in simulated time.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actors::detector::FixedDetector;
use actors::scheduler_driver::{SchedulerActor, SchedulerConfig, SchedulerDriver, Transport};
use messages::v1::scheduler::call;
use messages::v1::{FrameworkId, FrameworkInfo, Offer, TaskStatus};
use messages::{internal, scheduler};
use runtime::{Actor, Context, Declaration, Node, NodeConfig, Placement, World};

const EPOCH: Duration = Duration::from_secs(1_795_000_000);

/// In which second a subscription came, for which framework, and whether by force.
type Subscriptions = Arc<Mutex<Vec<(u64, Option<String>, bool)>>>;

/// Takes every framework, and says nothing more.
struct Master(Subscriptions);

impl Actor for Master {
    const KIND: &'static str = "fake-master";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("", |master, from, call: scheduler::Call, context| {
            let (call, force) = call.into_v1();
            if call.r#type() != call::Type::Subscribe {
                return;
            }
            let second = turmoil::sim_elapsed().unwrap().as_secs();
            let id = call.framework_id.map(|id| id.value);
            master.0.lock().unwrap().push((second, id, force));
            let message = internal::FrameworkReregisteredMessage {
                framework_id: FrameworkId {
                    value: "F".to_owned(),
                },
                ..internal::FrameworkReregisteredMessage::default()
            };
            context.send(from, message);
        });
    }
}

struct Framework(SchedulerDriver);

impl Actor for Framework {
    const KIND: &'static str = "framework";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.0.start(context);
    }
}

impl SchedulerActor for Framework {
    fn driver(&mut self) -> &mut SchedulerDriver {
        &mut self.0
    }

    fn offers(&mut self, _: Vec<Offer>, _: &mut Context<'_, Self>) {}

    fn update(&mut self, _: TaskStatus, _: &mut Context<'_, Self>) {}
}

async fn node(host: &str, port: u16, seed: u64) -> Node {
    let mut config = NodeConfig::new(([0, 0, 0, 0], port).into());
    config.advertise = Some((turmoil::lookup(host), port).into());
    config.world = World::simulated(seed, EPOCH);
    Node::start(config).await.unwrap()
}

#[test]
fn a_master_that_is_silent_is_asked_again() {
    let subscriptions = Subscriptions::default();
    let mut sim = turmoil::Builder::new()
        .rng_seed(3)
        .simulation_duration(Duration::from_secs(3600))
        .tick_duration(Duration::from_millis(20))
        .build();
    let master = Arc::clone(&subscriptions);
    sim.host("master", move || {
        let master = Master(Arc::clone(&master));
        async move {
            let node = node("master", 5050, 1).await;
            node.spawn("master", master, Placement::Here)?;
            std::future::pending().await
        }
    });
    sim.client("framework", async {
        let node = node("framework", 7000, 2).await;
        let info = FrameworkInfo::default();
        let config = SchedulerConfig {
            transport: Transport::Libprocess,
            ..SchedulerConfig::new(FixedDetector::at("master:5050")?, info)
        };
        let framework = Framework(SchedulerDriver::new(config));
        node.spawn("framework", framework, Placement::Here)?;
        tokio::time::sleep(Duration::from_secs(300)).await;
        Ok(())
    });
    sim.run().unwrap();
    let id = || Some("F".to_owned());
    assert_eq!(
        *subscriptions.lock().unwrap(),
        [(0, None, false), (120, id(), false), (240, id(), false)]
    );
}
