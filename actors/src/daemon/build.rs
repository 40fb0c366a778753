//! What this program is and when it was built (L41).

use serde::Serialize;

/// The version that daemons tell each other and their users: digits and dots only, since
/// clients compare it by parts.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The answer of `/version`.
#[derive(Debug, Clone, Serialize)]
pub struct Build {
    /// When the binary was built, as text.
    pub build_date: String,
    /// When the binary was built, in seconds since 1970.
    pub build_time: f64,
    /// Who built it.
    pub build_user: String,
    /// The commit that it was built from, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_sha: Option<String>,
    /// The branch that it was built from, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// The tag that it was built from.
    pub git_tag: String,
    /// The version.
    pub version: String,
}

impl Build {
    /// The build of the running program.
    pub fn current() -> Self {
        let built = env!("MESOS_BUILD_TIME").parse().unwrap_or(0.0);
        Self {
            build_date: env!("MESOS_BUILD_DATE").to_owned(),
            build_time: built,
            build_user: env!("MESOS_BUILD_USER").to_owned(),
            git_sha: option_env!("MESOS_GIT_SHA").map(str::to_owned),
            git_branch: option_env!("MESOS_GIT_BRANCH").map(str::to_owned),
            git_tag: VERSION.to_owned(),
            version: VERSION.to_owned(),
        }
    }
}
