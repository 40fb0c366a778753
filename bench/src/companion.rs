//! This program again, in a process of its own: the other end of a wire.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A side of a case that another side talks to. It ends with its handle.
pub struct Companion {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Companion {
    /// Starts a side of a case, and waits until it says where it listens.
    pub fn start(case: &str, side: &str, argument: &str) -> Option<Self> {
        let mut child = Command::new(std::env::current_exe().ok()?)
            .args(["--side", case, side, argument])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?)
            .read_line(&mut line)
            .ok()?;
        let address = line.trim().parse().ok()?;
        Some(Self { child, address })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells whoever started this side where it listens.
pub fn listening(address: SocketAddr) {
    println!("{address}");
}
