//! The outside world of a node: sockets, wall time and the seed of randomness, either
//! the machine's or the simulator's.

use std::io;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
#[cfg(feature = "simulator")]
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
#[cfg(feature = "simulator")]
use tokio::time::Instant;

use crate::filter::MessageFilter;
#[cfg(feature = "simulator")]
use crate::sync::lock;

/// Connections that may wait to be accepted, as in libprocess (L17). The system allows fewer
/// (`net.core.somaxconn`).
const BACKLOG: u32 = 500_000;

/// Where a node lives. Actors never see it; they have a [`crate::Context`].
#[derive(Debug)]
pub enum World {
    /// This machine: its sockets, its clock, randomness from the operating system.
    Real,
    /// A host inside a turmoil simulation: simulated sockets, virtual time, seeded
    /// randomness. One thread runs everything.
    #[cfg(feature = "simulator")]
    Simulated(Box<Simulated>),
}

/// What a simulated node was given.
#[cfg(feature = "simulator")]
#[derive(Debug)]
pub struct Simulated {
    seeds: Mutex<StdRng>,
    started: Instant,
    epoch: Duration,
    filter: Option<Arc<dyn MessageFilter>>,
}

impl World {
    /// A simulated world. `seed` decides all randomness of the node; `epoch` is what
    /// the wall clock shows now, as time since 1970.
    #[cfg(feature = "simulator")]
    pub fn simulated(seed: u64, epoch: Duration) -> Self {
        Self::Simulated(Box::new(Simulated {
            seeds: Mutex::new(StdRng::seed_from_u64(seed)),
            started: Instant::now(),
            epoch,
            filter: None,
        }))
    }

    /// The same world, in which `filter` sees whatever the node's actors send.
    #[cfg(feature = "simulator")]
    #[must_use]
    pub fn filtered(mut self, filter: impl MessageFilter) -> Self {
        if let Self::Simulated(simulated) = &mut self {
            simulated.filter = Some(Arc::new(filter));
        }
        self
    }

    /// The filter that the world was given.
    pub(crate) fn filter(&self) -> Option<Arc<dyn MessageFilter>> {
        match self {
            Self::Real => None,
            #[cfg(feature = "simulator")]
            Self::Simulated(simulated) => simulated.filter.clone(),
        }
    }

    /// The wall clock, as time since 1970.
    pub fn wall_time(&self) -> Duration {
        match self {
            Self::Real => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            #[cfg(feature = "simulator")]
            Self::Simulated(simulated) => simulated.epoch + simulated.started.elapsed(),
        }
    }

    /// A generator of its own for one actor.
    pub(crate) fn rng(&self) -> StdRng {
        match self {
            Self::Real => {
                let mut seed = <StdRng as SeedableRng>::Seed::default();
                // Asked for by itself: what `rand` asks by cannot find the call in a program
                // without shared libraries, and reads files instead.
                let flags = rustix::rand::GetRandomFlags::empty();
                if rustix::rand::getrandom(&mut seed, flags) != Ok(seed.len()) {
                    rand::rng().fill_bytes(&mut seed);
                }
                StdRng::from_seed(seed)
            }
            #[cfg(feature = "simulator")]
            Self::Simulated(simulated) => {
                let mut seed = <StdRng as SeedableRng>::Seed::default();
                lock(&simulated.seeds).fill_bytes(&mut seed);
                StdRng::from_seed(seed)
            }
        }
    }

    /// Whether actors may have threads of their own here.
    pub(crate) fn has_threads(&self) -> bool {
        matches!(self, Self::Real)
    }

    /// Connects to a listening socket of this world: for ports that speak other
    /// protocols than the runtime's own.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<Socket> {
        match self {
            Self::Real => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Socket::Real(stream))
            }
            #[cfg(feature = "simulator")]
            Self::Simulated(_) => turmoil::net::TcpStream::connect(address)
                .await
                .map(Socket::Simulated),
        }
    }

    pub(crate) async fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        match self {
            Self::Real => {
                let socket = if address.is_ipv4() {
                    TcpSocket::new_v4()?
                } else {
                    TcpSocket::new_v6()?
                };
                socket.set_reuseaddr(true)?;
                socket.bind(address)?;
                socket.listen(BACKLOG).map(Listener::Real)
            }
            #[cfg(feature = "simulator")]
            Self::Simulated(_) => turmoil::net::TcpListener::bind(address)
                .await
                .map(Listener::Simulated),
        }
    }

    /// Name resolution, at the edge: only where a text from outside names a host.
    pub async fn resolve(&self, host: &str, port: u16) -> io::Result<SocketAddr> {
        match self {
            Self::Real => tokio::net::lookup_host((host, port))
                .await?
                .find(SocketAddr::is_ipv4)
                .ok_or_else(|| io::Error::other(format!("'{host}' has no IPv4 address"))),
            #[cfg(feature = "simulator")]
            Self::Simulated(_) => Ok(SocketAddr::new(turmoil::lookup(host), port)),
        }
    }
}

