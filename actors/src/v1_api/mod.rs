//! What the daemons' v1 APIs share: media types, calls that wait for an answer, event
//! streams, and the reads that masters and agents answer alike.

mod calls;
mod media;
mod reads;
mod streams;

pub use calls::Calls;
pub use media::{Media, accepted, body_media, read_body};
pub use reads::{flags, list_files, metrics, read_file, set_logging_level, version};
pub use streams::{SharedEvent, Streams};
