//! Pages rendered from snapshots.
