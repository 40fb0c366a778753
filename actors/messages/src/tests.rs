//! Tests over several modules.

mod json;
