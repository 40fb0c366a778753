//! Looking into nodes while they run: what actors do and wait for, who talks to whom, what is
//! dropped and why, and traces through actors and nodes. And the filter that tests use.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::sync::{Arc, mpsc as blocking};
use std::time::Duration;

use runtime::{
    Actor, Context, Declaration, Handle, Node, NodeConfig, Pattern, Pid, Placement, Rules,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ask(Pid);
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answer(u64);
#[derive(Debug, Serialize, Deserialize)]
struct Unwanted;
runtime::message!(
    Ask = "test.Ask",
    Answer = "test.Answer",
    Unwanted = "test.Unwanted"
);

/// Answers those it is asked to answer, after a timer, a port's call and a call to itself;
/// tells the test of answers that it gets.
struct Talker {
    tell: mpsc::UnboundedSender<u64>,
    owed: Vec<Pid>,
}

impl Actor for Talker {
    const KIND: &'static str = "talker";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on("Answers somebody, by detours.", Self::ask)
            .on("Tells of it.", |talker, _, Answer(number), _| {
                let _ = talker.tell.send(number);
            });
    }

    fn flush(&mut self, context: &mut Context<'_, Self>) {
        for pid in std::mem::take(&mut self.owed) {
            context.send(&pid, Answer(7));
        }
    }
}

impl Talker {
    fn ask(&mut self, _: &Pid, Ask(whom): Ask, context: &mut Context<'_, Self>) {
        context.after(Duration::ZERO, move |_, context| {
            context.run(std::future::ready(whom), |_, whom, context| {
                let me = context.handle();
                me.call(move |talker, _| talker.owed.push(whom));
            });
        });
    }
}

struct Place {
    node: Node,
    talker: Handle<Talker>,
    told: mpsc::UnboundedReceiver<u64>,
}

impl Place {
    async fn with(rules: Option<Rules>) -> Self {
        let mut config = NodeConfig::new(([127, 0, 0, 1], 0).into());
        if let Some(rules) = rules {
            config.filter = Some(Arc::new(rules));
        }
        let node = Node::start(config).await.unwrap();
        let (tell, told) = mpsc::unbounded_channel();
        let talker = Talker {
            tell,
            owed: Vec::new(),
        };
        let talker = node.spawn("talker", talker, Placement::Here).unwrap();
        Self { node, talker, told }
    }

    async fn new() -> Self {
        Self::with(None).await
    }

    async fn next(&mut self) -> u64 {
        let next = self.told.recv();
        tokio::time::timeout(PATIENCE, next).await.unwrap().unwrap()
    }

    async fn http(&self, method: &str, path: &str) -> (u16, Value) {
        http(&self.node, method, path).await
    }

    async fn get(&self, path: &str) -> Value {
        self.http("GET", path).await.1
    }

    async fn trace(&self) -> Vec<Value> {
        self.get("/__trace__").await["events"]
            .as_array()
            .unwrap()
            .clone()
    }
}

