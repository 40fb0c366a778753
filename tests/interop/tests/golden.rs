//! What Apache Mesos 1.11.0 puts on the wire is, byte for byte, what we would put there
//! (L5), and our messages hold every field of its.
//!
//! `golden/` keeps captured requests. `INTEROP_GOLDEN=write` with the test that captures
//! renews them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interop::ear::{Ear, Heard, parse, send};
use interop::{Agents, Driver, Master, Mesos};
use messages::table::Described;
use messages::{binary, internal, scheduler, v1};
use runtime_core::libprocess::encode;
use runtime_core::{Codec, Message, Pid};
use tests::scheduler::framework_info;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The request and its body, written anew from what was read from it.
fn check(heard: &Heard) {
    let mut written = Vec::new();
    let Heard { from, to, name, .. } = heard;
    encode(from, to, name, Codec::Protobuf, &heard.body, &mut written);
    // 1.11.0 leaves `Host` empty; libprocess after it says the receiver, as we do.
    let host = format!("\r\nHost: {}\r\n", to.address).into_bytes();
    let at = written.windows(host.len()).position(|part| part == host);
    let at = at.unwrap();
    written.splice(at..at + host.len(), *b"\r\nHost: \r\n");
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(&heard.request)
    );
    assert_eq!(written, heard.request);
    let body = rewritten(name, &heard.body);
    assert_eq!(body, heard.body, "{name}: {body:x?}");
}

/// The body as our type for it writes what it reads.
fn rewritten(name: &str, body: &[u8]) -> Vec<u8> {
    macro_rules! by {
        ($($type:ty),+ $(,)?) => {
            match name {
                $(name if name == <$type as Message>::NAME => {
                    binary::encode(&binary::decode::<$type>(body).unwrap()).to_vec()
                })+
                other => panic!("{other} has no type here"),
            }
        };
    }
    by!(
        scheduler::Call,
        internal::RegisterSlaveMessage,
        internal::UpdateSlaveMessage,
        internal::PongSlaveMessage,
        internal::SlaveRegisteredMessage,
        internal::PingSlaveMessage,
        internal::FrameworkRegisteredMessage,
        internal::ResourceOffersMessage,
    )
}

#[test]
fn what_was_captured_is_what_we_write() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let request = std::fs::read(entry.unwrap().path()).unwrap();
        check(&parse(&request, "127.0.0.1:5050".parse().unwrap()));
        count += 1;
    }
    assert_eq!(count, 8, "captured requests");
}

#[test]
fn what_apache_mesos_writes_is_what_we_write() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let folders = tempfile::tempdir().unwrap();
    let mut captured = BTreeMap::new();
    let mut keep = |heard: Heard| {
        check(&heard);
        captured.insert(heard.name.clone(), heard.clone());
        heard
    };

    // An agent and a driver, whose master only listens.
    let ear = Ear::listen();
    let master = ear.pid("master");
    let _agents = Agents::start(&mesos, 1, ear.address, &folders.path().join("agent"), &[]);
    let register = keep(ear.wait_for("mesos.internal.RegisterSlaveMessage"));
    let registered = internal::SlaveRegisteredMessage {
        slave_id: v1::AgentId {
            value: "golden-S0".into(),
        },
        connection: Some(internal::MasterSlaveConnection {
            total_ping_timeout_seconds: Some(75.0),
        }),
    };
    say(&master, &register.from, &registered);
    keep(ear.wait_for("mesos.internal.UpdateSlaveMessage"));
    let ping = internal::PingSlaveMessage { connected: true };
    say(&ear.pid("slave-observer(1)"), &register.from, &ping);
    keep(ear.wait_for("mesos.internal.PongSlaveMessage"));
    let _driver = Driver::start(&mesos, ear.address, &framework_info("golden"));
    let call = keep(ear.wait_for("mesos.scheduler.Call"));

    // A master, whose agent and driver only listen.
    let ear = Ear::listen();
    let flags = [
        ("MESOS_AGENT_PING_TIMEOUT", "1secs"),
        ("MESOS_ALLOCATION_INTERVAL", "100ms"),
    ];
    let real = Master::start(&mesos, 0, &folders.path().join("master"), &flags);
    let to: Pid = format!("master@{}", real.address).parse().unwrap();
    send(&ear.pid("slave(1)"), &to, &register.name, &register.body);
    keep(ear.wait_for("mesos.internal.SlaveRegisteredMessage"));
    keep(ear.wait_for("mesos.internal.PingSlaveMessage"));
    send(&ear.pid("scheduler-1"), &to, &call.name, &call.body);
    keep(ear.wait_for("mesos.internal.FrameworkRegisteredMessage"));
    keep(ear.wait_for("mesos.internal.ResourceOffersMessage"));

    if std::env::var("INTEROP_GOLDEN").is_ok_and(|value| value == "write") {
        for (name, heard) in &captured {
            std::fs::write(folder().join(format!("{name}.http")), &heard.request).unwrap();
        }
    }
    let kept: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in captured.keys() {
        assert!(kept.contains(&format!("{name}.http")), "{name} is not kept");
    }
}

fn say<M: Message + Described>(from: &Pid, to: &Pid, message: &M) {
    send(from, to, M::NAME, &binary::encode(message));
}
