//! The page at `/`: the cluster at a glance.

use askama::Template;

use crate::format::{ago, amount, megabytes};

/// What the page shows. Times are seconds since 1970; memory and disk are in MB.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// The cluster's name, if it has one.
    pub cluster: Option<String>,
    /// `host:port` of the leader.
    pub leader: String,
    /// The master's version.
    pub version: String,
    /// When the master started.
    pub started: f64,
    /// When it was elected; none while it recovers.
    pub elected: Option<f64>,
    /// Agents that may be offered, that may not, and that do not answer.
    pub agents_active: usize,
    /// See `agents_active`.
    pub agents_inactive: usize,
    /// See `agents_active`.
    pub agents_unreachable: usize,
    /// How many tasks are in each state.
    pub tasks: Tasks,
    /// Sums over all agents.
    pub resources: Vec<ResourceRow>,
    /// Agents.
    pub agents: Vec<AgentRow>,
    /// Frameworks.
    pub frameworks: Vec<FrameworkRow>,
    /// Tasks that have not ended.
    pub active_tasks: Vec<TaskRow>,
    /// Tasks that have, newest first.
    pub completed_tasks: Vec<TaskRow>,
    /// How many rows a list was cut by, per list, in the order of the fields above.
    pub cut: [usize; 4],
    /// The time of the answer.
    pub now: f64,
}

/// Counts of tasks by state.
#[derive(Debug, Clone, Copy, Default)]
#[expect(missing_docs, reason = "each field is the state of its name")]
pub struct Tasks {
    pub staging: u64,
    pub starting: u64,
    pub running: u64,
    pub killing: u64,
    pub finished: u64,
    pub killed: u64,
    pub failed: u64,
    pub lost: u64,
    pub unreachable: u64,
}

/// One resource of the whole cluster.
#[derive(Debug, Clone)]
pub struct ResourceRow {
    /// `cpus`, `mem` …
    pub name: String,
    /// All there is.
    pub total: f64,
    /// Held by tasks and executors.
    pub used: f64,
    /// Offered now.
    pub offered: f64,
}

impl ResourceRow {
    fn percent(&self, part: f64) -> f64 {
        if self.total > 0.0 {
            (part / self.total * 100.0).clamp(0.0, 100.0)
        } else {
            0.0
        }
    }

    fn show(&self, value: f64) -> String {
        match self.name.as_str() {
            "mem" | "disk" => megabytes(value),
            _ => amount(value),
        }
    }

    fn idle(&self) -> f64 {
        (self.total - self.used - self.offered).max(0.0)
    }
}

/// One agent.
#[derive(Debug, Clone)]
pub struct AgentRow {
    /// Its id.
    pub id: String,
    /// Its host name.
    pub hostname: String,
    /// `ip:port`
    pub address: String,
    /// `Active` …
    pub state: &'static str,
    /// Its resources.
    pub resources: Vec<ResourceRow>,
    /// Tasks that it runs.
    pub tasks: usize,
    /// When it registered.
    pub registered: f64,
}

/// One framework.
#[derive(Debug, Clone)]
pub struct FrameworkRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its own page, if it has one.
    pub url: Option<String>,
    /// The user that its tasks run as.
    pub user: String,
    /// Its roles.
    pub roles: String,
    /// `Active` …
    pub state: &'static str,
    /// Tasks that have not ended.
    pub tasks: usize,
    /// CPUs that it holds.
    pub cpus: f64,
    /// Memory that it holds.
    pub mem: f64,
    /// When it subscribed.
    pub registered: f64,
}

impl FrameworkRow {
    /// Its own page, if that is a page: other schemes could run scripts here.
    fn link(&self) -> Option<&str> {
        self.url
            .as_deref()
            .filter(|url| url.starts_with("http://") || url.starts_with("https://"))
    }
}

/// One task.
#[derive(Debug, Clone)]
pub struct TaskRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The framework's name.
    pub framework: String,
    /// `TASK_RUNNING` …
    pub state: &'static str,
    /// The agent's host name.
    pub host: String,
    /// CPUs that it holds.
    pub cpus: f64,
    /// Memory that it holds.
    pub mem: f64,
    /// When it got into its state, if known.
    pub since: Option<f64>,
}

impl TaskRow {
    /// `running`: the state as a style class and a word.
    fn word(&self) -> String {
        self.state.trim_start_matches("TASK_").to_lowercase()
    }
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page<'a> {
    it: &'a Overview,
}

impl Page<'_> {
    fn title(&self) -> &str {
        self.it.cluster.as_deref().unwrap_or("Mesos")
    }

    fn since(&self, time: &f64) -> String {
        ago(self.it.now - time)
    }

    fn cut(&self, list: usize) -> usize {
        self.it.cut.get(list).copied().unwrap_or_default()
    }
}

/// Renders the page.
pub fn render(overview: &Overview) -> String {
    // Writing into a string fails only if a value's own Display does.
    Page { it: overview }
        .render()
        .unwrap_or_else(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cluster_says_so() {
        let page = render(&Overview::default());
        for words in [
            "No agents yet",
            "No frameworks yet",
            "No active tasks",
            "--cluster",
        ] {
            assert!(page.contains(words), "{words}");
        }
    }

    #[test]
    fn what_frameworks_say_cannot_become_markup() {
        let framework = FrameworkRow {
            id: "f".to_owned(),
            name: "<script>alert(1)</script>".to_owned(),
            url: Some("javascript:alert(1)".to_owned()),
            user: "root".to_owned(),
            roles: "*".to_owned(),
            state: "Active",
            tasks: 0,
            cpus: 0.0,
            mem: 0.0,
            registered: 0.0,
        };
        let page = render(&Overview {
            frameworks: vec![framework],
            ..Overview::default()
        });
        assert!(!page.contains("<script>alert"));
        assert!(!page.contains("href=\"javascript"));
    }

    #[test]
    fn resources_are_shown_in_fitting_units() {
        let mem = ResourceRow {
            name: "mem".to_owned(),
            total: 2048.0,
            used: 512.0,
            offered: 512.0,
        };
        let page = render(&Overview {
            resources: vec![mem],
            ..Overview::default()
        });
        assert!(page.contains("2 GB") && page.contains("512 MB"), "{page}");
        assert!(page.contains("width:25%"), "{page}");
    }
}
