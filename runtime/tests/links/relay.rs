//! A relay between two nodes whose connections can be broken in every way that networks
//! break them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::PATIENCE;

/// What happens to the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// They are carried on.
    Forward,
    /// They are left lying, both ways: the other end seems to hang.
    Stall,
    /// The first ones from the client are answered with a reset: the other end has
    /// forgotten the connection, and nothing told the client.
    Stale,
    /// There are none: the connection is closed.
    Cut,
}

/// What happened to a connection, by its number in the order of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Opened(usize),
    Closed(usize),
}

/// A relay. Its connections end with it.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    connections: Arc<Mutex<Vec<watch::Sender<Mode>>>>,
    seen: mpsc::UnboundedReceiver<Seen>,
    accept: JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<Mutex<Vec<watch::Sender<Mode>>>>::default();
        let (tell, seen) = mpsc::unbounded_channel();
        let list = Arc::clone(&connections);
        let accept = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (sender, mode) = watch::channel(Mode::Forward);
                let number = {
                    let mut list = list.lock().unwrap();
                    list.push(sender);
                    list.len()
                };
                let tell = tell.clone();
                tokio::spawn(async move {
                    let _ = tell.send(Seen::Opened(number));
                    carry(client, target, mode).await;
                    let _ = tell.send(Seen::Closed(number));
                });
            }
        });
        Self {
            address,
            connections,
            seen,
            accept,
        }
    }

    /// Waits until this happens.
    pub(crate) async fn until(&mut self, wanted: Seen) {
        let wait = async { while self.seen.recv().await.unwrap() != wanted {} };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }

    /// How many connections were made so far.
    pub(crate) fn opened(&self) -> usize {
        self.connections.lock().unwrap().len()
    }

    /// The other end hangs, for the connections there are.
    pub(crate) fn stall(&self) {
        self.all(Mode::Stall);
    }

    /// The connections there are get lost without a word.
    pub(crate) fn lose(&self) {
        self.all(Mode::Stale);
    }

    /// Closes the connections there are.
    pub(crate) fn cut(&self) {
        self.all(Mode::Cut);
    }

    /// As when the process behind it is killed: nobody listens any more.
    pub(crate) async fn kill(mut self) {
        self.accept.abort();
        let _ = (&mut self.accept).await;
        self.cut();
    }

    fn all(&self, mode: Mode) {
        for connection in &*self.connections.lock().unwrap() {
            let _ = connection.send(mode);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

async fn carry(mut client: TcpStream, target: SocketAddr, mut mode: watch::Receiver<Mode>) {
    let mut server = TcpStream::connect(target).await.unwrap();
    let (mut request, mut answer) = ([0; 4096], [0; 4096]);
    loop {
        let now = *mode.borrow_and_update();
        if now == Mode::Cut {
            return;
        }
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            read = client.read(&mut request), if now != Mode::Stall => match read {
                Ok(count @ 1..) if now == Mode::Forward => {
                    if server.write_all(&request[..count]).await.is_err() {
                        return;
                    }
                }
                Ok(1..) => {
                    client.set_zero_linger().unwrap();
                    return;
                }
                _ => return,
            },
            read = server.read(&mut answer), if now == Mode::Forward => match read {
                Ok(count @ 1..) => {
                    if client.write_all(&answer[..count]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}
