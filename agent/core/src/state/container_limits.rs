//! What the tasks of one container may use together at most (G4).

use std::collections::BTreeMap;

use messages::v1;
use model::resources::Resources;

/// The limits of a container whose tasks ask for `limits` of their own: the sum of the
/// tasks' limits, of the requests of tasks without one, and of the executor's resources.
/// Without any task limit there is none.
pub fn container_limits<'a>(
    executor: &[v1::Resource],
    tasks: impl Iterator<Item = TaskDemand<'a>>,
) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<&str, Sum> =
        LIMITED.iter().map(|name| (*name, Sum::default())).collect();
    for task in tasks {
        let requests = Resources::from_proto_lossy(task.resources);
        for (name, sum) in &mut sums {
            match task.limits.get(*name) {
                Some(limit) => {
                    sum.limited = true;
                    sum.value += limit.value;
                }
                None => sum.value += requests.scalar(name).to_f64(),
            }
        }
    }
    let own = Resources::from_proto_lossy(executor);
    sums.into_iter()
        .filter(|(_, sum)| sum.limited)
        .map(|(name, sum)| (name.to_owned(), sum.value + own.scalar(name).to_f64()))
        .collect()
}

/// The resources that tasks may set limits on.
const LIMITED: [&str; 2] = ["cpus", "mem"];

/// What a task, delivered or not, asks for.
#[derive(Debug, Clone, Copy)]
pub struct TaskDemand<'a> {
    /// What it is guaranteed.
    pub resources: &'a [v1::Resource],
    /// What it may use at most; infinite for no limit.
    pub limits: &'a BTreeMap<String, v1::value::Scalar>,
}

#[derive(Default)]
struct Sum {
    limited: bool,
    value: f64,
}

impl<'a> From<&'a v1::TaskInfo> for TaskDemand<'a> {
    fn from(task: &'a v1::TaskInfo) -> Self {
        Self {
            resources: &task.resources,
            limits: &task.limits,
        }
    }
}

impl<'a> From<&'a v1::Task> for TaskDemand<'a> {
    fn from(task: &'a v1::Task) -> Self {
        Self {
            resources: &task.resources,
            limits: &task.limits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(text: &str) -> Vec<v1::Resource> {
        crate::testing::resources(text).to_proto()
    }

    fn task(requests: &str, limits: &[(&str, f64)]) -> v1::TaskInfo {
        v1::TaskInfo {
            resources: resources(requests),
            limits: limits
                .iter()
                .map(|(name, value)| ((*name).to_owned(), v1::value::Scalar { value: *value }))
                .collect(),
            ..Default::default()
        }
    }

    #[test]
    fn without_task_limits_there_are_none() {
        let tasks = [task("cpus:1;mem:64", &[])];
        let limits = container_limits(&resources("cpus:0.1;mem:32"), tasks.iter().map(Into::into));
        assert!(limits.is_empty());
    }

    #[test]
    fn limits_requests_and_the_executor_add_up() {
        let tasks = [
            task("cpus:1;mem:64", &[("cpus", 2.0)]),
            task("cpus:0.5;mem:64", &[]),
        ];
        let limits = container_limits(&resources("cpus:0.1;mem:32"), tasks.iter().map(Into::into));
        assert_eq!(limits, BTreeMap::from([("cpus".to_owned(), 2.6)]));
    }

    #[test]
    fn one_task_without_bounds_frees_all() {
        let tasks = [
            task("mem:64", &[("mem", f64::INFINITY)]),
            task("mem:64", &[("mem", 128.0)]),
        ];
        let limits = container_limits(&[], tasks.iter().map(Into::into));
        assert_eq!(limits, BTreeMap::from([("mem".to_owned(), f64::INFINITY)]));
    }
}
