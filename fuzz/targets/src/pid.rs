//! Addresses of actors (L1).

use runtime_core::Pid;
use runtime_core::libprocess::Peer;

/// What is read and written is read as the same.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(pid) = text.parse::<Pid>() {
        assert_eq!(pid.to_string().parse(), Ok(pid.clone()));
        assert_eq!(text.parse(), Ok(Peer::Resolved(pid)), "a pid is a peer");
    }
    if let Ok(peer) = text.parse::<Peer>() {
        assert_eq!(peer.to_string().parse(), Ok(peer));
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"master@127.0.0.1:5050",
        b"slave(1)@[::1]:5051",
        b"scheduler-1b@host.example:80",
        b"@1.2.3.4:0",
        b"a@b@[fe80::1%2]:65536",
    ])
}
