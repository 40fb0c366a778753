//! What an agent could do wrong towards its master and its executors.

use messages::internal::{
    ExitedExecutorMessage, RegisterSlaveMessage, ReregisterSlaveMessage, StatusUpdateMessage,
};
use messages::v1::{TaskInfo, TaskState};
use model::task_state::TaskStateExt as _;

use super::master::acknowledge;
use crate::seams::Fate::{self, Passes, Vanishes};
use crate::seams::{Memory, Seam};

/// Of some tasks the second update is told before the first.
pub fn reorders_updates(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    let Seam::Message(mail, message) = seam else {
        return Passes;
    };
    let Some(message) = message.downcast_ref::<StatusUpdateMessage>() else {
        return Passes;
    };
    let task = message.update.status.task_id.value.clone();
    if !memory.picks(&task, 8) {
        return Passes;
    }
    if memory.noted.insert(task.clone()) {
        memory.kept.insert(task, Box::new(message.clone()));
        // On to the next one.
        acknowledge(mail.node, mail.to, mail.from, message);
        return Vanishes;
    }
    if let Some(first) = memory.kept.remove(&task)
        && let Ok(first) = first.downcast::<StatusUpdateMessage>()
    {
        mail.node
            .send_unfiltered(mail.from, mail.to, message.clone());
        mail.node.send_unfiltered(mail.from, mail.to, *first);
        return Vanishes;
    }
    Passes
}

/// How some tasks end is not told.
pub fn loses_an_update(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(mail, message) = seam
        && let Some(message) = message.downcast_ref::<StatusUpdateMessage>()
        && message.update.status.state().is_terminal()
        && memory.picks(&message.update.uuid, 8)
    {
        acknowledge(mail.node, mail.to, mail.from, message);
        return Vanishes;
    }
    Passes
}

/// Some updates bear another's name, so that their acknowledgements fit nothing.
pub fn misnames_an_update(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_mut::<StatusUpdateMessage>()
        && memory.picks(&message.update.uuid, 8)
    {
        let other = message.update.uuid.as_deref().map(|uuid| {
            let mut uuid = uuid.to_vec();
            uuid.reverse();
            uuid.into()
        });
        message.update.status.uuid.clone_from(&other);
        message.update.uuid = other;
    }
    Passes
}

/// Some failures are told as success.
pub fn tells_another_state(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_mut::<StatusUpdateMessage>()
        && message.update.status.state() == TaskState::TaskFailed
    {
        message.update.status.state = TaskState::TaskFinished.into();
        message.update.latest_state = Some(TaskState::TaskFinished.into());
    }
    Passes
}

/// Some updates are told again after the next one.
pub fn repeats_an_acknowledged_update(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    let Seam::Message(mail, message) = seam else {
        return Passes;
    };
    let Some(message) = message.downcast_ref::<StatusUpdateMessage>() else {
        return Passes;
    };
    let task = message.update.status.task_id.value.clone();
    if memory.picks(&task, 8)
        && let Some(before) = memory.kept.insert(task, Box::new(message.clone()))
        && let Ok(before) = before.downcast::<StatusUpdateMessage>()
        && before.update.uuid != message.update.uuid
    {
        mail.node
            .send_unfiltered(mail.from, mail.to, message.clone());
        mail.node.send_unfiltered(mail.from, mail.to, *before);
        return Vanishes;
    }
    Passes
}

/// Some tasks are given to their executors twice.
pub fn launches_twice(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Launch(tasks) = seam
        && memory.strikes(20)
    {
        let again: Vec<TaskInfo> = tasks.clone();
        tasks.extend(again);
    }
    Passes
}

/// Executors do not hear that some of what they said was taken.
pub fn forgets_to_take(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    match seam {
        Seam::Taken(status) if memory.picks(&status.uuid, 20) => Vanishes,
        _ => Passes,
    }
}

/// Some kills do not reach their executors.
pub fn ignores_a_kill(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    match seam {
        Seam::Kill(task) if memory.picks(task, 2) => Vanishes,
        _ => Passes,
    }
}

/// Some containers end unnoticed.
pub fn misses_an_exit(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    match seam {
        Seam::Exit if memory.strikes(20) => Vanishes,
        _ => Passes,
    }
}

/// Of some executors' ends the master is not told.
pub fn forgets_to_tell_of_an_exit(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    match seam {
        Seam::Message(_, message)
            if message.is::<ExitedExecutorMessage>() && memory.strikes(20) =>
        {
            Vanishes
        }
        _ => Passes,
    }
}

/// An agent that returns says nothing of its tasks and executors.
pub fn returns_without_tasks(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_mut::<ReregisterSlaveMessage>()
    {
        message.tasks.clear();
        message.executor_infos.clear();
    }
    Passes
}

/// An agent returns with what it had when it returned for the first time.
pub fn returns_as_it_was(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(mail, message) = seam
        && let Some(message) = message.downcast_mut::<ReregisterSlaveMessage>()
    {
        let id = message.slave.id.clone();
        let agent = format!("{} {id:?}", mail.from);
        let first = memory
            .kept
            .entry(agent)
            .or_insert_with(|| Box::new(message.clone()));
        if let Some(first) = first.downcast_ref::<ReregisterSlaveMessage>() {
            *message = first.clone();
        }
    }
    Passes
}

/// An agent that returns takes the tasks that have ended for running ones.
pub fn returns_with_the_ended(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_mut::<ReregisterSlaveMessage>()
    {
        for task in &mut message.tasks {
            task.state = TaskState::TaskRunning.into();
            task.status_update_state = Some(TaskState::TaskRunning.into());
        }
    }
    Passes
}

/// An agent says that it has twice of what it has.
pub fn boasts(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_mut::<RegisterSlaveMessage>()
    {
        for resource in &mut message.slave.resources {
            if let Some(scalar) = &mut resource.scalar {
                scalar.value *= 2.0;
            }
        }
    }
    Passes
}
