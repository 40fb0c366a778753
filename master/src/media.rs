//! The media types of the v1 APIs.

pub(crate) use actors::v1_api::{Media, accepted, read_body};
