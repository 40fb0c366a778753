//! Answers to messages (L8): who gets them at once, and which wait for each other; and one
//! answer for many between nodes that agree on it. On virtual time.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::time::Duration;

use runtime::{Actor, Context, Declaration, Limits, Node, NodeConfig, Pid, Placement, World};
use runtime_core::Codec;
use runtime_core::libprocess::{
    ACCEPTED, ACCEPTED_WITH_OFFER, ANSWERS, RARELY, encode, encode_with,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use turmoil::net::TcpStream;

/// Longer than all the network needs, and shorter than answers ever wait for each other.
const AT_ONCE: Duration = Duration::from_millis(10);
/// Answers wait for each other, but not for so long.
const AT_LEISURE: Duration = Duration::from_millis(30);
/// One answer for many comes in such a time.
const RARE: Duration = Duration::from_secs(31);

#[derive(Debug, Serialize, Deserialize)]
struct Note(u64);
runtime::message!(Note = "test.Note");

/// Takes notes. Sends one every second to whom it is linked to.
struct Taker {
    linked: Option<Pid>,
    exits: usize,
}

impl Actor for Taker {
    const KIND: &'static str = "taker";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Is taken.", |_, _, Note(_), _| {});
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        if let Some(peer) = self.linked.clone() {
            context.link(&peer);
            self.send(context);
        }
    }

    fn exited(&mut self, _: &Pid, _: &mut Context<'_, Self>) {
        self.exits += 1;
    }
}

impl Taker {
    fn send(&mut self, context: &mut Context<'_, Self>) {
        if let (Some(peer), 0) = (&self.linked, self.exits) {
            context.send(peer, Note(1));
            context.after(Duration::from_secs(1), Self::send);
        }
    }
}

async fn node(host: &str, limits: Limits) -> Node {
    let mut config = NodeConfig::new(([0, 0, 0, 0], 5050).into());
    config.advertise = Some((turmoil::lookup(host), 5050).into());
    config.world = World::simulated(1, Duration::from_secs(1_795_000_000));
    config.limits = limits;
    Node::start(config).await.unwrap()
}

fn simulation() -> turmoil::Sim<'static> {
    let mut simulation = turmoil::Builder::new()
        .rng_seed(1)
        .simulation_duration(Duration::from_secs(1200))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(1))
        .build();
    simulation.host("taker", || async {
        let node = node("taker", Limits::default()).await;
        let taker = Taker {
            linked: None,
            exits: 0,
        };
        node.spawn("taker", taker, Placement::Here)?;
        std::future::pending().await
    });
    simulation
}

/// A connection to the taker's node from something that is no node.
struct Client(TcpStream);

/// How the taker's node answers to what it does not know.
const MISSING: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

