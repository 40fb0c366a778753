//! The same actors on the simulator's sockets and clock.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runtime::{
    Actor, Context, Declaration, Mail, MessageFilter, Node, NodeConfig, Pid, Placement, World,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[derive(Debug, Serialize, Deserialize)]
struct Ping(u64);
#[derive(Debug, Serialize, Deserialize)]
struct Pong(u64);
runtime::message!(Ping = "test.Ping", Pong = "test.Pong");

type Trace = Arc<Mutex<Vec<String>>>;

/// Pings its peer every second, at a random moment of it, and notes what comes back.
struct Pinger {
    peer: Pid,
    count: u64,
    trace: Trace,
}

impl Pinger {
    fn note(&self, text: String) {
        let at = turmoil::sim_elapsed().unwrap_or_default().as_millis();
        self.trace.lock().unwrap().push(format!("{at} {text}"));
    }

    fn ping(&mut self, context: &mut Context<'_, Self>) {
        self.count += 1;
        context.send(&self.peer, Ping(self.count));
        let delay = 500 + u64::from(context.uuid().as_bytes()[0]);
        context.after(Duration::from_millis(delay), Self::ping);
    }
}

impl Actor for Pinger {
    const KIND: &'static str = "pinger";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("An answer.", |pinger, _, Pong(count), _| {
            pinger.note(format!("pong {count}"));
        });
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        context.link(&self.peer.clone());
        self.ping(context);
    }

    fn exited(&mut self, peer: &Pid, context: &mut Context<'_, Self>) {
        self.note(format!("exited {}", peer.id));
        context.after(Duration::from_secs(1), |pinger, context| {
            let peer = pinger.peer.clone();
            context.relink(&peer);
        });
    }
}

struct Ponger;

impl Actor for Ponger {
    const KIND: &'static str = "ponger";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Answers.", |_, from, Ping(count), context| {
            context.send(from, Pong(count));
        });
    }
}

async fn node(host: &str, seed: u64) -> Node {
    let mut config = NodeConfig::new(([0, 0, 0, 0], 5050).into());
    config.advertise = Some((turmoil::lookup(host), 5050).into());
    config.world = World::simulated(seed, Duration::from_secs(1_795_000_000));
    Node::start(config).await.unwrap()
}

fn simulate(seed: u64) -> Vec<String> {
    let trace = Trace::default();
    let mut simulation = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(60))
        .max_message_latency(Duration::from_millis(40))
        .build();
    simulation.host("ponger", move || async move {
        let node = node("ponger", seed).await;
        node.spawn("ponger", Ponger, Placement::OwnThread)?;
        std::future::pending::<()>().await;
        Ok(())
    });
    let notes = Arc::clone(&trace);
    simulation.client("pinger", async move {
        let node = node("pinger", seed + 1).await;
        let peer = Pid::new("ponger", (turmoil::lookup("ponger"), 5050).into());
        node.spawn(
            "pinger",
            Pinger {
                peer,
                count: 0,
                trace: notes,
            },
            Placement::Here,
        )?;
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(())
    });
    while simulation.elapsed() < Duration::from_secs(10) {
        simulation.step().unwrap();
    }
    simulation.crash("ponger");
    while simulation.elapsed() < Duration::from_secs(15) {
        simulation.step().unwrap();
    }
    simulation.bounce("ponger");
    simulation.run().unwrap();
    trace.lock().unwrap().clone()
}

#[test]
fn actors_run_simulated_and_a_seed_replays_them() {
    let trace = simulate(7);
    let pongs = trace.iter().filter(|line| line.contains("pong")).count();
    assert!(pongs > 20, "{trace:?}");
    assert!(
        trace.iter().any(|line| line.contains("exited ponger")),
        "{trace:?}"
    );
    let last = trace.last().unwrap();
    assert!(last.contains("pong") && last.as_str() > "2", "{trace:?}");
    assert_eq!(trace, simulate(7));
    assert_ne!(trace, simulate(8));
}

