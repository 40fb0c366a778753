//! A second scheduler of a framework.

use actors::scheduler_driver::{Refusal, SchedulerActor, SchedulerDriver};
use messages::v1::{FrameworkId, Offer, TaskStatus};
use runtime::{Actor, Context, Declaration};

/// A second scheduler of a framework: takes its place, does nothing, and goes when it is
/// put out.
pub struct Double(pub SchedulerDriver);

impl Actor for Double {
    const KIND: &'static str = "double";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.0.start(context);
    }
}

impl SchedulerActor for Double {
    fn driver(&mut self) -> &mut SchedulerDriver {
        &mut self.0
    }

    fn subscribed(&mut self, _: &FrameworkId, _: &mut Context<'_, Self>) {}

    fn disconnected(&mut self, _: &str, context: &mut Context<'_, Self>) {
        context.stop();
    }

    fn offers(&mut self, _: Vec<Offer>, _: &mut Context<'_, Self>) {}

    fn update(&mut self, _: TaskStatus, _: &mut Context<'_, Self>) {}

    fn refused(&mut self, _: &Refusal, context: &mut Context<'_, Self>) {
        context.stop();
    }
}
