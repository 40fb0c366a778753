//! A filter by name, sender and receiver: what a lossy and slow network does to chosen
//! messages.

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::{Mail, MessageFilter};
use crate::sync::lock;

/// Which messages a rule is about: all, unless narrowed down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pattern {
    name: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

impl Pattern {
    /// Every message.
    pub fn any() -> Self {
        Self::default()
    }

    /// Messages with this wire name.
    pub fn named(name: impl Into<String>) -> Self {
        Self::any().name(name)
    }

    /// Only those with this wire name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Only those that an actor with this id sent.
    #[must_use]
    pub fn from(mut self, id: impl Into<String>) -> Self {
        self.from = Some(id.into());
        self
    }

    /// Only those for an actor with this id.
    #[must_use]
    pub fn to(mut self, id: impl Into<String>) -> Self {
        self.to = Some(id.into());
        self
    }

    pub(crate) fn matches(&self, name: &str, from: Option<&str>, to: &str) -> bool {
        let fits = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == is)
        };
        fits(&self.name, Some(name)) && fits(&self.from, from) && fits(&self.to, Some(to))
    }
}

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Pass,
    Drop,
    Delay(Duration),
}

#[derive(Debug)]
struct Entry {
    number: u64,
    pattern: Pattern,
    verdict: Verdict,
    /// How many messages it still acts on; none is no bound.
    left: Option<u64>,
    seen: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Table {
    entries: Vec<Entry>,
    next: u64,
}

/// Rules about the messages that a node's actors send. Clones share their rules.
///
/// Rules apply in the order they were made; the first that drops or delays a message decides.
#[derive(Debug, Clone, Default)]
pub struct Rules(Arc<Mutex<Table>>);

impl Rules {
    /// No rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses messages.
    pub fn drop_all(&self, pattern: Pattern) -> Rule {
        self.add(pattern, Verdict::Drop, None)
    }

    /// Loses the first messages; later ones pass.
    pub fn drop_first(&self, count: u64, pattern: Pattern) -> Rule {
        self.add(pattern, Verdict::Drop, Some(count))
    }

    /// Delivers messages later: each by itself, so that those that are not delayed overtake.
    pub fn delay_all(&self, time: Duration, pattern: Pattern) -> Rule {
        self.add(pattern, Verdict::Delay(time), None)
    }

    /// Lets messages pass, and counts them.
    pub fn watch(&self, pattern: Pattern) -> Rule {
        self.add(pattern, Verdict::Pass, None)
    }

    fn add(&self, pattern: Pattern, verdict: Verdict, left: Option<u64>) -> Rule {
        let (seen, watching) = watch::channel(0);
        let mut table = lock(&self.0);
        let number = table.next;
        table.next += 1;
        table.entries.push(Entry {
            number,
            pattern,
            verdict,
            left,
            seen,
        });
        Rule {
            rules: self.clone(),
            number,
            seen: watching,
        }
    }

    /// What shall happen to a message.
    fn judge(&self, name: &str, from: &str, to: &str) -> Verdict {
        let mut table = lock(&self.0);
        let mut verdict = Verdict::Pass;
        for entry in &mut table.entries {
            if verdict != Verdict::Pass || !entry.pattern.matches(name, Some(from), to) {
                continue;
            }
            match &mut entry.left {
                Some(0) => continue,
                Some(left) => *left -= 1,
                None => {}
            }
            verdict = entry.verdict;
            entry.seen.send_modify(|seen| *seen += 1);
        }
        verdict
    }
}

impl MessageFilter for Rules {
    fn passes(&self, mail: &Mail<'_>, _: &mut dyn Any) -> bool {
        let (from, to) = (mail.from.id.as_str(), mail.to.id.as_str());
        self.judge(mail.name, from, to) != Verdict::Drop
    }

    fn delay(&self, mail: &Mail<'_>) -> Duration {
        let (from, to) = (mail.from.id.as_str(), mail.to.id.as_str());
        let table = lock(&self.0);
        let mut delays = table
            .entries
            .iter()
            .filter_map(|entry| match entry.verdict {
                Verdict::Delay(time) if entry.pattern.matches(mail.name, Some(from), to) => {
                    Some(time)
                }
                _ => None,
            });
        delays.next().unwrap_or_default()
    }
}

/// One of [`Rules`]; lifted when dropped.
#[derive(Debug)]
#[must_use = "a rule holds as long as this lives"]
pub struct Rule {
    rules: Rules,
    number: u64,
    seen: watch::Receiver<u64>,
}

impl Rule {
    /// How many messages it has acted on.
    pub fn seen(&self) -> u64 {
        *self.seen.borrow()
    }

    /// Waits until it has acted on so many messages.
    pub async fn until(&self, count: u64) {
        // The sender lives as long as the rule.
        let _ = self.seen.clone().wait_for(|seen| *seen >= count).await;
    }
}

impl Drop for Rule {
    fn drop(&mut self) {
        lock(&self.rules.0)
            .entries
            .retain(|entry| entry.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_acts_decides_until_it_is_lifted() {
        let rules = Rules::new();
        let watched = rules.watch(Pattern::any());
        let dropped = rules.drop_first(1, Pattern::named("x").from("a").to("b"));
        let delay = Verdict::Delay(Duration::from_secs(1));
        let delayed = rules.delay_all(Duration::from_secs(1), Pattern::named("x"));
        assert_eq!(rules.judge("x", "a", "c"), delay);
        assert_eq!(rules.judge("y", "a", "b"), Verdict::Pass);
        assert_eq!(rules.judge("x", "a", "b"), Verdict::Drop);
        assert_eq!(rules.judge("x", "a", "b"), delay);
        drop(delayed);
        assert_eq!(rules.judge("x", "a", "b"), Verdict::Pass);
        assert_eq!((watched.seen(), dropped.seen()), (5, 1));
    }
}
