//! What more than one daemon needs: clients of the v1 HTTP APIs, and the drivers on them
//! by which an actor is an executor or a framework.

pub mod daemon;
pub mod executor_driver;
pub mod http_client;
pub mod scheduler_driver;
pub mod v1_api;
