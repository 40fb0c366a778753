//! The messages that the agent takes (M4, M5).

use agent_core::{Input, Message};
use messages::internal;
use runtime::{Context, Declaration, Pid};

use crate::actor::Agent;

macro_rules! take {
    ($declaration:ident, $($message:ident => $variant:ident, $help:literal);+ $(;)?) => {$(
        $declaration.on($help, |agent: &mut Agent, from, message: internal::$message, context| {
            feed(agent, from, Message::$variant(message), context);
        });
    )+};
}

fn feed(agent: &mut Agent, from: &Pid, message: Message, context: &mut Context<'_, Agent>) {
    agent.input(
        Input::Message {
            from: from.clone(),
            message: Box::new(message),
        },
        context,
    );
}

pub(crate) fn declare(declaration: &mut Declaration<Agent>) {
    take!(declaration,
        SlaveRegisteredMessage => Registered, "The master took the agent in (M12).";
        SlaveReregisteredMessage => Reregistered, "The master knows the agent again (M13).";
        PingSlaveMessage => Ping, "The master's sign of life (M16, M17).";
        RunTaskMessage => RunTask, "Run a task (G21).";
        RunTaskGroupMessage => RunTaskGroup, "Run a group of tasks in one executor.";
        KillTaskMessage => KillTask, "Kill a task.";
        ShutdownExecutorMessage => ShutdownExecutor, "Shut an executor down (G26).";
        ShutdownFrameworkMessage => ShutdownFramework, "Shut all of a framework down.";
        FrameworkToExecutorMessage => FrameworkToExecutor,
            "A framework's message to its executor.";
        UpdateFrameworkMessage => UpdateFramework, "A framework's description changed.";
        StatusUpdateAcknowledgementMessage => StatusUpdateAcknowledgement,
            "A framework has got a status update (M36).";
        ShutdownMessage => Shutdown, "The master wants the agent gone.";
        CheckpointResourcesMessage => CheckpointResources,
            "The reservations that the agent is to keep.";
        RegisterExecutorMessage => RegisterExecutor, "An executor's driver has started.";
        ReregisterExecutorMessage => ReregisterExecutor,
            "An executor's driver comes back, with what was not acknowledged.";
        StatusUpdateMessage => StatusUpdate, "An executor's driver tells the state of a task.";
        ExecutorToFrameworkMessage => ExecutorToFramework,
            "An executor's message to its framework.";
    );
}
