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
        let _node = node("ponger", 1).await;
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
