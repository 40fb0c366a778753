//! The conversations, one per file. Each holds what the master does about one kind of
//! input, with its tests beside it.

mod accept;
mod acknowledge;
mod agent_update;
mod decline;
mod executor;
mod framework_exit;
mod gone;
mod kill;
mod launch;
mod launch_group;
mod lifecycle;
mod liveness;
mod make_offers;
mod message;
mod operations;
mod operator;
mod reconcile;
mod recovery;
mod register;
mod registry_gc;
mod removal;
mod reregister;
mod roles;
mod scheduler_call;
mod status_update;
mod subscribe;
mod subscription;
mod teardown;
mod update_framework;
mod written;

#[cfg(test)]
mod scripts;

pub(crate) use make_offers::url_of;