#[test]
fn a_peer_that_does_not_answer_is_given_up() {
    let trace = Trace::default();
    let mut simulation = turmoil::Builder::new()
        .rng_seed(1)
        .simulation_duration(Duration::from_secs(600))
        .build();
    simulation.host("mute", || async {
        let listener = turmoil::net::TcpListener::bind("0.0.0.0:5050").await?;
        let mut accepted = Vec::new();
        loop {
            accepted.push(listener.accept().await?);
        }
    });
    let notes = Arc::clone(&trace);
    simulation.client("pinger", async move {
        let node = node("pinger", 1).await;
        let silence = node.limits().peer_silence;
        let peer = Pid::new("ponger", (turmoil::lookup("mute"), 5050).into());
        let trace = Arc::clone(&notes);
        let pinger = Pinger {
            peer,
            count: 0,
            trace,
        };
        node.spawn("pinger", pinger, Placement::Here)?;
        tokio::time::sleep(silence).await;
        assert!(notes.lock().unwrap().is_empty(), "it is waited for");
        tokio::time::sleep(silence).await;
        Ok(())
    });
    simulation.run().unwrap();
    let seen = trace.lock().unwrap();
    assert!(seen[0].contains("exited ponger"), "{seen:?}");
}

#[test]
fn a_connection_without_a_request_is_closed_without_an_answer() {
    let mut simulation = turmoil::Builder::new()
        .rng_seed(1)
        .simulation_duration(Duration::from_secs(600))
        .build();
    simulation.host("ponger", || async {
        let mut config = NodeConfig::new(([0, 0, 0, 0], 5050).into());
        config.world = World::simulated(1, Duration::from_secs(1_795_000_000));
        config.limits.keep_alive = Duration::from_secs(200);
        let _node = Node::start(config).await?;
        std::future::pending().await
    });
    simulation.client("caller", async {
        for (begun, answer) in [("", ""), ("POST /", "HTTP/1.1 408")] {
            let mut socket = turmoil::net::TcpStream::connect("ponger:5050").await?;
            socket.write_all(begun.as_bytes()).await?;
            let mut read = String::new();
            socket.read_to_string(&mut read).await?;
            assert!(read.starts_with(answer), "{read}");
            assert_eq!(read.is_empty(), answer.is_empty(), "{read}");
        }
        Ok(())
    });
    simulation.run().unwrap();
}

/// Keeps the second ping, sends the third one twice, and raises the fourth one's count.
#[derive(Debug)]
struct Meddler;

impl MessageFilter for Meddler {
    fn passes(&self, mail: &Mail<'_>, message: &mut dyn Any) -> bool {
        let Mail { node, from, to, .. } = mail;
        match message.downcast_mut::<Ping>() {
            Some(Ping(2)) => return false,
            Some(Ping(3)) => node.send_unfiltered(from, to, Ping(3)),
            Some(Ping(count)) if *count == 4 => *count = 40,
            _ => {}
        }
        true
    }
}

#[test]
fn a_filter_stands_between_actors() {
    let trace = Trace::default();
    let notes = Arc::clone(&trace);
    let mut simulation = turmoil::Builder::new().build();
    simulation.client("both", async move {
        let node = Node::offline(World::simulated(0, Duration::ZERO).filtered(Meddler));
        let ponger = node.spawn("ponger", Ponger, Placement::Here)?;
        let peer = ponger.pid().clone();
        let pinger = Pinger {
            peer,
            count: 0,
            trace: notes,
        };
        node.spawn("pinger", pinger, Placement::Here)?;
        tokio::time::sleep(Duration::from_secs(4)).await;
        Ok(())
    });
    simulation.run().unwrap();
    let trace = trace.lock().unwrap();
    let heard = trace.iter().filter_map(|line| line.split_once(' '));
    let heard: Vec<_> = heard.map(|(_, what)| what).take(5).collect();
    assert_eq!(heard, ["pong 1", "pong 3", "pong 3", "pong 40", "pong 5"]);
}

