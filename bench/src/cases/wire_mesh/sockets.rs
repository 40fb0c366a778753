//! What the mesh costs at least: the same bytes to and from the same peers, by mere sockets and
//! one epoll. For each ping there is one write, for each pong one read, and nothing is parsed.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use runtime::{Message as _, Pid};
use runtime_core::libprocess::{ANSWERS, RARELY, encode, encode_with};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::super::figures;
use super::super::tick::Tick;
use super::{OUR_KIND, PINGS, SIZES, peer};
use crate::companion::Companion;
use crate::process::{cpu_seconds, own_cpu};
use crate::report::Figures;

/// Events that are asked for at once, as our event loops do.
const EVENTS: usize = 1024;

/// More than ever waits to be read from one peer.
const READ: usize = 64 << 10;

/// One peer, and the connections to and from it.
struct Link {
    out: TcpStream,
    ping: Vec<u8>,
    back: TcpStream,
    /// How long its pongs are.
    pong: usize,
    /// Bytes of a pong that came in part.
    part: usize,
}

impl Link {
    /// Connects, and has the peer leave pings unanswered but for its pongs.
    fn open(listener: &TcpListener, to: &Pid) -> Option<Self> {
        let me = Pid::new("pinger", listener.local_addr().ok()?);
        let (name, codec) = (Tick::NAME, Tick::CODEC);
        let mut body = Vec::new();
        Tick(0).encode(codec, &mut body).ok()?;
        let (mut ping, mut asking) = (Vec::new(), Vec::new());
        encode(&me, to, name, codec, &body, &mut ping);
        encode_with((ANSWERS, RARELY), &me, to, name, codec, &body, &mut asking);

        let mut out = TcpStream::connect(to.address).ok()?;
        out.set_nodelay(true).ok()?;
        out.write_all(&asking).ok()?;
        let (mut back, _) = listener.accept().ok()?;
        let pong = back.read(&mut [0; 1024]).ok()?;
        back.set_nonblocking(true).ok()?;
        Some(Self {
            out,
            ping,
            back,
            pong,
            part: 0,
        })
    }
}

pub(super) fn run() -> Option<Figures> {
    let [size, ..] = SIZES;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    let address = listener.local_addr().ok()?;
    let swarm = Companion::start("wire.mesh", OUR_KIND, &address.to_string())?;
    let epoll = epoll::create(CreateFlags::CLOEXEC).ok()?;
    let mut links = Vec::new();
    for number in 0..size {
        let link = Link::open(&listener, &peer(number, swarm.address.port()))?;
        let data = EventData::new_u64(number as u64);
        epoll::add(&epoll, &link.back, data, EventFlags::IN | EventFlags::ET).ok()?;
        links.push(link);
    }

    let count = PINGS.next_multiple_of(size);
    let before = (own_cpu(), cpu_seconds(swarm.pid()));
    let (mut sent, mut back) = (0, 0);
    let mut events = Vec::with_capacity(EVENTS);
    let mut buffer = [0; READ];
    while back < count {
        while sent < count && sent - back < size {
            let Link { out, ping, .. } = &mut links[sent % size];
            out.write_all(ping).ok()?;
            sent += 1;
        }
        epoll::wait(&epoll, spare_capacity(&mut events), None).ok()?;
        for event in events.drain(..) {
            let link = &mut links[event.data.u64() as usize];
            link.part += link.back.read(&mut buffer).ok()?;
            back += link.part / link.pong;
            link.part %= link.pong;
        }
    }
    let own = (own_cpu() - before.0).as_secs_f64();
    let peers = cpu_seconds(swarm.pid()) - before.1;
    Some(figures([
        ("cpu_us_per_ping", own * 1e6 / count as f64),
        ("peers_cpu_us_per_ping", peers * 1e6 / count as f64),
    ]))
}
