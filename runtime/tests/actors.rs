//! Actors on one node and between two, after libprocess' process_tests (Q3).

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::time::Duration;

use runtime::http::{Help, Method, Request, Responder, Response, StreamHead, StreamWriter};
use runtime::{Actor, Context, Declaration, Handle, Node, NodeConfig, Pid, Placement, SpawnError};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note(String);
#[derive(Debug, Serialize, Deserialize)]
struct Echo(String);
runtime::message!(Note = "test.Note", Echo = "test.Echo");

/// Keeps what it hears and answers what it is asked to.
#[derive(Default)]
struct Listener {
    heard: Vec<String>,
    exited: Vec<Pid>,
    waiting: Vec<(usize, tokio::sync::oneshot::Sender<()>)>,
    streams: Vec<StreamWriter>,
    closed: usize,
}

impl Actor for Listener {
    const KIND: &'static str = "listener";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on("Keeps a note.", Self::note)
            .on("Sends the text back as a note.", Self::echo)
            .endpoint(
                "heard",
                Help::new("What was heard.", "A JSON list."),
                Self::list,
            )
            .endpoint("stream", Help::new("A stream.", "Records."), Self::stream);
    }

    fn exited(&mut self, peer: &Pid, _: &mut Context<'_, Self>) {
        self.exited.push(peer.clone());
        self.tell_waiting();
    }
}

impl Listener {
    fn note(&mut self, _: &Pid, Note(text): Note, _: &mut Context<'_, Self>) {
        self.heard.push(text);
        self.tell_waiting();
    }

    fn echo(&mut self, from: &Pid, Echo(text): Echo, context: &mut Context<'_, Self>) {
        context.send(from, Note(text));
    }

    fn list(&mut self, request: Request, responder: Responder, _: &mut Context<'_, Self>) {
        responder.answer(match request.method() {
            Method::Get => Response::json(&self.heard),
            other => Response::method_not_allowed(&["GET"], other.name()),
        });
    }

    fn stream(&mut self, _: Request, responder: Responder, context: &mut Context<'_, Self>) {
        let head = StreamHead {
            status: 200,
            headers: Vec::new(),
        };
        let stream = context.stream(responder, head, |listener, _| {
            listener.closed += 1;
            listener.tell_waiting();
        });
        stream.send(&b"5\nhello"[..]).unwrap();
        self.streams.push(stream);
        self.tell_waiting();
    }

    fn happened(&self) -> usize {
        self.heard.len() + self.exited.len() + self.streams.len() + self.closed
    }

    fn tell_waiting(&mut self) {
        let happened = self.happened();
        for (_, waiter) in self.waiting.extract_if(.., |(count, _)| *count <= happened) {
            let _ = waiter.send(());
        }
    }
}

/// Waits until the listener has seen `count` things.
async fn until(listener: &runtime::Handle<Listener>, count: usize) {
    let (told, waits) = tokio::sync::oneshot::channel();
    listener.call(move |listener, _| {
        listener.waiting.push((count, told));
        listener.tell_waiting();
    });
    tokio::time::timeout(Duration::from_secs(20), waits)
        .await
        .unwrap()
        .unwrap();
}

async fn node() -> Node {
    Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
        .await
        .unwrap()
}

fn listener(node: &Node, id: &str) -> runtime::Handle<Listener> {
    node.spawn(id, Listener::default(), Placement::Here)
        .unwrap()
}

#[test]
fn messages_stay_in_order_on_one_node_and_between_two() {
    runtime::run(async {
        let (a, b) = (node().await, node().await);
        let (near, far) = (listener(&a, "near"), listener(&b, "far(1)"));
        for i in 0..1000 {
            a.send(&a.pid("x"), near.pid(), Note(i.to_string()));
            a.send(&a.pid("x"), far.pid(), Note(i.to_string()));
        }
        let expected: Vec<_> = (0..1000).map(|i| i.to_string()).collect();
        for listener in [near, far] {
            until(&listener, 1000).await;
            assert_eq!(
                listener.ask(|l, _| l.heard.clone()).await.unwrap(),
                expected
            );
        }
    });
}

#[test]
fn what_waits_is_counted_by_kind() {
    runtime::run(async {
        let node = node().await;
        let busy = listener(&node, "busy");
        let id = &busy.pid().id;
        // The actor lives on this thread, which it gets at the next await.
        for text in ["1", "2"] {
            node.send(&node.pid("x"), busy.pid(), Note(text.to_owned()));
        }
        busy.call(|_, _| ());
        let queued = node.queued(id);
        assert_eq!((queued.messages, queued.requests), (2, 0));
        assert_eq!(queued.dispatches, 1);
        until(&busy, 2).await;
        assert_eq!(node.queued(id).all(), 0);
        assert_eq!(node.queued(&"nobody".into()).all(), 0);
    });
}

