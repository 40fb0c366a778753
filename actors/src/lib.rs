//! What more than one daemon needs: clients of the v1 HTTP APIs, and the kits on them by
//! which an actor is a framework ([`scheduler_driver`]) or an executor
//! ([`executor_driver`]).

pub mod daemon;
pub mod detector;
pub mod executor_driver;
pub mod http_client;
pub mod payload;
pub mod scheduler_driver;
pub mod store;
pub mod v1_api;