async fn http(node: &Node, method: &str, path: &str) -> (u16, Value) {
    let mut socket = TcpStream::connect(node.address()).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = socket.read_to_string(&mut answer);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head[9..12].parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

#[test]
fn a_trace_follows_a_message_through_actors_and_nodes() {
    runtime::run(async {
        let (mut near, far) = (Place::new().await, Place::new().await);
        let ask = |near: &Place, far: &Place| {
            let ask = Ask(near.talker.pid().clone());
            near.node
                .send(&near.node.pid("asker"), far.talker.pid(), ask);
        };
        // Off: nothing is recorded.
        ask(&near, &far);
        assert_eq!(near.next().await, 7);
        assert!(near.trace().await.is_empty());

        for place in [&near, &far] {
            let path = "/__trace__/start?message=test.Ask&duration=10mins";
            assert_eq!(place.http("POST", path).await.0, 200);
        }
        near.node
            .send(far.talker.pid(), near.talker.pid(), Answer(1));
        assert_eq!(near.next().await, 1);
        ask(&near, &far);
        assert_eq!(near.next().await, 7);
        near.talker.ask(|_, _| ()).await.unwrap();
        let mut events = [near.trace().await, far.trace().await].concat();
        events.sort_by_key(|event| event["at_us"].as_u64());
        let trace = events[0]["trace"].clone();
        assert!(
            events.iter().all(|event| event["trace"] == trace),
            "{events:#?}"
        );
        let by_id = |id: &Value| events.iter().find(|event| event["event"] == *id);
        // From the last event back to the first, each comes of the one before.
        let mut chain = Vec::new();
        let mut at = events
            .iter()
            .find(|event| event["name"] == "test.Answer" && event["outcome"] == "handled");
        while let Some(event) = at {
            chain.push(format!("{} {}", event["name"], event["outcome"]).replace('"', ""));
            at = by_id(&event["parent"]);
        }
        chain.reverse();
        assert_eq!(chain.first().unwrap(), "test.Ask sent", "{chain:?}");
        assert_eq!(chain[1], "test.Ask handled", "{chain:?}");
        assert_eq!(
            chain[chain.len() - 2..],
            ["test.Answer sent", "test.Answer handled"]
        );
        let one = format!("/__trace__?trace={}", trace.as_str().unwrap());
        let all = near.get(&one).await["events"].as_array().unwrap().len();
        assert_eq!(all, near.trace().await.len());

        for place in [&near, &far] {
            assert_eq!(place.http("POST", "/__trace__/stop").await.0, 200);
            assert_eq!(place.get("/__trace__").await["on"], false);
        }
        ask(&near, &far);
        assert_eq!(near.next().await, 7);
        assert_eq!(near.trace().await.len(), all, "it is off");
    });
}

#[test]
fn the_switch_of_traces_refuses_what_it_cannot_do() {
    runtime::run(async {
        let place = Place::new().await;
        for (method, path, status) in [
            ("GET", "/__trace__/start", 405),
            ("POST", "/__trace__", 405),
            ("POST", "/__trace__/start?duration=2hrs", 400),
            ("POST", "/__trace__/start?duration=soon", 400),
            ("POST", "/__trace__/nonsense", 404),
        ] {
            assert_eq!(place.http(method, path).await.0, status, "{path}");
        }
        assert_eq!(place.get("/__trace__").await["on"], false);
        assert_eq!(
            place.http("POST", "/__trace__/start?duration=1ms").await.0,
            200
        );
        while place.get("/__trace__").await["on"] == true {}
    });
}

#[test]
fn a_trace_tells_what_became_of_a_message() {
    runtime::run(async {
        let place = Place::new().await;
        place.http("POST", "/__trace__/start").await;
        let from = place.node.pid("x");
        place.node.send(&from, place.talker.pid(), Unwanted);
        place.talker.ask(|_, _| ()).await.unwrap();
        let events = place.trace().await;
        let event = events.iter().find(|event| event["name"] == "test.Unwanted");
        assert_eq!(
            event.unwrap()["outcome"],
            "the actor does not take this message"
        );
    });
}

/// Blocks its thread until told to go on.
struct Blocker(blocking::Receiver<()>);

impl Actor for Blocker {
    const KIND: &'static str = "blocker";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.on("Blocks.", |blocker: &mut Self, _, Answer(_), context| {
            let _ = blocker.0.recv();
            context.after(Duration::from_secs(1000), |_, _| {});
            context.run(std::future::pending::<()>(), |_, (), _| {});
        });
    }
}

#[test]
fn what_an_actor_does_and_waits_for_is_seen_while_it_is_stuck() {
    runtime::run(async {
        let place = Place::new().await;
        let (go_on, blocked) = blocking::channel();
        let blocker = Blocker(blocked);
        let blocker = place
            .node
            .spawn("b", blocker, Placement::OwnThread)
            .unwrap();
        let seen = async || place.get("/__processes__/b").await;
        assert_eq!(seen().await["handling"], Value::Null);
        let from = place.node.pid("x");
        for number in 0..3 {
            blocker.tell(&from, Answer(number));
        }
        while seen().await["handling"]["what"] != "test.Answer" {}
        blocker.tell(&from, Answer(3));
        let stuck = seen().await;
        assert_eq!(stuck["events"][0]["name"], "test.Answer", "{stuck:#}");
        assert_eq!(stuck["events"][0]["from"], from.to_string(), "{stuck:#}");
        // One that takes long, for the slow handlers.
        std::thread::sleep(Duration::from_millis(110));
        for _ in 0..4 {
            go_on.send(()).unwrap();
        }
        blocker.ask(|_, _| ()).await.unwrap();
        let seen = seen().await;
        assert_eq!(
            seen["waits_for"]["calls"].as_array().unwrap().len(),
            4,
            "{seen:#}"
        );
        assert!(seen["waits_for"]["timer_ms"].as_f64().unwrap() > 900_000.0);
        assert!(seen["slow"].as_u64().unwrap() >= 1, "{seen:#}");
        assert_eq!(seen["slowest"]["name"], "test.Answer");
        assert_eq!(seen["slowest"]["from"], from.to_string());
        assert!(seen["slowest"]["took_us"].as_f64().unwrap() >= 100_000.0);
        assert!(place.node.metrics().snapshot()["runtime/slow_handlers"] >= 1.0);
    });
}

