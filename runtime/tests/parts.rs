//! Answers that are sent while they are written.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::io::Read as _;
use std::sync::{Condvar, Mutex};

use flate2::read::GzDecoder;
use runtime::http::{Help, PartsWriter, Published, Response};
use runtime::{Actor, Context, Declaration, Node, NodeConfig, Placement};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PARTS: usize = 20;
const PART: usize = 200_000;

/// Says that a client has the head of an answer that is not finished yet.
static HEAD_READ: Signal = Signal(Mutex::new(0), Condvar::new());

struct Signal(Mutex<usize>, Condvar);

impl Signal {
    fn acquire(&self) {
        let given = self.0.lock().unwrap();
        *self.1.wait_while(given, |given| *given == 0).unwrap() -= 1;
    }

    fn give(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_all();
    }
}

struct Teller;

impl Actor for Teller {
    const KIND: &'static str = "teller";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        let help = Help::new("Text.", "`?parts=`");
        let answer = Published::later(help, |request, responder| {
            let parts = request.query("parts").unwrap().parse().unwrap();
            let unfinished = request.query("unfinished").is_some();
            let (mut writer, body) = PartsWriter::new();
            responder.answer(Response::parts("application/json", body));
            std::thread::spawn(move || {
                for number in 0..parts {
                    if unfinished && number == PARTS / 2 {
                        HEAD_READ.acquire();
                    }
                    writer.write(part(number));
                }
            });
        });
        context.publish("text", answer);
    }
}

fn part(number: usize) -> Vec<u8> {
    format!("{number:08}").repeat(PART / 8).into_bytes()
}

fn text(parts: usize) -> Vec<u8> {
    (0..parts).flat_map(part).collect()
}

/// Asks, and gives head and body of the answer.
async fn ask(line: &str, headers: &str) -> (String, Vec<u8>) {
    let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
        .await
        .unwrap();
    node.spawn("teller", Teller, Placement::Here).unwrap();
    let mut socket = TcpStream::connect(node.address()).await.unwrap();
    let request = format!("{line}\r\nHost: h\r\n{headers}Connection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await.unwrap());
    }
    if line.contains("&unfinished=") {
        HEAD_READ.give();
    }
    let mut body = Vec::new();
    socket.read_to_end(&mut body).await.unwrap();
    (String::from_utf8(answer).unwrap().to_lowercase(), body)
}

/// What is in chunks.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let end = chunks.iter().position(|byte| *byte == b'\r').unwrap();
        let (line, rest) = chunks.split_at(end);
        let size = usize::from_str_radix(std::str::from_utf8(line).unwrap(), 16).unwrap();
        all.extend_from_slice(&rest[2..2 + size]);
        chunks = &rest[2 + size + 2..];
        if size == 0 {
            assert!(chunks.is_empty());
            return all;
        }
    }
}

const GET: &str = "GET /teller/text?parts=20 HTTP/1.1";
const POST: &str = "POST /teller/text?parts=20 HTTP/1.1";
const LENGTH: &str = "Content-Length: 0\r\n";

#[test]
fn an_unfinished_answer_comes_in_chunks_and_a_small_one_has_a_length() {
    runtime::run(async {
        for (method, headers) in [("GET", ""), ("POST", LENGTH)] {
            let line = format!("{method} /teller/text?parts=20&unfinished=1 HTTP/1.1");
            let (head, body) = ask(&line, headers).await;
            assert!(head.contains("transfer-encoding: chunked"), "{head}");
            assert!(!head.contains("content-length"), "{head}");
            assert!(joined(&body) == text(PARTS));
        }
        let (head, body) = ask("GET /teller/text?parts=1 HTTP/1.1", "").await;
        assert!(head.contains("content-length: 200000"), "{head}");
        assert!(body == text(1));
    });
}

#[test]
fn answers_in_parts_and_others_follow_each_other() {
    runtime::run(async {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        node.spawn("teller", Teller, Placement::Here).unwrap();
        let mut socket = TcpStream::connect(node.address()).await.unwrap();
        let wanted = [20, 1, 3, 20];
        for parts in wanted {
            let request = format!("GET /teller/text?parts={parts} HTTP/1.1\r\nHost: h\r\n\r\n");
            socket.write_all(request.as_bytes()).await.unwrap();
        }
        // What is no call goes on from there.
        let last = "GET /teller/text?parts=2 HTTP/1.0\r\nHost: h\r\n\r\n";
        socket.write_all(last.as_bytes()).await.unwrap();
        let mut answers = Vec::new();
        socket.read_to_end(&mut answers).await.unwrap();
        let mut rest = answers.as_slice();
        for parts in wanted.into_iter().chain([2]) {
            let start = rest.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            let (head, body) = rest.split_at(start);
            let head = std::str::from_utf8(head).unwrap().to_lowercase();
            assert!(head.contains(" 200 ok"), "{head}");
            let length = if head.contains("chunked") {
                let end = b"\r\n0\r\n\r\n";
                let found = body.windows(end.len()).position(|part| part == end);
                let length = found.unwrap() + end.len();
                assert!(joined(&body[..length]) == text(parts));
                length
            } else {
                let length = parts * PART;
                assert!(body[..length] == text(parts));
                length
            };
            rest = &body[length..];
        }
        assert!(rest.is_empty());
    });
}

#[test]
fn who_cannot_read_chunks_gets_it_whole() {
    runtime::run(async {
        let (head, body) = ask("GET /teller/text?parts=20 HTTP/1.0", "").await;
        assert!(!head.contains("chunked"), "{head}");
        assert!(head.contains("content-length: 4000000"), "{head}");
        assert!(body == text(PARTS));
    });
}

#[test]
fn a_script_is_whole() {
    runtime::run(async {
        let wanted = [b"f(", text(PARTS).as_slice(), b")"].concat();
        for (method, headers) in [("GET", ""), ("POST", LENGTH)] {
            let line = format!("{method} /teller/text?parts=20&jsonp=f HTTP/1.1");
            let (head, body) = ask(&line, headers).await;
            assert!(head.contains("text/javascript"), "{head}");
            assert!(body == wanted);
        }
    });
}

#[test]
fn it_is_compressed_as_it_goes() {
    runtime::run(async {
        for (line, headers) in [(GET, ""), (POST, LENGTH)] {
            let headers = format!("{headers}Accept-Encoding: gzip\r\n");
            let (head, body) = ask(line, &headers).await;
            assert!(head.contains("content-encoding: gzip"), "{head}");
            let mut read = Vec::new();
            let compressed = joined(&body);
            GzDecoder::new(&*compressed).read_to_end(&mut read).unwrap();
            assert!(read == text(PARTS));
        }
    });
}

#[test]
fn a_head_has_no_body() {
    runtime::run(async {
        let (head, body) = ask("HEAD /teller/text?parts=20 HTTP/1.1", "").await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(body.is_empty());
    });
}
