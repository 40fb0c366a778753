//! Calls that actors answer later, pipelined on one connection.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use runtime::http::{Help, Published, Responder, Response, StreamHead, StreamWriter};
use runtime::{Actor, Context, Declaration, Node, NodeConfig, Placement};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Keeps calls until one says `answer`; then answers all, the last first.
#[derive(Default)]
struct Keeper {
    waiting: Vec<(String, Responder)>,
    streams: Vec<StreamWriter>,
    closed: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Actor for Keeper {
    const KIND: &'static str = "keeper";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        let keeper = context.handle();
        let help = Help::new("Calls.", "Text.");
        let call = Published::later(help, move |request, responder| {
            let text = String::from_utf8(request.body().to_vec()).unwrap();
            keeper.call(move |keeper, context| keeper.called(text, responder, context));
        });
        context.publish("call", call);
        let now = Published::new(Help::new("Now.", "Text."), |_| Response::text(200, "now"));
        context.publish("now", now);
    }
}

impl Keeper {
    fn called(&mut self, text: String, responder: Responder, context: &mut Context<'_, Self>) {
        match text.as_str() {
            "stream" => {
                let head = StreamHead {
                    status: 200,
                    headers: vec![("Stream", "yes".to_owned())],
                };
                let stream = context.stream(responder, head, |keeper, _| {
                    let _ = keeper.closed.take().map(|closed| closed.send(()));
                });
                stream.send(&b"one"[..]).unwrap();
                stream.send(&b"two"[..]).unwrap();
                self.streams.push(stream);
            }
            "end" => {
                self.streams.clear();
                responder.answer(Response::text(200, "ended"));
            }
            "answer" => {
                responder.answer(Response::text(200, text));
                for (text, responder) in self.waiting.drain(..).rev() {
                    responder.answer(Response::text(200, text));
                }
            }
            _ => self.waiting.push((text, responder)),
        }
    }
}

async fn node() -> Node {
    let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
        .await
        .unwrap();
    node.spawn("keeper", Keeper::default(), Placement::Here)
        .unwrap();
    node
}

fn call(body: &str, headers: &str) -> String {
    format!(
        "POST /keeper/call HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends requests, the last of which ends the connection, and gives all that comes back.
async fn raw(node: &Node, requests: &str) -> String {
    let mut socket = TcpStream::connect(node.address()).await.unwrap();
    socket.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).await.unwrap();
    answers
}

/// The answers without their heads.
fn bodies(answers: &str) -> Vec<&str> {
    answers
        .split("HTTP/1.1 200 OK\r\n")
        .skip(1)
        .map(|answer| answer.split_once("\r\n\r\n").unwrap().1)
        .collect()
}

#[test]
fn calls_are_answered_in_the_order_that_they_came() {
    runtime::run(async {
        let node = node().await;
        let calls: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        let requests: String = calls.iter().map(|text| call(text, "")).collect();
        let last = call("answer", "Connection: close\r\n");
        let answers = raw(&node, &(requests + &last)).await;
        let (last, others) = bodies(&answers)
            .split_last()
            .map(|(l, o)| (*l, o.to_vec()))
            .unwrap();
        assert_eq!(others, calls);
        assert_eq!(last, "answer");
    });
}

#[test]
fn what_is_no_call_is_answered_after_the_calls_before_it() {
    runtime::run(async {
        let node = node().await;
        let chunked = "POST /keeper/call HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3\r\nans\r\n3\r\nwer\r\n0\r\n\r\n";
        let now = "GET /keeper/now HTTP/1.1\r\nHost: h\r\n\r\n";
        let last = call("answer", "Connection: close\r\n");
        let requests = [&call("first", ""), &call("answer", ""), now, chunked, &last].concat();
        let answers = raw(&node, &requests).await;
        assert_eq!(
            bodies(&answers),
            ["first", "answer", "now", "answer", "answer"]
        );
    });
}

#[test]
fn a_broken_body_is_refused_after_the_calls_before_it() {
    runtime::run(async {
        let node = node().await;
        let broken = "POST /keeper/call HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n";
        let requests = call("answer", "") + broken;
        let answers = raw(&node, &requests).await;
        assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
        assert!(
            answers.contains("HTTP/1.1 400 Bad Request\r\n"),
            "{answers}"
        );
    });
}

#[test]
fn a_stream_is_an_answer_and_the_next_one_follows_it() {
    runtime::run(async {
        let node = node().await;
        let mut socket = TcpStream::connect(node.address()).await.unwrap();
        let requests = call("stream", "") + &call("answer", "Connection: close\r\n");
        socket.write_all(requests.as_bytes()).await.unwrap();
        let mut first = String::new();
        while !first.ends_with("3\r\ntwo\r\n") {
            let mut part = [0; 1000];
            let count = socket.read(&mut part).await.unwrap();
            assert_ne!(count, 0, "{first}");
            first.push_str(std::str::from_utf8(part.get(..count).unwrap()).unwrap());
        }
        assert!(
            first.contains("\r\nStream: yes\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        );
        let ended = raw(&node, &call("end", "Connection: close\r\n")).await;
        assert_eq!(bodies(&ended), ["ended"]);
        let mut rest = String::new();
        socket.read_to_string(&mut rest).await.unwrap();
        assert!(rest.starts_with("0\r\n\r\nHTTP/1.1 200 OK\r\n"), "{rest}");
        assert!(rest.ends_with("\r\n\r\nanswer"), "{rest}");
    });
}

#[test]
fn a_client_that_leaves_its_stream_is_noticed() {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        let (tell, closed) = tokio::sync::oneshot::channel();
        let keeper = Keeper {
            closed: Some(tell),
            ..Keeper::default()
        };
        node.spawn("keeper", keeper, Placement::Here).unwrap();
        let mut socket = TcpStream::connect(node.address()).await.unwrap();
        socket
            .write_all(call("stream", "").as_bytes())
            .await
            .unwrap();
        let mut part = [0; 10];
        socket.read_exact(&mut part).await.unwrap();
        drop(socket);
        closed.await.unwrap();
    });
}
