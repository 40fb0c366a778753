//! The flags `--isolation` and `--launcher` (G3).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// One way of keeping containers apart, or of counting what they use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolator {
    /// `posix/cpu`: counts processor time.
    PosixCpu,
    /// `posix/mem`: counts memory.
    PosixMem,
    /// `posix/rlimits`: sets the resource limits that a container asks for.
    PosixRlimits,
    /// `filesystem/posix`: containers use the agent's own file system. Always on.
    FilesystemPosix,
}

impl Isolator {
    const ALL: [Isolator; 4] = [
        Isolator::PosixCpu,
        Isolator::PosixMem,
        Isolator::PosixRlimits,
        Isolator::FilesystemPosix,
    ];

    /// The word in the flag.
    pub fn name(self) -> &'static str {
        match self {
            Isolator::PosixCpu => "posix/cpu",
            Isolator::PosixMem => "posix/mem",
            Isolator::PosixRlimits => "posix/rlimits",
            Isolator::FilesystemPosix => "filesystem/posix",
        }
    }
}

impl fmt::Display for Isolator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why `--isolation` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IsolationError {
    /// A word stands twice.
    #[error("Duplicate entries found in --isolation flag '{0}'")]
    Duplicate(String),
    /// A word is none that we know.
    #[error(
        "isolator '{name}' in --isolation is not supported; supported are {}",
        supported()
    )]
    Unsupported {
        /// The word.
        name: String,
    },
}

fn supported() -> String {
    Isolator::ALL.map(Isolator::name).join(", ")
}

/// The isolators in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    isolators: BTreeSet<Isolator>,
    deprecated: Vec<(&'static str, &'static str)>,
}

impl Isolation {
    /// Whether `isolator` is in use.
    pub fn has(&self, isolator: Isolator) -> bool {
        self.isolators.contains(&isolator)
    }

    /// The old words that were used, each with what to write instead; worth a warning.
    pub fn deprecated(&self) -> &[(&'static str, &'static str)] {
        &self.deprecated
    }
}

impl Default for Isolation {
    /// `posix/cpu,posix/mem`, upstream's default.
    fn default() -> Self {
        Isolation {
            isolators: [
                Isolator::PosixCpu,
                Isolator::PosixMem,
                Isolator::FilesystemPosix,
            ]
            .into(),
            deprecated: Vec::new(),
        }
    }
}

impl FromStr for Isolation {
    type Err = IsolationError;

    /// Reads the flag's words, which stand between commas.
    fn from_str(text: &str) -> Result<Self, IsolationError> {
        let mut seen = BTreeSet::new();
        let mut isolators = BTreeSet::from([Isolator::FilesystemPosix]);
        let mut deprecated = Vec::new();
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            if !seen.insert(word) {
                return Err(IsolationError::Duplicate(text.to_owned()));
            }
            if word == "process" {
                isolators.extend([Isolator::PosixCpu, Isolator::PosixMem]);
                deprecated.push(("process", "posix/cpu,posix/mem"));
                continue;
            }
            let known = Isolator::ALL
                .into_iter()
                .find(|isolator| isolator.name() == word);
            isolators.insert(known.ok_or_else(|| IsolationError::Unsupported {
                name: word.to_owned(),
            })?);
        }
        Ok(Isolation {
            isolators,
            deprecated,
        })
    }
}

/// How containers are started and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Launcher {
    /// `posix`: by session and descent, without help of the kernel's namespaces and cgroups.
    #[default]
    Posix,
}

/// Why `--launcher` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LauncherError {
    /// The launcher of namespaces and cgroups.
    #[error("launcher 'linux' is not supported yet, use --launcher=posix")]
    Linux,
    /// No launcher at all.
    #[error("unknown launcher '{0}', use --launcher=posix")]
    Unknown(String),
}

impl FromStr for Launcher {
    type Err = LauncherError;

    fn from_str(text: &str) -> Result<Self, LauncherError> {
        match text {
            "posix" => Ok(Launcher::Posix),
            "linux" => Err(LauncherError::Linux),
            other => Err(LauncherError::Unknown(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_default_is_ours() {
        assert_eq!("posix/cpu,posix/mem".parse(), Ok(Isolation::default()));
        assert_eq!(
            "posix/cpu, posix/mem,filesystem/posix".parse(),
            Ok(Isolation::default())
        );
    }

    #[test]
    fn the_old_word_means_both_and_is_reported() {
        let isolation: Isolation = "process".parse().unwrap();
        assert!(isolation.has(Isolator::PosixCpu) && isolation.has(Isolator::PosixMem));
        assert_eq!(isolation.deprecated(), [("process", "posix/cpu,posix/mem")]);
    }

    #[test]
    fn only_what_is_named_is_on() {
        let isolation: Isolation = "posix/mem".parse().unwrap();
        assert!(!isolation.has(Isolator::PosixCpu));
        assert!(isolation.has(Isolator::PosixMem) && isolation.has(Isolator::FilesystemPosix));
    }

    #[test]
    fn errors_say_what_is_wrong_and_what_is_right() {
        let duplicate = "posix/cpu,posix/cpu".parse::<Isolation>().unwrap_err();
        assert_eq!(
            duplicate.to_string(),
            "Duplicate entries found in --isolation flag 'posix/cpu,posix/cpu'"
        );
        let unknown = "cgroups/cpu".parse::<Isolation>().unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "isolator 'cgroups/cpu' in --isolation is not supported; supported are \
             posix/cpu, posix/mem, posix/rlimits, filesystem/posix"
        );
    }

    #[test]
    fn only_the_posix_launcher_exists() {
        assert_eq!("posix".parse(), Ok(Launcher::Posix));
        assert_eq!("linux".parse::<Launcher>(), Err(LauncherError::Linux));
        assert_eq!(
            "Posix".parse::<Launcher>(),
            Err(LauncherError::Unknown("Posix".into()))
        );
    }
}