/// A listening socket of either world.
pub(crate) enum Listener {
    Real(TcpListener),
    #[cfg(feature = "simulator")]
    Simulated(turmoil::net::TcpListener),
}

impl Listener {
    pub(crate) async fn accept(&self) -> io::Result<(Detached, SocketAddr)> {
        match self {
            Self::Real(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Detached::Real(stream.into_std()?), peer))
            }
            #[cfg(feature = "simulator")]
            Self::Simulated(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Detached::Simulated(stream), peer))
            }
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Real(listener) => listener.local_addr(),
            #[cfg(feature = "simulator")]
            Self::Simulated(listener) => listener.local_addr(),
        }
    }
}

/// A connected socket on its way to the thread that shall use it: no event loop knows it.
pub(crate) enum Detached {
    Real(net::TcpStream),
    #[cfg(feature = "simulator")]
    Simulated(turmoil::net::TcpStream),
}

impl Detached {
    /// Registers the socket with the event loop of the current thread.
    pub(crate) fn attach(self) -> io::Result<Socket> {
        match self {
            Self::Real(stream) => {
                stream.set_nodelay(true)?;
                TcpStream::from_std(stream).map(Socket::Real)
            }
            #[cfg(feature = "simulator")]
            Self::Simulated(stream) => Ok(Socket::Simulated(stream)),
        }
    }
}

/// A connected socket of either world.
#[derive(Debug)]
pub enum Socket {
    /// A socket of this machine.
    Real(TcpStream),
    /// A socket of the simulation.
    #[cfg(feature = "simulator")]
    Simulated(turmoil::net::TcpStream),
}

macro_rules! delegate {
    ($self:ident, $method:ident ( $($argument:expr),* )) => {
        match $self.get_mut() {
            Self::Real(stream) => Pin::new(stream).$method($($argument),*),
            #[cfg(feature = "simulator")]
            Self::Simulated(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl Socket {
    /// Ready when there may be something to read, or the end. The simulator's sockets do not
    /// tell: reading them waits.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Real(stream) => stream.poll_read_ready(cx),
            #[cfg(feature = "simulator")]
            Self::Simulated(_) => Poll::Ready(Ok(())),
        }
    }

    /// Has the system acknowledge what was read, without waiting for something to send.
    pub(crate) fn acknowledge(&self) {
        match self {
            // An acknowledgement that comes late does no more harm than that.
            Self::Real(stream) => drop(stream.set_quickack(true)),
            #[cfg(feature = "simulator")]
            Self::Simulated(_) => {}
        }
    }

    /// Takes the socket from the event loop of the current thread.
    pub(crate) fn detach(self) -> io::Result<Detached> {
        match self {
            Self::Real(stream) => stream.into_std().map(Detached::Real),
            #[cfg(feature = "simulator")]
            Self::Simulated(stream) => Ok(Detached::Simulated(stream)),
        }
    }

    /// Both directions, to be used apart.
    pub(crate) fn split(self) -> (Reader, Writer) {
        match self {
            Self::Real(stream) => {
                let (reader, writer) = stream.into_split();
                (Reader::Real(reader), Writer::Real(writer))
            }
            #[cfg(feature = "simulator")]
            Self::Simulated(stream) => {
                let (reader, writer) = tokio::io::split(stream);
                (Reader::Simulated(reader), Writer::Simulated(writer))
            }
        }
    }
}

/// The incoming direction of a socket.
pub(crate) enum Reader {
    Real(OwnedReadHalf),
    #[cfg(feature = "simulator")]
    Simulated(tokio::io::ReadHalf<turmoil::net::TcpStream>),
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, poll_read(cx, buffer))
    }
}

/// The outgoing direction of a socket.
pub(crate) enum Writer {
    Real(OwnedWriteHalf),
    #[cfg(feature = "simulator")]
    Simulated(tokio::io::WriteHalf<turmoil::net::TcpStream>),
}

impl Writer {
    /// Writes what the socket takes.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Real(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(feature = "simulator")]
            Self::Simulated(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Writes what the socket takes at once, from any thread. The simulator's sockets take
    /// nothing this way.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Real(stream) => stream.try_write(bytes),
            #[cfg(feature = "simulator")]
            Self::Simulated(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown(cx))
    }
}

/// Finds out what the processor can do, as far as the libraries that a node uses ask for it, each
/// once. In a virtual machine each question is answered slowly. Nothing random is drawn.
pub fn probe_processor() {
    std::hint::black_box(StdRng::from_seed(Default::default()).next_u32());
    #[cfg(target_arch = "x86_64")]
    std::hint::black_box(std::arch::is_x86_feature_detected!("avx2"));
}
