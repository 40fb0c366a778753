//! A containerizer without processes, for tests and the simulator: what happens is told to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use messages::v1;
use model::ids::ContainerId;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::containerizer::{
    Answer, ContainerConfig, Containerizer, Counters, DestroyError, LaunchError, Launched,
    Termination, UsageError, Usages,
};
use crate::statistics::Limits;

/// Is called with what happens to a container, in the order of happening, and with the
/// containerizer to which it happens.
pub type Observer = Box<dyn Fn(&FakeContainerizer, &Happening) + Send + Sync>;

/// What happens to a fake container.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// It was launched, and would now run.
    Launched(Box<ContainerConfig>),
    /// It was told what it may use.
    Updated(ContainerId, Limits),
    /// It was destroyed.
    Destroyed(ContainerId),
}

/// A containerizer that only remembers. Containers run until [`exit`](Self::exit) is called
/// for them or they are destroyed.
#[derive(Clone, Default)]
pub struct FakeContainerizer {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    observer: Option<Arc<Observer>>,
}

#[derive(Debug, Default)]
struct State {
    launches: u64,
    failures: VecDeque<String>,
    held: bool,
    running: BTreeMap<ContainerId, ContainerConfig>,
    launching: BTreeSet<ContainerId>,
    ended: BTreeMap<ContainerId, Termination>,
    happenings: Vec<Happening>,
    usages: Usages,
}

impl fmt::Debug for FakeContainerizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeContainerizer")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl FakeContainerizer {
    /// A containerizer that tells `observer` what happens; the simulator starts and stops its
    /// executors so.
    pub fn observed(
        observer: impl Fn(&FakeContainerizer, &Happening) + Send + Sync + 'static,
    ) -> Self {
        FakeContainerizer {
            observer: Some(Arc::new(Box::new(observer))),
            ..Self::default()
        }
    }

    /// Lets the next launch fail with this text. Failures wait in line for their launches.
    pub fn fail_next_launch(&self, text: &str) {
        self.state().failures.push_back(text.to_owned());
    }

    /// Keeps launches from completing until called with `false`.
    pub fn hold_launches(&self, hold: bool) {
        self.state().held = hold;
        self.change();
    }

    /// Ends a container as if its first process had ended so. Says whether it ran.
    pub fn exit(&self, container: &ContainerId, status: ExitStatus) -> bool {
        let ran = {
            let mut state = self.state();
            let ran = state.running.remove(container).is_some();
            if ran {
                state.ended.insert(
                    container.clone(),
                    Termination {
                        status: Some(status),
                    },
                );
            }
            ran
        };
        self.change();
        ran
    }

    /// Sets what a container uses.
    pub fn set_usage(&self, container: &ContainerId, usage: v1::ResourceStatistics) {
        self.state().usages.insert(container.clone(), usage);
    }

    /// The containers that run.
    pub fn running(&self) -> Vec<ContainerConfig> {
        self.state().running.values().cloned().collect()
    }

    /// All that has happened.
    pub fn happenings(&self) -> Vec<Happening> {
        self.state().happenings.clone()
    }

    /// Waits until `count` things have happened, and tells them.
    pub async fn happened(&self, count: usize) -> Vec<Happening> {
        loop {
            let change = self.next_change();
            let happenings = self.happenings();
            if happenings.len() >= count {
                return happenings;
            }
            change.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) {
        self.changed.notify_waiters();
    }

    /// The next change after now. Those who wait are woken in the order of their waiting,
    /// as a simulation needs.
    fn next_change(&self) -> OwnedNotified {
        Arc::clone(&self.changed).notified_owned()
    }

    fn note(&self, happening: Happening) {
        self.state().happenings.push(happening.clone());
        if let Some(observer) = &self.observer {
            observer(self, &happening);
        }
        self.change();
    }

    /// Completes a launch if it may be now.
    fn complete(&self, config: &ContainerConfig) -> Option<Result<Launched, LaunchError>> {
        let id = &config.container_id;
        let mut state = self.state();
        if !state.launching.contains(id) {
            return Some(Err(LaunchError::Destroyed));
        }
        if state.held {
            return None;
        }
        state.launching.remove(id);
        if let Some(text) = state.failures.pop_front() {
            state.ended.insert(id.clone(), Termination { status: None });
            return Some(Err(LaunchError::Start(text)));
        }
        state.launches += 1;
        let pid = i32::try_from(state.launches).unwrap_or(i32::MAX);
        state.running.insert(id.clone(), config.clone());
        Some(Ok(Launched { pid }))
    }
}

impl Containerizer for FakeContainerizer {
    fn launch(&self, config: ContainerConfig) -> Answer<Result<Launched, LaunchError>> {
        let id = config.container_id.clone();
        {
            let mut state = self.state();
            if state.running.contains_key(&id)
                || state.ended.contains_key(&id)
                || !state.launching.insert(id.clone())
            {
                return Box::pin(async { Err(LaunchError::Exists(id)) });
            }
        }
        let fake = self.clone();
        Box::pin(async move {
            loop {
                let change = fake.next_change();
                if let Some(answer) = fake.complete(&config) {
                    match &answer {
                        Ok(_) => fake.note(Happening::Launched(Box::new(config))),
                        Err(_) => fake.change(),
                    }
                    return answer;
                }
                change.await;
            }
        })
    }

