//! Event streams that are open: schedulers' and operators'.

use master_core::StreamId;

/// All open event streams by id.
pub(crate) type Streams = actors::v1_api::Streams<StreamId>;
