//! What a master could do wrong towards agents and frameworks.

use master::registrar::messages::Apply;
use master_core::registry::Operation;
use messages::internal::{
    KillTaskMessage, PingSlaveMessage, PongSlaveMessage, RunTaskMessage, ShutdownFrameworkMessage,
    ShutdownMessage, StatusUpdateAcknowledgementMessage, StatusUpdateMessage,
};
use messages::v1::{Offer, TaskState, TaskStatus};
use model::task_state::TaskStateExt as _;
use runtime::Pid;

use crate::seams::Fate::{self, Passes, Vanishes};
use crate::seams::{Memory, Seam};

/// Some updates are never acknowledged towards their agents.
pub fn drops_an_acknowledgement(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_ref::<StatusUpdateAcknowledgementMessage>()
        && memory.picks(&message.uuid, 8)
    {
        return Vanishes;
    }
    Passes
}

/// Some updates are acknowledged when they come, whether or not their framework does.
pub fn acknowledges_by_itself(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(mail, message) = seam
        && let Some(message) = message.downcast_ref::<StatusUpdateMessage>()
        && memory.picks(&message.update.uuid, 8)
    {
        acknowledge(mail.node, mail.to, mail.from, message);
    }
    Passes
}

/// Has an agent take an update for acknowledged.
pub fn acknowledge(node: &runtime::Node, master: &Pid, agent: &Pid, message: &StatusUpdateMessage) {
    let update = &message.update;
    let (Some(slave_id), Some(uuid)) = (&update.slave_id, &update.uuid) else {
        return;
    };
    let acknowledgement = StatusUpdateAcknowledgementMessage {
        slave_id: slave_id.clone(),
        framework_id: update.framework_id.clone(),
        task_id: update.status.task_id.clone(),
        uuid: uuid.clone(),
    };
    node.send_unfiltered(master, agent, acknowledgement);
}

/// Some tasks cannot be killed.
pub fn forgets_a_kill(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_ref::<KillTaskMessage>()
        && memory.picks(&message.task_id.value, 2)
    {
        return Vanishes;
    }
    Passes
}

/// Some accepted tasks are never sent to their agents.
pub fn forgets_a_launch(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && message.is::<RunTaskMessage>()
        && memory.strikes(20)
    {
        return Vanishes;
    }
    Passes
}

/// Some launches arrive only after the next message to the same agent.
pub fn overtakes_a_launch(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    let Seam::Message(mail, message) = seam else {
        return Passes;
    };
    let agent = mail.to.to_string();
    if let Some(launch) = message.downcast_ref::<RunTaskMessage>() {
        if memory.strikes(3) {
            memory.kept.insert(agent, Box::new(launch.clone()));
            return Vanishes;
        }
    } else if message.is::<KillTaskMessage>()
        && let Some(late) = memory.kept.remove(&agent)
        && let Ok(late) = late.downcast::<RunTaskMessage>()
    {
        mail.node.send_unfiltered(mail.from, mail.to, *late);
    }
    Passes
}

/// Every agent that was pinged counts as alive.
pub fn takes_the_dead_for_alive(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(mail, message) = seam
        && message.is::<PingSlaveMessage>()
    {
        mail.node
            .send_unfiltered(mail.to, mail.from, PongSlaveMessage {});
    }
    Passes
}

/// Agents that do not answer stay registered.
pub fn forgets_to_mark_unreachable(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(Apply { operation, .. }) = message.downcast_ref()
        && matches!(operation, Operation::MarkUnreachable { .. })
    {
        return Vanishes;
    }
    Passes
}

/// Agents do not hear that a framework is over.
pub fn lets_a_dead_frameworks_tasks_run(seam: Seam<'_>, _: &mut Memory) -> Fate {
    match seam {
        Seam::Message(_, message) if message.is::<ShutdownFrameworkMessage>() => Vanishes,
        _ => Passes,
    }
}

/// Some offers are taken back without a word.
pub fn skips_a_rescind(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    match seam {
        Seam::Rescind if memory.strikes(2) => Vanishes,
        _ => Passes,
    }
}

/// Some offers are sent twice.
pub fn offers_twice(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Offers(offers) = seam
        && memory.strikes(10)
    {
        offers.extend(offers.first().cloned());
    }
    Passes
}

/// Some offers go to their framework and to the one that is offered something next.
pub fn offers_to_two(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Offers(offers) = seam
        && let Some(mine) = offers.first().cloned()
    {
        if let Some(other) = memory.kept.remove("offer")
            && let Ok(other) = other.downcast::<Offer>()
            && other.framework_id != mine.framework_id
        {
            offers.push(*other);
        }
        memory.kept.insert("offer".to_owned(), Box::new(mine));
    }
    Passes
}

/// After a task's end its framework hears once more that it runs.
pub fn repeats_what_was_before_the_end(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    let Seam::Updates(updates) = seam else {
        return Passes;
    };
    let Some(update) = updates.first().cloned() else {
        return Passes;
    };
    let task = update.task_id.value.clone();
    if update.state() == TaskState::TaskRunning {
        memory.kept.insert(task, Box::new(update));
    } else if update.state().is_terminal()
        && let Some(before) = memory.kept.remove(&task)
        && let Ok(before) = before.downcast::<TaskStatus>()
    {
        updates.push(*before);
    }
    Passes
}

/// Given up agents are not told to go.
pub fn lets_the_gone_stay(seam: Seam<'_>, _: &mut Memory) -> Fate {
    match seam {
        Seam::Message(_, message) if message.is::<ShutdownMessage>() => Vanishes,
        _ => Passes,
    }
}

/// That an agent was given up is not written down.
pub fn forgets_who_is_gone(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(Apply { operation, .. }) = message.downcast_mut()
        && let Operation::MarkGone { agent, since } = operation
    {
        *operation = Operation::MarkUnreachable {
            agent: agent.clone(),
            since: *since,
        };
    }
    Passes
}

/// Launches do not say which state of their agent they are for, so that the agent cannot tell
/// those from before it was given up.
pub fn forgets_the_version(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_mut::<RunTaskMessage>()
    {
        message.resource_version_uuids.clear();
    }
    Passes
}

/// An offer of the master before arrives after one of its successor's.
pub fn offers_after_its_end(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    let Seam::Offers(offers) = seam else {
        return Passes;
    };
    let Some(offer) = offers.first().cloned() else {
        return Passes;
    };
    let Some((master, _)) = offer.id.value.rsplit_once("-O") else {
        return Passes;
    };
    let key = offer.framework_id.value.clone();
    let before = memory.kept.insert(key, Box::new(master.to_owned()));
    if let Some(before) = before
        && let Ok(before) = before.downcast::<String>()
        && *before != master
    {
        let mut late = offer.clone();
        late.id.value = format!("{before}-O1000000");
        offers.push(late);
    }
    Passes
}

/// A launch is more than the master can bear.
pub fn panics(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && message.is::<RunTaskMessage>()
        && memory.strikes(20)
    {
        panic!("planted");
    }
    Passes
}

/// Each ping is sent hundreds of times, also to an agent that does not read.
pub fn floods_its_agents(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(mail, message) = seam
        && let Some(ping) = message.downcast_ref::<PingSlaveMessage>()
    {
        for _ in 0..600 {
            mail.node.send_unfiltered(mail.from, mail.to, *ping);
        }
    }
    Passes
}
