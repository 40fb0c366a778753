//! Counters of one framework (E19, E22).

use std::fmt::Write as _;

use messages::v1::TaskState;
use messages::v1::offer::operation::Type as Operation;
use messages::v1::scheduler::Event;
use messages::v1::scheduler::call::Type as Call;
use messages::v1::scheduler::event::Type as EventType;
use model::task_state::TaskStateExt as _;

use super::Framework;
use crate::counts::TaskCounts;

/// What happened between the master and one framework, since it was first known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameworkMetrics {
    calls: Counters<18>,
    events: Counters<12>,
    operations: Counters<15>,
    ended: TaskCounts,
    offers_sent: u64,
    offers_accepted: u64,
    offers_declined: u64,
    offers_rescinded: u64,
}

/// Counters by the number of a protobuf enum's value; 0, which is UNKNOWN, is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters<const N: usize>([u64; N]);

impl<const N: usize> Default for Counters<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Counters<N> {
    fn add(&mut self, number: i32) {
        let counter = usize::try_from(number)
            .ok()
            .and_then(|index| self.0.get_mut(index));
        if let Some(counter) = counter {
            *counter += 1;
        }
    }

    /// The sum under `prefix`, and each counter under its type's name.
    fn write(
        &self,
        prefix: &str,
        name: impl Fn(i32) -> Option<&'static str>,
        out: &mut impl FnMut(&str, u64),
    ) {
        out(prefix, self.0.iter().skip(1).sum());
        for (number, count) in (0..).zip(self.0).skip(1) {
            if let Some(name) = name(number) {
                out(&format!("{prefix}/{}", name.to_lowercase()), count);
            }
        }
    }
}

impl FrameworkMetrics {
    pub(crate) fn called(&mut self, call: Call) {
        self.calls.add(call.into());
    }

    pub(crate) fn told(&mut self, event: &Event) {
        self.events.add(event.r#type.unwrap_or_default());
        self.offers_sent += event.offers.as_ref().map_or(0, |it| it.offers.len() as u64);
        self.offers_rescinded += u64::from(event.rescind.is_some());
    }

    pub(crate) fn operated(&mut self, operation: Operation) {
        self.operations.add(operation.into());
    }

    pub(crate) const fn accepted(&mut self, offers: usize) {
        self.offers_accepted += offers as u64;
    }

    pub(crate) const fn declined(&mut self, offers: usize) {
        self.offers_declined += offers as u64;
    }

    pub(crate) fn ended(&mut self, state: TaskState) {
        self.ended.add(state);
    }
}

impl Framework {
    /// What happened between the master and it.
    pub fn metrics(&self) -> &FrameworkMetrics {
        &self.metrics
    }

    /// Gives its metrics with their keys, without `master/`:
    /// `frameworks/<name>/<id>/<metric>`, the name percent-encoded (E22).
    pub(crate) fn write_metrics(&self, mut out: impl FnMut(String, u64)) {
        let prefix = format!(
            "frameworks/{}/{}/",
            percent_encoded(&self.info.name),
            self.id
        );
        let mut out = |key: &str, count: u64| out(format!("{prefix}{key}"), count);
        let metrics = &self.metrics;
        out("subscribed", u64::from(self.is_connected()));
        for role in self.roles() {
            let suppressed = self.suppressed().contains(role);
            out(&format!("roles/{role}/suppressed"), u64::from(suppressed));
        }
        out("offers/sent", metrics.offers_sent);
        out("offers/accepted", metrics.offers_accepted);
        out("offers/declined", metrics.offers_declined);
        out("offers/rescinded", metrics.offers_rescinded);
        let call = |number| Call::try_from(number).ok().map(|it| it.as_str_name());
        metrics.calls.write("calls", call, &mut out);
        let event = |number| EventType::try_from(number).ok().map(|it| it.as_str_name());
        metrics.events.write("events", event, &mut out);
        let operation = |number| Operation::try_from(number).ok().map(|it| it.as_str_name());
        metrics.operations.write("operations", operation, &mut out);
        for state in (0..).map_while(|number| TaskState::try_from(number).ok()) {
            let name = state.name().to_lowercase();
            if state.is_terminal() {
                out(
                    &format!("tasks/terminal/{name}"),
                    u64::from(metrics.ended.get(state)),
                );
            } else {
                let count = match state {
                    TaskState::TaskUnreachable => self.unreachable_tasks.len() as u64,
                    _ => u64::from(self.counts.get(state)),
                };
                out(&format!("tasks/active/{name}"), count);
            }
        }
    }
}

/// The text with what means something in a URL, and what is not ASCII, as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            0..=0x20
            | 0x80..
            | b'$'
            | b'&'
            | b'+'
            | b','
            | b'/'
            | b':'
            | b';'
            | b'='
            | b'?'
            | b'@'
            | b'"'
            | b'<'
            | b'>'
            | b'#'
            | b'%'
            | b'{'
            | b'}'
            | b'|'
            | b'\\'
            | b'^'
            | b'~'
            | b'['
            | b']'
            | b'`' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_part_of_a_key() {
        assert_eq!(
            percent_encoded("my app/1.0 (ü)"),
            "my%20app%2F1.0%20(%C3%BC)"
        );
    }
}
