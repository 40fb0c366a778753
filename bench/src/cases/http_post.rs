//! POSTs of 200 bytes to a small route over kept-alive connections.

use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

use runtime::http::{Help, Published, Response};
use runtime::{Actor, Context, Declaration, Node, NodeConfig, Placement};

use super::figures;
use crate::connection::Connection;
use crate::report::Figures;

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 4000;

pub fn run(side: &str, _: Option<&str>) -> Option<Figures> {
    let address = match side {
        "ours" => ours(),
        "actix-web" => actix_web_side(),
        _ => return None,
    };
    let started = Instant::now();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| thread::spawn(move || client(address)))
        .collect();
    for client in clients {
        client.join().ok()??;
    }
    let seconds = started.elapsed().as_secs_f64();
    Some(figures([(
        "requests_per_second",
        (CONNECTIONS * REQUESTS) as f64 / seconds,
    )]))
}

fn client(address: SocketAddr) -> Option<()> {
    let mut connection = Connection::open(address).ok()?;
    let request = format!(
        "POST /small/route HTTP/1.1\r\nHost: bench\r\nContent-Length: 200\r\n\r\n{}",
        "x".repeat(200)
    );
    for _ in 0..REQUESTS {
        connection.send(request.as_bytes()).ok()?;
        if connection.answer().ok()? != 202 {
            return None;
        }
    }
    Some(())
}

struct Small;

impl Actor for Small {
    const KIND: &'static str = "small";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        let help = Help::new("Takes anything.", "Answers 202.");
        context.publish("route", Published::new(help, |_| Response::empty(202)));
    }
}

fn ours() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        runtime::run(async {
            let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
                .await
                .unwrap();
            let small = node.spawn("small", Small, Placement::Here).unwrap();
            small.ask(|_, _| ()).await;
            tell.send(node.address()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    told.recv().unwrap()
}

fn actix_web_side() -> SocketAddr {
    use actix_web::{App, HttpResponse, HttpServer, web};
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        actix_rt::System::new().block_on(async move {
            let server = HttpServer::new(|| {
                App::new().route(
                    "/small/route",
                    web::post().to(|_: web::Bytes| async { HttpResponse::Accepted().finish() }),
                )
            })
            .workers(2)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
            tell.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    told.recv().unwrap()
}