#[test]
fn an_answer_travels_on_the_answering_node_s_own_connection() {
    runtime::run(async {
        let (a, b) = (node().await, node().await);
        let (asker, echo) = (listener(&a, "asker"), listener(&b, "echo"));
        a.send(asker.pid(), echo.pid(), Echo("hello".to_owned()));
        until(&asker, 1).await;
        assert_eq!(asker.ask(|l, _| l.heard.clone()).await.unwrap(), ["hello"]);
    });
}

#[test]
fn names_are_numbered_by_prefix() {
    runtime::run(async {
        let node = node().await;
        let names = ["slave", "slave", "registrar", "slave"].map(|prefix| node.next_id(prefix));
        let expected = ["slave(1)", "slave(2)", "registrar(1)", "slave(3)"];
        assert_eq!(names.each_ref().map(|name| name.as_str()), expected);
    });
}

#[test]
fn answers_go_to_the_advertised_address() {
    runtime::run(async {
        let mut config = NodeConfig::new(([0, 0, 0, 0], 0).into());
        config.advertise = Some(([127, 0, 0, 2], 0).into());
        let hidden = Node::start(config).await.unwrap();
        let far = node().await;
        let (asker, echo) = (listener(&hidden, "asker"), listener(&far, "echo"));
        assert_eq!(hidden.address().ip().to_string(), "127.0.0.2");
        hidden.send(asker.pid(), echo.pid(), Echo("hello".to_owned()));
        until(&asker, 1).await;
    });
}

#[test]
fn messages_of_senders_elsewhere_are_refused_on_demand() {
    runtime::run(async {
        let mut config = NodeConfig::new(([127, 0, 0, 1], 0).into());
        config.require_peer_address_match = true;
        let node = Node::start(config).await.unwrap();
        let sink = listener(&node, "sink(1)");
        for (sender, first, status) in [
            ("x@127.0.0.1:1", "", 202),
            ("x@127.0.0.2:1", "", 400),
            (
                "x@127.0.0.1:1",
                "GET /sink(1)/heard HTTP/1.1\r\nHost: h\r\n\r\n",
                202,
            ),
            (
                "x@127.0.0.2:1",
                "GET /sink(1)/heard HTTP/1.1\r\nHost: h\r\n\r\n",
                400,
            ),
        ] {
            let message = format!(
                "{first}POST /sink%281%29/test.Note HTTP/1.1\r\nHost: h\r\n\
                 Libprocess-From: {sender}\r\nContent-Type: application/json\r\n\
                 Connection: close\r\nContent-Length: 3\r\n\r\n\"a\""
            );
            let answers = raw(&node, &message).await;
            let last = answers.rsplit("HTTP/1.1 ").next().unwrap();
            assert!(last.starts_with(&status.to_string()), "{sender}: {answers}");
        }
        until(&sink, 2).await;
        assert_eq!(sink.ask(|l, _| l.heard.len()).await, Some(2));
    });
}

#[test]
fn a_taken_name_is_refused_and_free_again_after_the_end() {
    runtime::run(async {
        let node = node().await;
        let first = listener(&node, "one");
        let watcher = listener(&node, "watcher");
        let refused = node
            .spawn("one", Listener::default(), Placement::Here)
            .unwrap_err();
        assert_eq!(refused, SpawnError::NameTaken("one".into()));
        let pid = first.pid().clone();
        watcher.call(move |_, context| context.link(&pid));
        watcher.ask(|_, _| ()).await.unwrap();
        node.terminate(first.pid());
        until(&watcher, 1).await;
        assert_eq!(
            watcher.ask(|l, _| l.exited.clone()).await.unwrap(),
            [first.pid().clone()]
        );
        assert_eq!(first.ask(|_, _| ()).await, None);
        listener(&node, "one");
    });
}

#[test]
fn a_link_to_an_unknown_local_actor_exits_at_once() {
    runtime::run(async {
        let node = node().await;
        let watcher = listener(&node, "watcher");
        let nobody = node.pid("nobody");
        watcher.call(move |_, context| context.link(&nobody));
        until(&watcher, 1).await;
    });
}

#[test]
fn a_link_to_a_dead_node_exits_once_for_each_linked_pid() {
    runtime::run(async {
        let node = node().await;
        let watcher = listener(&node, "watcher");
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let peers = [Pid::new("a", free), Pid::new("b", free)];
        let linked = peers.clone();
        watcher.call(move |_, context| {
            for peer in linked.iter().chain(&linked) {
                context.link(peer);
            }
        });
        until(&watcher, 2).await;
        let mut exited = watcher.ask(|l, _| l.exited.clone()).await.unwrap();
        exited.sort();
        assert_eq!(exited, peers);
    });
}

