//! Flags that master and agent share (11.1), and how they are shown.

use std::collections::BTreeMap;

use runtime::flags::Flag;
use runtime::http::{Help, Published, Response};
use serde_json::json;

/// The flags of both daemons, beside those of logging.
pub const COMMON: &[Flag] = &[
    Flag::text(
        "advertise_ip",
        "IP address that others reach this daemon at, if it differs from --ip.",
    ),
    Flag::integer(
        "advertise_port",
        "Port that others reach this daemon at, if it differs from --port.",
    ),
    Flag::text(
        "hostname",
        "Host name to advertise; looked up from the address if not given.",
    ),
    Flag::bool(
        "hostname_lookup",
        "Whether to look the host name up; if not, the address is the name.",
    )
    .default("true"),
    Flag::text(
        "ip",
        "IP address to listen on; the host's own if not given.",
    ),
];

/// The function behind `/flags`.
pub fn publish_flags(shown: BTreeMap<String, String>) -> Published {
    let answer = json!({ "flags": shown });
    Published::new(
        Help::new(
            "The flags that this daemon runs with.",
            "{flags: {name: value}}, all texts.",
        ),
        move |_| Response::json(&answer),
    )
}