#[test]
fn what_waits_can_be_seen() {
    let mut simulation = turmoil::Builder::new().build();
    simulation.host("elsewhere", std::future::pending::<turmoil::Result>);
    simulation.client("here", async {
        let node = node("here", 1).await;
        let ponger = node.spawn("ponger", Ponger, Placement::Here)?;
        node.send(ponger.pid(), ponger.pid(), Ping(1));
        node.send(ponger.pid(), ponger.pid(), Ping(2));
        assert_eq!(node.busiest(), Some((ponger.pid().clone(), 2)));
        assert_eq!(node.slowest_peer(), None);
        let address = (turmoil::lookup("elsewhere"), 5050).into();
        node.send(ponger.pid(), &Pid::new("ponger", address), Ping(3));
        let (slowest, bytes) = node.slowest_peer().unwrap();
        assert_eq!(slowest, address);
        assert!(bytes > 0);
        Ok(())
    });
    simulation.run().unwrap();
}

fn peer_connections(node: &Node) -> f64 {
    let metrics = node.metrics().snapshot();
    metrics.get("runtime/peer_connections").copied().unwrap()
}

#[test]
fn a_temporary_connection_ends_when_idle_and_a_link_keeps_one() {
    let mut simulation = turmoil::Builder::new()
        .rng_seed(1)
        .simulation_duration(Duration::from_secs(3600))
        .build();
    simulation.host("ponger", || async {
        let node = node("ponger", 1).await;
        node.spawn("ponger", Ponger, Placement::Here)?;
        std::future::pending().await
    });
    simulation.client("pinger", async {
        let node = node("pinger", 2).await;
        let idle = node.limits().peer_idle;
        let peer = Pid::new("ponger", (turmoil::lookup("ponger"), 5050).into());
        let ping = || node.send(&node.pid("nobody"), &peer, Ping(1));
        ping();
        tokio::time::sleep(idle / 2).await;
        assert_eq!(peer_connections(&node), 1.0);
        tokio::time::sleep(idle).await;
        assert_eq!(peer_connections(&node), 0.0);

        let linker = node.spawn("linker", Ponger, Placement::Here)?;
        let linked = peer.clone();
        linker.call(move |_, context| context.link(&linked));
        tokio::time::sleep(idle * 5).await;
        assert_eq!(peer_connections(&node), 1.0, "a link keeps it");
        node.terminate(linker.pid());
        drop(linker);
        tokio::time::sleep(idle * 3).await;
        assert_eq!(peer_connections(&node), 0.0, "an ended linker does not");
        Ok(())
    });
    simulation.run().unwrap();
}

/// Counts pings.
struct Sink(Arc<Mutex<Vec<u64>>>);

impl Actor for Sink {
    const KIND: &'static str = "sink";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Counts.", |sink: &mut Self, _, Ping(count), _| {
            sink.0.lock().unwrap().push(count);
        });
    }
}