#[test]
fn pipelined_messages_are_never_lost() {
    runtime::run(async {
        let node = node().await;
        let sink = listener(&node, "sink");
        let mut socket = TcpStream::connect(node.address()).await.unwrap();
        let mut burst = String::new();
        for i in 0..5000 {
            let body = format!("\"{i}\"");
            burst.push_str(&format!(
                "POST /sink/test.Note HTTP/1.1\r\nLibprocess-From: x@127.0.0.1:1\r\n\
                 Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
                 {:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            ));
        }
        let (mut reader, mut writer) = socket.split();
        let write = async { writer.write_all(burst.as_bytes()).await.unwrap() };
        let answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        let mut answers = vec![0; answer.len() * 5000];
        let read = async { reader.read_exact(&mut answers).await.unwrap() };
        tokio::join!(write, read);
        assert_eq!(answers, answer.repeat(5000).into_bytes());
        until(&sink, 5000).await;
    });
}

/// Sends raw requests and reads until the server closes.
async fn raw(node: &Node, requests: &str) -> String {
    let mut socket = TcpStream::connect(node.address()).await.unwrap();
    socket.write_all(requests.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = socket.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn pipelined_requests_with_bodies_are_each_answered() {
    runtime::run(async {
        let node = node().await;
        listener(&node, "l");
        let one = "POST /l/heard HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
        let last = "GET /l/heard HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let answers = raw(&node, &format!("{}{last}", one.repeat(300))).await;
        assert_eq!(answers.matches("HTTP/1.1 405").count(), 300);
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 1);
    });
}

#[test]
fn a_message_among_requests_is_delivered() {
    runtime::run(async {
        let node = node().await;
        let sink = listener(&node, "sink");
        let answers = raw(
            &node,
            "GET /sink/heard HTTP/1.1\r\nHost: h\r\n\r\n\
             POST /sink/test.Note HTTP/1.1\r\nHost: h\r\nLibprocess-From: x@127.0.0.1:1\r\n\
             Content-Type: application/json\r\nContent-Length: 3\r\n\r\n\"a\"\
             POST /nobody/test.Note HTTP/1.1\r\nHost: h\r\nLibprocess-From: x@127.0.0.1:1\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n",
        )
        .await;
        let statuses: Vec<_> = answers
            .match_indices("HTTP/1.1 ")
            .map(|(at, _)| &answers[at + 9..at + 12])
            .collect();
        assert_eq!(statuses, ["200", "202", "404"]);
        until(&sink, 1).await;
    });
}

#[test]
fn delegated_paths_prefixes_and_escapes_are_routed() {
    runtime::run(async {
        let mut config = NodeConfig::new(([127, 0, 0, 1], 0).into());
        config.delegate = Some("slave(1)".into());
        let node = Node::start(config).await.unwrap();
        listener(&node, "slave(1)");
        for (path, status) in [
            ("/slave(1)/heard", 200),
            ("/slave%281%29/heard/", 200),
            ("/heard", 200),
            ("/heard/below", 200),
            ("/heardnot", 404),
            ("/slave(1)/../heard", 404),
            ("/%ZZ", 404),
            ("/", 404),
            ("/__processes__", 200),
            ("/__processes__/slave(1)", 200),
            ("/help", 200),
            ("/metrics/snapshot", 200),
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            let answer = raw(&node, &request).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{path}: {answer}"
            );
        }
    });
}

#[test]
fn json_is_wrapped_for_jsonp() {
    runtime::run(async {
        let node = node().await;
        listener(&node, "l");
        let ask = |query: &str| {
            format!("GET /l/heard?{query} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        };
        let answer = raw(&node, &ask("jsonp=cb")).await;
        assert!(
            answer.ends_with("cb([])") && answer.contains("text/javascript"),
            "{answer}"
        );
        assert!(
            raw(&node, &ask("jsonp=%3Cscript%3E"))
                .await
                .starts_with("HTTP/1.1 400")
        );
    });
}

#[test]
fn a_stream_sends_records_as_chunks_and_notices_a_closed_client() {
    runtime::run(async {
        let node = node().await;
        let streamer = listener(&node, "s");
        let mut socket = TcpStream::connect(node.address()).await.unwrap();
        socket
            .write_all(b"GET /s/stream HTTP/1.1\r\nHost: h\r\n\r\n")
            .await
            .unwrap();
        until(&streamer, 1).await;
        let mut seen = Vec::new();
        while !seen.ends_with(b"7\r\n5\nhello\r\n") {
            assert_ne!(socket.read_buf(&mut seen).await.unwrap(), 0);
        }
        drop(socket);
        until(&streamer, 2).await;
    });
}

#[test]
fn malformed_requests_are_refused_and_the_node_lives() {
    runtime::run(async {
        let node = node().await;
        listener(&node, "l");
        for bad in [
            "nonsense\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
            "POST /l/heard HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST /l/x HTTP/1.1\r\nLibprocess-From: nonsense\r\nConnection: close\r\n\r\n",
        ] {
            let answer = raw(&node, bad).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{bad:?}: {answer:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
        let answer = raw(&node, &long).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer:?}");
        let alive = raw(
            &node,
            "GET /l/heard HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        )
        .await;
        assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
    });
}

/// Sends what it is told to, each message by itself.
struct Talker;

impl Actor for Talker {
    const KIND: &'static str = "talker";

    fn declare(_: &mut Declaration<Self>) {}
}

/// Two actors on nodes of their own.
async fn talker_and_listener() -> (Handle<Talker>, Handle<Listener>) {
    let (near, far) = (node().await, node().await);
    let listener = Listener::default();
    let talker = near.spawn("talker", Talker, Placement::OwnThread);
    let listener = far.spawn("listener", listener, Placement::OwnThread);
    (talker.unwrap(), listener.unwrap())
}

#[test]
fn messages_of_any_size_keep_their_order() {
    runtime::run(async {
        let (talker, listener) = talker_and_listener().await;
        // Some fill the socket, so that only their beginning is written at once.
        let text = |number: usize| "x".repeat([10, 3 << 20, 100_000][number % 3] + number);
        for number in 0..12 {
            let (to, note) = (listener.pid().clone(), Note(text(number)));
            talker
                .ask(move |_, context| context.send(&to, note))
                .await
                .unwrap();
        }
        until(&listener, 12).await;
        let heard = listener.ask(|listener, _| listener.heard.clone()).await;
        let wanted: Vec<_> = (0..12).map(text).collect();
        assert!(heard.unwrap() == wanted, "lost, cut or out of order");
    });
}

#[test]
fn what_is_sent_behind_a_message_that_is_written_in_part_leaves_too() {
    runtime::run(async {
        let (talker, listener) = talker_and_listener().await;
        let (sent, told) = std::sync::mpsc::channel();
        let say = |text: String| {
            let (to, sent) = (listener.pid().clone(), sent.clone());
            talker.call(move |_, context| {
                context.send(&to, Note(text));
                sent.send(()).unwrap();
            });
        };
        say("the connection is there".to_owned());
        until(&listener, 1).await;
        told.recv().unwrap();
        // This thread, which writes what the socket does not take at once, looks only when both
        // have been sent.
        for text in ["x".repeat(16 << 20), "behind it".to_owned()] {
            say(text);
            told.recv().unwrap();
        }
        until(&listener, 3).await;
    });
}

#[test]
fn one_connection_brings_messages_for_actors_of_any_thread() {
    runtime::run(async {
        let far = node().await;
        let here = far
            .spawn("here", Listener::default(), Placement::Here)
            .unwrap();
        let there = far
            .spawn("there", Listener::default(), Placement::OwnThread)
            .unwrap();
        let near = node().await;
        let from = near.pid("somebody");
        for number in 0..100 {
            let text = number.to_string();
            near.send(&from, here.pid(), Note(text.clone()));
            near.send(&from, there.pid(), Note(text));
            if number == 50 {
                until(&here, 1).await;
            }
        }
        let wanted: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        for listener in [here, there] {
            until(&listener, 100).await;
            let heard = listener.ask(|listener, _| listener.heard.clone()).await;
            assert_eq!(heard.as_ref(), Some(&wanted));
        }
        assert_eq!(far.metrics().snapshot()["runtime/connections"], 1.0);
    });
}

#[test]
fn names_with_numbers_are_names_as_others_are() {
    runtime::run(async {
        let node = node().await;
        let spawn = |name: &str| node.spawn(name, Listener::default(), Placement::Here);
        let names = ["x(1)", "x(01)", "x(16)", "x(17)", "x", "y(1)", "x(1)(1)"];
        for name in names {
            spawn(name).unwrap();
        }
        for name in names {
            assert!(spawn(name).is_err(), "{name} is not here");
        }
        node.terminate(&node.pid("x(16)"));
        let freed = loop {
            match spawn("x(16)") {
                Ok(handle) => break handle,
                Err(SpawnError::NameTaken(_)) => tokio::task::yield_now().await,
            }
        };
        for name in names {
            node.send(&node.pid("test"), &node.pid(name), Note(name.to_owned()));
        }
        until(&freed, 1).await;
        let heard = freed.ask(|listener, _| listener.heard.clone()).await;
        assert_eq!(heard, Some(vec!["x(16)".to_owned()]));
    });
}
