//! Tests over several modules.

mod binary;
mod codecs;
mod generated;
mod json;
mod refusals;
