//! What the allocator, or the master towards it, could do wrong.

use master_core::allocator::messages::{
    ActivateAgent, ActivateFramework, AddAgent, Offers, RecoverResources, ReviveOffers,
};

use crate::seams::Fate::{self, Passes, Vanishes};
use crate::seams::{Memory, Seam};

/// Some resources are never free again.
pub fn leaks_an_allocation(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    match seam {
        Seam::Message(_, message) if message.is::<RecoverResources>() && memory.strikes(30) => {
            Vanishes
        }
        _ => Passes,
    }
}

/// Some filters are not kept.
pub fn forgets_a_filter(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_mut::<RecoverResources>()
        && memory.strikes(3)
    {
        message.refuse = None;
    }
    Passes
}

/// Some resources become free twice.
pub fn recovers_twice(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(mail, message) = seam
        && let Some(message) = message.downcast_ref::<RecoverResources>()
        && memory.strikes(10)
    {
        mail.node
            .send_unfiltered(mail.from, mail.to, message.clone());
    }
    Passes
}

/// Some offers that were decided on are never made.
pub fn loses_offers(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    match seam {
        Seam::Message(_, message) if message.is::<Offers>() && memory.strikes(30) => Vanishes,
        _ => Passes,
    }
}

/// Some decisions count twice.
pub fn offers_twice(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    if let Seam::Message(mail, message) = seam
        && let Some(message) = message.downcast_ref::<Offers>()
        && memory.strikes(10)
    {
        mail.node
            .send_unfiltered(mail.from, mail.to, message.clone());
    }
    Passes
}

/// An agent that returns with tasks counts as empty.
pub fn forgets_what_a_returning_agent_runs(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(_, message) = seam
        && let Some(message) = message.downcast_mut::<AddAgent>()
    {
        message.used.clear();
    }
    Passes
}

/// Filters outlive a REVIVE.
pub fn forgets_a_revival(seam: Seam<'_>, _: &mut Memory) -> Fate {
    match seam {
        Seam::Message(_, message) if message.is::<ReviveOffers>() => Vanishes,
        _ => Passes,
    }
}

/// Some frameworks that return are offered nothing.
pub fn forgets_to_activate_a_framework(seam: Seam<'_>, memory: &mut Memory) -> Fate {
    match seam {
        Seam::Message(_, message) if message.is::<ActivateFramework>() && memory.strikes(2) => {
            Vanishes
        }
        _ => Passes,
    }
}

/// Agents that return are not offered.
pub fn forgets_to_activate_an_agent(seam: Seam<'_>, _: &mut Memory) -> Fate {
    match seam {
        Seam::Message(_, message) if message.is::<ActivateAgent>() => Vanishes,
        _ => Passes,
    }
}

/// A REVIVE is told to the allocator over and over.
pub fn is_flooded(seam: Seam<'_>, _: &mut Memory) -> Fate {
    if let Seam::Message(mail, message) = seam
        && let Some(message) = message.downcast_ref::<ReviveOffers>()
    {
        for _ in 0..2_000 {
            mail.node
                .send_unfiltered(mail.from, mail.to, message.clone());
        }
    }
    Passes
}