    fn wait(&self, container: &ContainerId) -> Answer<Option<Termination>> {
        let (fake, id) = (self.clone(), container.clone());
        Box::pin(async move {
            loop {
                let change = fake.next_change();
                {
                    let state = fake.state();
                    if let Some(termination) = state.ended.get(&id) {
                        return Some(*termination);
                    }
                    if !state.running.contains_key(&id) && !state.launching.contains(&id) {
                        return None;
                    }
                }
                change.await;
            }
        })
    }

    fn destroy(
        &self,
        container: &ContainerId,
    ) -> Answer<Result<Option<Termination>, DestroyError>> {
        const SIGKILL: i32 = 9;
        let (termination, destroyed) = {
            let mut state = self.state();
            let killed = Termination {
                status: Some(ExitStatus::from_raw(SIGKILL)),
            };
            let ended = if state.running.remove(container).is_some() {
                Some(killed)
            } else if state.launching.remove(container) {
                Some(Termination { status: None })
            } else {
                None
            };
            if let Some(termination) = ended {
                state.ended.insert(container.clone(), termination);
            }
            (state.ended.get(container).copied(), ended.is_some())
        };
        if destroyed {
            self.note(Happening::Destroyed(container.clone()));
        }
        Box::pin(async move { Ok(termination) })
    }

    fn update(&self, container: &ContainerId, limits: Limits) -> bool {
        let known = match self.state().running.get_mut(container) {
            Some(config) => {
                config.limits = limits;
                true
            }
            None => false,
        };
        if known {
            self.note(Happening::Updated(container.clone(), limits));
        }
        known
    }

    fn usage(&self, containers: &[ContainerId]) -> Answer<Result<Usages, UsageError>> {
        let state = self.state();
        let usage = |id: &ContainerId| Some((id.clone(), state.usages.get(id)?.clone()));
        let usages = containers
            .iter()
            .filter(|id| state.running.contains_key(*id))
            .filter_map(usage)
            .collect();
        Box::pin(async move { Ok(usages) })
    }

    fn status(&self, container: &ContainerId) -> Option<v1::ContainerStatus> {
        self.state()
            .running
            .contains_key(container)
            .then(|| v1::ContainerStatus {
                container_id: Some(container.to_proto()),
                ..v1::ContainerStatus::default()
            })
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(id: &str) -> ContainerConfig {
        ContainerConfig {
            container_id: id.into(),
            command: v1::CommandInfo::default(),
            container_info: None,
            directory: "/sandbox".into(),
            latest_link: None,
            environment: Vec::new(),
            user: None,
            limits: Limits::default(),
        }
    }

    #[tokio::test]
    async fn containers_live_until_they_are_told_to_end() {
        let fake = FakeContainerizer::default();
        let id = ContainerId::from("a");
        fake.launch(config("a")).await.unwrap();
        assert!(matches!(
            fake.launch(config("a")).await,
            Err(LaunchError::Exists(_))
        ));
        let end = tokio::spawn(fake.wait(&id));
        assert!(fake.exit(&id, ExitStatus::from_raw(256)));
        let termination = end.await.unwrap().unwrap();
        assert_eq!(termination.status.and_then(|status| status.code()), Some(1));
        assert!(!fake.exit(&id, ExitStatus::from_raw(0)));
        assert_eq!(fake.wait(&"b".into()).await, None);
    }

    #[tokio::test]
    async fn a_launch_can_be_held_and_destroyed() {
        let fake = FakeContainerizer::default();
        fake.hold_launches(true);
        let launch = tokio::spawn(fake.launch(config("a")));
        fake.destroy(&"a".into()).await.unwrap();
        assert!(matches!(launch.await.unwrap(), Err(LaunchError::Destroyed)));
        assert_eq!(fake.happened(1).await, [Happening::Destroyed("a".into())]);
    }

    #[tokio::test]
    async fn failures_go_to_the_next_launches() {
        let fake = FakeContainerizer::default();
        fake.fail_next_launch("no");
        assert_eq!(
            fake.launch(config("a")).await.unwrap_err().to_string(),
            "no"
        );
        assert!(fake.launch(config("b")).await.is_ok());
        assert_eq!(fake.running(), [config("b")]);
    }

    #[tokio::test]
    async fn the_observer_hears_of_everything_in_order() {
        let (sender, heard) = std::sync::mpsc::channel();
        let fake = FakeContainerizer::observed(move |_, happening| {
            sender.send(happening.clone()).unwrap();
        });
        fake.launch(config("a")).await.unwrap();
        fake.update(
            &"a".into(),
            Limits {
                cpus: Some(1.0),
                mem_bytes: None,
            },
        );
        fake.destroy(&"a".into()).await.unwrap();
        fake.destroy(&"a".into()).await.unwrap();
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), fake.happenings());
        assert_eq!(fake.happenings().len(), 3);
    }
}
