//! I1, where it counts: what runs on an agent's machine fits on it, whatever the master
//! believes.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use messages::internal::ShutdownFrameworkMessage;
use messages::v1::TaskState;
use model::Resources;
use model::ids::{FrameworkId, TaskId};
use model::task_state::TaskStateExt as _;
use runtime::Mail;

use super::{Findings, Invariant};
use crate::events::Event;
use crate::faults;
use crate::plan::Plan;
use crate::seams::Tap;

pub struct Machines(Vec<Machine>);

struct Machine {
    total: Resources,
    /// The executors that are frameworks' own, by container.
    executors: BTreeMap<String, Use>,
    tasks: BTreeMap<TaskId, Use>,
}

/// What an executor or a task takes.
struct Use {
    framework: FrameworkId,
    container: String,
    resources: Resources,
}

impl Machines {
    pub fn new(plan: &Plan) -> Self {
        let machine = |agent: &crate::plan::AgentPlan| Machine {
            total: crate::framework::parse(&agent.resources()),
            executors: BTreeMap::new(),
            tasks: BTreeMap::new(),
        };
        Self(plan.agents.iter().map(machine).collect())
    }

    fn end(&mut self, task: &TaskId, state: TaskState) {
        if state.is_terminal() {
            for machine in &mut self.0 {
                machine.tasks.remove(task);
            }
        }
    }
}

impl Use {
    fn new(framework: &FrameworkId, container: &str, resources: &Resources) -> Self {
        Self {
            framework: framework.clone(),
            container: container.to_owned(),
            resources: resources.clone(),
        }
    }
}

impl Machine {
    fn is_overloaded(&self) -> Option<String> {
        let mut used = Resources::default();
        for one in self.executors.values().chain(self.tasks.values()) {
            used += &one.resources;
        }
        let total = &self.total;
        (!total.contains(&used)).then(|| format!("of {total}, {used} are in use"))
    }
}

impl Invariant for Machines {
    const NAME: &'static str = "machines";

    fn event(&mut self, _: Duration, event: &Event, found: &mut Findings) {
        match event {
            Event::Launched {
                agent,
                framework,
                container,
                task,
                resources,
            } => {
                if let Some(machine) = self.0.get_mut(*agent) {
                    let task_use = Use::new(framework, container, resources);
                    machine.tasks.insert(task.clone(), task_use);
                    if let Some(text) = machine.is_overloaded() {
                        found.say(format!("{task} was started on agent {agent}: {text}"));
                    }
                }
            }
            Event::Began {
                agent,
                framework,
                container,
                resources,
            } => {
                if let Some(machine) = self.0.get_mut(*agent) {
                    let executor = Use::new(framework, container, resources);
                    machine.executors.insert(container.clone(), executor);
                }
            }
            Event::Said { task, state, .. } => self.end(task, *state),
            Event::Exited { container, .. } => {
                for machine in &mut self.0 {
                    machine.executors.remove(container);
                    machine.tasks.retain(|_, task| task.container != *container);
                }
            }
            Event::Started(host) => {
                for (number, machine) in self.0.iter_mut().enumerate() {
                    if faults::agent(number) == *host {
                        machine.executors.clear();
                        machine.tasks.clear();
                    }
                }
            }
            _ => {}
        }
    }

    /// What a framework that is over still runs is about to end, and its resources are
    /// given away already (as upstream does).
    fn mail(&mut self, _: Duration, _: &Tap, _: &Mail<'_>, message: &dyn Any, _: &mut Findings) {
        if let Some(message) = message.downcast_ref::<ShutdownFrameworkMessage>() {
            let over = FrameworkId::from(&message.framework_id);
            for machine in &mut self.0 {
                machine.executors.retain(|_, it| it.framework != over);
                machine.tasks.retain(|_, it| it.framework != over);
            }
        }
    }
}
