//! The master's decisions: state by noun, one file per conversation, the allocator. Pure.
