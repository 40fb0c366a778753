//! Mesos' JSON, against what the real thing prints and refuses.

use crate::json::{from_json, to_json};
use crate::v1::scheduler::Event;

/// A record as Mesos 1.11.0 sent it, but that the third capability there prints as `{}`.
const SUBSCRIBED: &str = r#"{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"fe46d010-4750-4399-b4b6-52ff4216176f-0115"},"heartbeat_interval_seconds":15.0,"master_info":{"id":"fe46d010-4750-4399-b4b6-52ff4216176f","ip":16777343,"port":15060,"pid":"master@127.0.0.1:15060","hostname":"localhost","version":"1.11.0","address":{"hostname":"localhost","ip":"127.0.0.1","port":15060},"capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{}]}}}"#;

#[test]
fn the_subscribed_event_prints_as_mesos_prints_it() {
    let event: Event = from_json(SUBSCRIBED.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(to_json(&event).unwrap()).unwrap(),
        SUBSCRIBED
    );
}