#[test]
fn who_talks_and_what_is_dropped_is_seen() {
    runtime::run(async {
        let (mut near, far) = (Place::new().await, Place::new().await);
        let from = far.node.pid("far(1)");
        let to = near.talker.pid().clone();
        for number in 0..5 {
            far.node.send(&from, &to, Answer(number));
            near.next().await;
        }
        for _ in 0..2 {
            far.node.send(&from, &to, Unwanted);
        }
        let garbage = b"\xc1";
        far.node.send_encoded(
            &from,
            &to,
            "test.Answer",
            runtime::Codec::MessagePack,
            garbage,
        );
        let nobody = near.node.pid("nobody");
        far.node.send(&from, &nobody, Unwanted);
        far.node.send(&from, &to, Answer(9));
        assert_eq!(near.next().await, 9);
        near.talker.ask(|_, _| ()).await.unwrap();

        let process = near.get("/__processes__/talker").await;
        let talker = &process["talkers"][0];
        assert_eq!(talker["from"], from.to_string());
        assert_eq!(talker["name"], "test.Answer");
        assert!(talker["about"].as_u64().unwrap() >= 6, "{talker}");
        let dropped = process["dropped"].as_array().unwrap();
        assert_eq!(dropped.len(), 2, "{dropped:?}");
        assert!(
            dropped[0]["reason"]
                .as_str()
                .unwrap()
                .contains("cannot be decoded: ")
        );
        assert_eq!(
            (&dropped[1]["name"], &dropped[1]["count"]),
            (&"test.Unwanted".into(), &2.into())
        );
        let all = near.get("/__dropped__").await;
        let all = all.as_array().unwrap();
        let lost = all
            .iter()
            .find(|dropped| dropped["to"] == "nobody")
            .unwrap();
        assert_eq!(lost["from"], from.to_string());
        let metrics = near.node.metrics().snapshot();
        assert_eq!(metrics["runtime/messages_dropped_nobody_takes"], 2.0);
        assert_eq!(metrics["runtime/messages_dropped_undecodable"], 1.0);
        assert_eq!(metrics["runtime/messages_dropped_no_such_actor"], 1.0);

        let peers = far.get("/__peers__").await;
        assert_eq!(peers[0]["address"], near.node.address().to_string());
        assert_eq!(peers[0]["messages_sent"], 10, "{peers}");
        assert_eq!(peers[0]["is_persistent"], false);
        let help = near.get("/help?format=json").await.to_string();
        for endpoint in ["__trace__", "__peers__", "__dropped__", "__processes__"] {
            assert!(help.contains(endpoint), "{endpoint}");
        }
    });
}

#[test]
fn rules_drop_delay_and_await_messages_near_and_far() {
    runtime::run(async {
        let rules = Rules::new();
        let mut near = Place::with(Some(rules.clone())).await;
        let mut far = Place::new().await;
        let node = near.node.clone();
        let from = node.pid("x");
        let (here, there) = (near.talker.pid().clone(), far.talker.pid().clone());
        let all = rules.watch(Pattern::named("test.Answer"));
        let lost = rules.drop_first(1, Pattern::named("test.Answer").to("talker"));
        for to in [&here, &there] {
            node.send(&from, to, Answer(1));
            node.send(&from, to, Answer(2));
        }
        // Only the very first was lost.
        let heard = (near.next().await, far.next().await, far.next().await);
        assert_eq!(heard, (2, 1, 2));
        all.until(4).await;
        assert_eq!((lost.seen(), all.seen()), (1, 4));

        let delayed = rules.delay_all(Duration::from_millis(50), Pattern::any().from("slow"));
        for (place, to) in [(&mut near, &here), (&mut far, &there)] {
            node.send(&node.pid("slow"), to, Answer(3));
            node.send(&node.pid("fast"), to, Answer(4));
            assert_eq!((place.next().await, place.next().await), (4, 3));
        }
        assert_eq!(delayed.seen(), 2);
        drop(delayed);
        node.send(&node.pid("slow"), &here, Answer(5));
        node.send(&node.pid("fast"), &here, Answer(6));
        assert_eq!((near.next().await, near.next().await), (5, 6));
    });
}

#[test]
fn a_call_that_ends_is_no_longer_waited_for() {
    runtime::run(async {
        let place = Place::new().await;
        let (end, ended) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel::<()>();
        place.talker.call(move |_, context| {
            context.run(ended, move |_, _, _| {
                let _ = done.send(());
            });
        });
        place.talker.ask(|_, _| ()).await.unwrap();
        let calls = async || place.get("/__processes__/talker").await["waits_for"]["calls"].clone();
        assert_eq!(calls().await.as_array().unwrap().len(), 1);
        end.send(()).unwrap();
        is_done.await.unwrap();
        assert_eq!(calls().await, Value::Array(Vec::new()));
    });
}