#[test]
fn what_is_sent_as_an_idle_connection_ends_arrives() {
    const COUNT: u64 = 200;
    let heard = Arc::<Mutex<Vec<u64>>>::default();
    let mut simulation = turmoil::Builder::new()
        .rng_seed(3)
        .simulation_duration(Duration::from_secs(24 * 3600))
        .tick_duration(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(3))
        .build();
    let hears = Arc::clone(&heard);
    simulation.host("ponger", move || {
        let heard = Arc::clone(&hears);
        async move {
            let node = node("ponger", 1).await;
            node.spawn("sink", Sink(heard), Placement::Here)?;
            std::future::pending().await
        }
    });
    simulation.client("pinger", async {
        let mut config = NodeConfig::new(([0, 0, 0, 0], 5050).into());
        config.world = World::simulated(2, Duration::from_secs(1_795_000_000));
        config.limits.peer_idle = Duration::from_millis(200);
        let node = Node::start(config).await?;
        let peer = Pid::new("sink", (turmoil::lookup("ponger"), 5050).into());
        for count in 0..COUNT {
            node.send(&node.pid("nobody"), &peer, Ping(count));
            // Around the moment at which it ends.
            tokio::time::sleep(Duration::from_millis(190 + count % 25)).await;
        }
        Ok(())
    });
    simulation.run().unwrap();
    assert_eq!(*heard.lock().unwrap(), (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn both_ends_restart_and_find_each_other_again() {
    let trace = Trace::default();
    let mut simulation = turmoil::Builder::new()
        .rng_seed(5)
        .simulation_duration(Duration::from_secs(120))
        .max_message_latency(Duration::from_millis(20))
        .build();
    simulation.host("ponger", || async {
        let node = node("ponger", 1).await;
        node.spawn("ponger", Ponger, Placement::Here)?;
        std::future::pending().await
    });
    let notes = Arc::clone(&trace);
    simulation.host("pinger", move || {
        let trace = Arc::clone(&notes);
        async move {
            let node = node("pinger", 2).await;
            let peer = Pid::new("ponger", (turmoil::lookup("ponger"), 5050).into());
            let count = 0;
            let pinger = Pinger { peer, count, trace };
            node.spawn("pinger", pinger, Placement::Here)?;
            std::future::pending().await
        }
    });
    let run = |simulation: &mut turmoil::Sim<'_>, seconds: u64| {
        let until = simulation.elapsed() + Duration::from_secs(seconds);
        while simulation.elapsed() < until {
            simulation.step().unwrap();
        }
        std::mem::take(&mut *trace.lock().unwrap())
    };
    let count =
        |trace: &[String], what: &str| trace.iter().filter(|line| line.contains(what)).count();
    let before = run(&mut simulation, 10);
    assert!(count(&before, "pong") > 5, "{before:?}");
    assert_eq!(count(&before, "exited"), 0, "{before:?}");
    // Both at once; then one alone, which the other notices once.
    simulation.crash("ponger");
    simulation.crash("pinger");
    simulation.bounce("pinger");
    simulation.bounce("ponger");
    let both = run(&mut simulation, 10);
    assert!(count(&both, "pong") > 5, "{both:?}");
    simulation.bounce("ponger");
    let one = run(&mut simulation, 10);
    assert_eq!(count(&one, "exited ponger"), 1, "{one:?}");
    assert!(count(&one, "pong ") > 5, "{one:?}");
    simulation.bounce("pinger");
    let other = run(&mut simulation, 10);
    assert!(count(&other, "pong ") > 5, "{other:?}");
    assert_eq!(count(&other, "exited"), 0, "{other:?}");
}

/// Sets timers out of order, cancels some, and keeps in which order the others fire.
struct Clock {
    fired: Vec<(u64, usize)>,
    done: Option<tokio::sync::oneshot::Sender<Vec<(u64, usize)>>>,
}

/// Timers set, of which every third is cancelled.
const TIMERS: usize = 300;

/// When the `number`th timer is due, in microseconds: several at once, and out of order.
fn due(number: usize) -> u64 {
    (number * 7919 % 97 * 310) as u64
}

impl Actor for Clock {
    const KIND: &'static str = "clock";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        let timers: Vec<_> = (0..TIMERS)
            .map(|number| {
                context.after(Duration::from_micros(due(number)), move |clock, _| {
                    clock.fired.push((due(number), number));
                })
            })
            .collect();
        for timer in timers.into_iter().step_by(3) {
            context.cancel(timer);
        }
        context.after(Duration::from_secs(1), |clock, _| {
            if let Some(done) = clock.done.take() {
                let _ = done.send(std::mem::take(&mut clock.fired));
            }
        });
    }
}

#[test]
fn timers_fire_in_the_order_in_which_they_are_due() {
    let mut simulation = turmoil::Builder::new().build();
    simulation.client("clock", async move {
        let node = node("clock", 1).await;
        let (done, fired) = tokio::sync::oneshot::channel();
        let clock = Clock {
            fired: Vec::new(),
            done: Some(done),
        };
        node.spawn("clock", clock, Placement::Here)?;
        let mut wanted: Vec<_> = (0..TIMERS).filter(|number| number % 3 != 0).collect();
        // Those that are due together fire as they were set.
        wanted.sort_by_key(|&number| due(number));
        let wanted: Vec<_> = wanted.into_iter().map(|n| (due(n), n)).collect();
        assert_eq!(fired.await?, wanted);
        Ok(())
    });
    simulation.run().unwrap();
}
