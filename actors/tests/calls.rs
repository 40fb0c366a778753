//! The connection for calls, with a server that is the test.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use actors::http_client::{Answer, ContentType, Ended, Endpoint, Notice, Session, SessionConfig};
use bytes::Bytes;
use messages::v1::executor::Event;
use runtime::{Actor, Context, Declaration, Handle, Node, Placement, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

#[derive(Debug, PartialEq)]
enum Said {
    Opened,
    Answered(Answer),
    Ended(Ended),
}

/// Holds a session and says what it hears.
struct Client {
    endpoint: Endpoint,
    session: Option<Session>,
    said: mpsc::UnboundedSender<Said>,
}

impl Actor for Client {
    const KIND: &'static str = "client";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        let config = SessionConfig {
            endpoint: self.endpoint.clone(),
            content_type: ContentType::Json,
            authorization: None,
            patience: None,
        };
        let subscribe = Bytes::from_static(b"subscribe");
        self.session = Some(Session::open(
            1,
            config,
            subscribe,
            context,
            |client: &mut Self, _, notice: Notice<Event>, _| {
                client.say(match notice {
                    Notice::Opened => Said::Opened,
                    Notice::Answered(answer) => Said::Answered(answer),
                    Notice::Events(events) => panic!("unexpected {events:?}"),
                });
            },
            |client: &mut Self, _, ended, _| client.say(Said::Ended(ended)),
        ));
    }
}

impl Client {
    fn say(&self, said: Said) {
        self.said.send(said).unwrap();
    }
}

struct Test {
    listener: TcpListener,
    client: Handle<Client>,
    said: mpsc::UnboundedReceiver<Said>,
}

impl Test {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, said) = mpsc::unbounded_channel();
        let client = Client {
            endpoint: Endpoint::new("127.0.0.1", address.port(), "/x"),
            session: None,
            said: sender,
        };
        let node = Node::offline(World::Real);
        let client = node.spawn("client", client, Placement::Here).unwrap();
        Self {
            listener,
            client,
            said,
        }
    }

    /// Takes both connections; returns that of the stream, open, and that of the calls.
    async fn subscribe(&mut self) -> (TcpStream, TcpStream) {
        let (one, _) = self.listener.accept().await.unwrap();
        let (other, _) = self.listener.accept().await.unwrap();
        // Only one of them sends anything.
        let (mut a, mut b) = ([0], [0]);
        let is_first = tokio::select! {
            peeked = one.peek(&mut a) => peeked.unwrap() > 0,
            peeked = other.peek(&mut b) => peeked.unwrap() == 0,
        };
        let (mut stream, calls) = if is_first { (one, other) } else { (other, one) };
        receive(&mut stream, "subscribe").await;
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nMesos-Stream-Id: 7\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(self.said().await, Said::Opened);
        (stream, calls)
    }

    fn call(&self, tag: u64, body: &'static str) {
        self.client.call(move |client, _| {
            let session = client.session.as_ref().unwrap();
            session
                .call(tag, Bytes::from_static(body.as_bytes()))
                .unwrap();
        });
    }

    async fn said(&mut self) -> Said {
        self.said.recv().await.unwrap()
    }
}

/// Reads a request with this body; returns its head.
async fn receive(socket: &mut TcpStream, body: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(body.as_bytes()) {
        assert_ne!(socket.read_buf(&mut read).await.unwrap(), 0, "closed");
    }
    String::from_utf8(read).unwrap()
}

async fn answer(socket: &mut TcpStream, text: &str) {
    let answer = format!("HTTP/1.1 {text}\r\nContent-Length: 0\r\n\r\n");
    socket.write_all(answer.as_bytes()).await.unwrap();
}

fn answered(tag: u64, status: u16) -> Said {
    Said::Answered(Answer {
        tag,
        status,
        text: String::new(),
    })
}

#[test]
fn calls_carry_the_streams_id_and_wait_for_each_other() {
    runtime::run(async {
        let mut test = Test::start().await;
        let (_stream, mut calls) = test.subscribe().await;
        test.call(1, "one");
        test.call(2, "two");
        let head = receive(&mut calls, "one").await.to_ascii_lowercase();
        assert!(head.starts_with("post /x http/1.1\r\n"), "{head}");
        assert!(head.contains("mesos-stream-id: 7\r\n"), "{head}");
        assert!(
            head.contains("content-type: application/json\r\n"),
            "{head}"
        );
        answer(&mut calls, "202 Accepted").await;
        receive(&mut calls, "two").await;
        answer(&mut calls, "400 Bad Request").await;
        assert_eq!(test.said().await, answered(1, 202));
        assert_eq!(test.said().await, answered(2, 400));
    });
}

#[test]
fn a_server_may_close_the_idle_connection() {
    runtime::run(async {
        let mut test = Test::start().await;
        let (_stream, mut calls) = test.subscribe().await;
        for tag in 1..20 {
            test.call(tag, "one");
            receive(&mut calls, "one").await;
            answer(&mut calls, "202 Accepted").await;
            assert_eq!(test.said().await, answered(tag, 202));
            drop(calls);
            test.call(100, "again");
            calls = test.listener.accept().await.unwrap().0;
            receive(&mut calls, "again").await;
            answer(&mut calls, "202 Accepted").await;
            assert_eq!(test.said().await, answered(100, 202));
        }
    });
}

#[test]
fn a_call_that_is_lost_half_way_ends_the_session() {
    runtime::run(async {
        let mut test = Test::start().await;
        let (_stream, mut calls) = test.subscribe().await;
        test.call(1, "one");
        receive(&mut calls, "one").await;
        calls.write_all(b"HTTP/1.1 202 Acc").await.unwrap();
        drop(calls);
        assert!(matches!(test.said().await, Said::Ended(Ended::Broken(_))));
    });
}

#[test]
fn the_end_of_the_stream_ends_the_session() {
    runtime::run(async {
        let mut test = Test::start().await;
        let (mut stream, _calls) = test.subscribe().await;
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        assert_eq!(test.said().await, Said::Ended(Ended::Closed));
    });
}

#[test]
fn what_is_no_event_ends_the_session() {
    let not_a_length = "6\r\nno end\r\n";
    let not_an_event = "3\r\n1\n{\r\n";
    let half_an_event = "3\r\n9\n{\r\n0\r\n\r\n";
    for chunk in [not_a_length, not_an_event, half_an_event] {
        runtime::run(async {
            let mut test = Test::start().await;
            let (mut stream, _calls) = test.subscribe().await;
            stream.write_all(chunk.as_bytes()).await.unwrap();
            drop(stream);
            assert!(matches!(test.said().await, Said::Ended(Ended::Broken(_))));
        });
    }
}

#[test]
fn a_refused_subscription_says_why() {
    runtime::run(async {
        let mut test = Test::start().await;
        let (mut socket, _) = test.listener.accept().await.unwrap();
        receive(&mut socket, "subscribe").await;
        let text = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10\r\n\r\nrecovering";
        socket.write_all(text.as_bytes()).await.unwrap();
        let text = "recovering".to_owned();
        assert_eq!(
            test.said().await,
            Said::Ended(Ended::Refused { status: 503, text })
        );
    });
}

#[test]
fn where_nobody_listens_is_said() {
    runtime::run(async {
        let Test {
            listener,
            client,
            mut said,
        } = Test::start().await;
        drop(listener);
        client.call(|client, _| {
            client.session.take();
        });
        // The connection may have been taken by the listener's backlog before it went.
        assert!(matches!(said.recv().await, Some(Said::Ended(_))));
    });
}