impl Client {
    async fn connect() -> Self {
        Self(TcpStream::connect("taker:5050").await.unwrap())
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Reads just these answers. In how much time.
    async fn read(&mut self, answers: &[&[u8]]) -> Duration {
        let began = Instant::now();
        let expected = answers.concat();
        let mut read = vec![0; expected.len()];
        self.0.read_exact(&mut read).await.unwrap();
        let read = String::from_utf8(read).unwrap();
        assert_eq!(read, String::from_utf8(expected).unwrap());
        began.elapsed()
    }

    /// Nothing is answered for so long.
    async fn hears_nothing(&mut self, time: Duration) {
        let read = tokio::time::timeout(time, self.0.read_u8()).await;
        assert!(read.is_err(), "{read:?}");
    }
}

fn from() -> Pid {
    "client@10.0.0.1:1".parse().unwrap()
}

fn to(id: &str) -> Pid {
    Pid::new(id, (turmoil::lookup("taker"), 5050).into())
}

/// As libprocess writes it.
fn message(id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode(
        &from(),
        &to(id),
        "test.Note",
        Codec::MessagePack,
        &[1],
        &mut out,
    );
    out
}

/// One that asks for rare answers.
fn asking() -> Vec<u8> {
    let (header, mut out) = ((ANSWERS, RARELY), Vec::new());
    let (from, to) = (from(), to("taker"));
    encode_with(
        header,
        &from,
        &to,
        "test.Note",
        Codec::MessagePack,
        &[1],
        &mut out,
    );
    out
}

/// As some client of another make may write it, which waits for its answer.
const OTHER: &[u8] = b"POST /taker/test.Note HTTP/1.1\r\nUser-Agent: libprocess/a@10.0.0.1:1\r\n\
    Content-Type: application/json\r\nContent-Length: 1\r\n\r\n1";

fn with_client(test: impl AsyncFnOnce(Client) + 'static) {
    let mut simulation = simulation();
    simulation.client("client", async move {
        test(Client::connect().await).await;
        Ok(())
    });
    simulation.run().unwrap();
}

#[test]
fn the_first_answer_comes_at_once_and_offers_fewer() {
    with_client(async |mut client| {
        client.write(&message("taker")).await;
        assert!(client.read(&[ACCEPTED_WITH_OFFER]).await < AT_ONCE);
    });
}

#[test]
fn answers_that_nobody_waits_for_come_together() {
    with_client(async |mut client| {
        client.write(&message("taker")).await;
        client.read(&[ACCEPTED_WITH_OFFER]).await;
        for _ in 0..3 {
            client.write(&message("taker")).await;
            client.hears_nothing(Duration::from_millis(4)).await;
        }
        assert!(client.read(&[ACCEPTED; 3]).await < AT_LEISURE);
        client.hears_nothing(Duration::from_secs(100)).await;
        // Nor does any wait longer later.
        client.write(&message("taker")).await;
        assert!(client.read(&[ACCEPTED]).await < AT_LEISURE);
    });
}

#[test]
fn many_are_not_waited_with() {
    with_client(async |mut client| {
        client.write(&message("taker")).await;
        client.read(&[ACCEPTED_WITH_OFFER]).await;
        client.write(&message("taker").repeat(64)).await;
        assert!(client.read(&[ACCEPTED; 64]).await < AT_ONCE);
        client.write(&message("taker").repeat(1000)).await;
        assert!(client.read(&[ACCEPTED; 1000]).await < 2 * AT_LEISURE);
        client.hears_nothing(Duration::from_secs(100)).await;
    });
}

#[test]
fn who_may_wait_for_an_answer_gets_it_at_once_after_those_before() {
    with_client(async |mut client| {
        client.write(OTHER).await;
        assert!(client.read(&[ACCEPTED]).await < AT_ONCE);
        client.write(&message("taker")).await;
        client.read(&[ACCEPTED_WITH_OFFER]).await;
        client.write(&message("taker").repeat(2)).await;
        client.write(OTHER).await;
        assert!(client.read(&[ACCEPTED; 3]).await < AT_ONCE);
        client.write(&message("taker").repeat(2)).await;
        client.write(&message("nobody")).await;
        assert!(client.read(&[ACCEPTED, ACCEPTED, MISSING]).await < AT_ONCE);
        client.write(&message("taker").repeat(2)).await;
        client
            .write(b"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n")
            .await;
        let missing = &b"HTTP/1.1 404 Not Found"[..];
        assert!(client.read(&[ACCEPTED, ACCEPTED, missing]).await < AT_ONCE);
    });
}

#[test]
fn who_ends_its_half_of_the_connection_gets_all_answers() {
    with_client(async |mut client| {
        client.write(&message("taker").repeat(3)).await;
        client.0.shutdown().await.unwrap();
        let answers = [ACCEPTED_WITH_OFFER, ACCEPTED, ACCEPTED];
        assert!(client.read(&answers).await < AT_ONCE);
        assert_eq!(client.0.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn one_answer_stands_for_many_when_the_sender_wants_it_so() {
    with_client(async |mut client| {
        client.write(&message("taker")).await;
        client.read(&[ACCEPTED_WITH_OFFER]).await;
        // What came before is answered as before; the next answer goes with that.
        client.write(&message("taker").repeat(2)).await;
        client.write(&asking()).await;
        assert!(client.read(&[ACCEPTED; 3]).await < AT_ONCE);
        client.write(&message("taker").repeat(200)).await;
        client.hears_nothing(Duration::from_secs(20)).await;
        assert!(client.read(&[ACCEPTED]).await < RARE);
        client.hears_nothing(Duration::from_secs(300)).await;
        client.write(&message("taker").repeat(2)).await;
        client.hears_nothing(Duration::from_secs(20)).await;
        // Errors, and others, are answered as ever.
        client.write(&message("nobody")).await;
        assert!(client.read(&[ACCEPTED, MISSING]).await < AT_ONCE);
        client.write(OTHER).await;
        assert!(client.read(&[ACCEPTED]).await < AT_ONCE);
        client.hears_nothing(Duration::from_secs(300)).await;
    });
}

/// What a node says of its one connection.
async fn peer(host: &str) -> serde_json::Value {
    let mut socket = TcpStream::connect((host, 5050)).await.unwrap();
    let request = b"GET /__peers__ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut peers: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
    assert!(peers.len() <= 1, "{peers:?}");
    peers.pop().unwrap_or_default()
}

/// A node that is linked to the taker and sends it a note each second.
async fn linked(limits: Limits) -> runtime::Handle<Taker> {
    let node = node("linked", limits).await;
    let taker = Taker {
        linked: Some(to("taker")),
        exits: 0,
    };
    node.spawn("linked", taker, Placement::Here).unwrap()
}

#[test]
fn nodes_agree_on_rare_answers_and_notice_when_none_comes() {
    let mut simulation = simulation();
    simulation.client("linked", async {
        let linked = linked(Limits::default()).await;
        let silence = Limits::default().peer_silence;
        tokio::time::sleep(3 * silence).await;
        let seen = peer("linked").await;
        assert_eq!(seen["answers_rarely"], true, "{seen}");
        assert!(seen["unanswered_ms"].as_f64().unwrap() < RARE.as_secs_f64() * 1e3);
        assert_eq!(linked.ask(|taker, _| taker.exits).await, Some(0));
        turmoil::partition("linked", "taker");
        tokio::time::sleep(silence + RARE).await;
        assert_eq!(linked.ask(|taker, _| taker.exits).await, Some(1));
        Ok(())
    });
    simulation.run().unwrap();
}

#[test]
fn who_soon_takes_a_silent_peer_for_gone_wants_each_answer() {
    let mut simulation = simulation();
    simulation.client("linked", async {
        let limits = Limits {
            peer_silence: Duration::from_secs(40),
            ..Limits::default()
        };
        let linked = linked(limits).await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        let seen = peer("linked").await;
        assert_eq!(seen["answers_rarely"], false, "{seen}");
        assert_eq!(linked.ask(|taker, _| taker.exits).await, Some(0));
        Ok(())
    });
    simulation.run().unwrap();
}
