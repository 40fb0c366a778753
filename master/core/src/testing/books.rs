//! Whether a master's sums are those of their parts.

use messages::v1::TaskState;
use model::Resources;

use super::World;

impl World {
    /// The books balance: what agents and frameworks count is what their tasks,
    /// executors and offers hold.
    pub(crate) fn check_books(&self) {
        let snapshot = self.master.snapshot();
        let mut total = Resources::default();
        for agent in snapshot.agents.registered().values() {
            total += agent.total();
            let offered: Resources = snapshot
                .offers
                .all()
                .values()
                .filter(|offer| offer.agent() == agent.id())
                .map(|offer| offer.resources())
                .sum();
            assert_eq!(*agent.offered(), offered);
            let mut used = Resources::default();
            for (framework, task) in agent.tasks() {
                let task = snapshot
                    .frameworks
                    .get(framework)
                    .unwrap()
                    .task(task)
                    .unwrap();
                if task.is_live() {
                    used += task.resources();
                }
            }
            for (framework, executor) in agent.executors() {
                let framework = snapshot.frameworks.get(framework).unwrap();
                used += framework
                    .executor(agent.id(), executor)
                    .unwrap()
                    .resources();
            }
            assert_eq!(agent.total_used(), used);
        }
        assert_eq!(*snapshot.agents.total(), total.scalars());
        for framework in snapshot.frameworks.registered().values() {
            let tasks = framework.tasks().values().filter(|task| task.is_live());
            let mut used: Resources = tasks.map(|task| task.resources()).sum();
            for executor in framework.executors().values() {
                used += executor.resources();
            }
            assert_eq!(*framework.used(), used.scalars());
            assert_eq!(snapshot.used_by(framework), used);
            assert_eq!(
                *framework.offered(),
                snapshot.offered_to(framework).scalars()
            );
            for (state, count) in TaskStates.map(|state| {
                let tasks = framework.tasks().values();
                (state, tasks.filter(|task| task.state() == state).count())
            }) {
                assert_eq!(framework.task_counts().get(state) as usize, count);
            }
        }
    }
}

/// All task states.
struct TaskStates;

impl TaskStates {
    fn map<T>(self, f: impl Fn(TaskState) -> T) -> impl Iterator<Item = T> {
        (0..14)
            .filter_map(|number| TaskState::try_from(number).ok())
            .map(f)
    }
}
