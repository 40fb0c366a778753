//! From what a task says it runs to what the launch helper is told.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use linux_raw_sys::general as linux;
use messages::v1::environment::variable::Type as VariableType;
use messages::v1::r_limit_info::{RLimit, r_limit::Type as LimitType};
use messages::v1::{CommandInfo, RLimitInfo};

use crate::launch_info::{Rlimit, candidates};

/// The search path of a container whose environment names none.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why a command cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The command has no text, or names no program.
    #[error("the command has no value: there is nothing to run")]
    Empty,
    /// A variable's value is a secret.
    #[error("environment variable '{0}' is a secret, which is not supported yet")]
    Secret(String),
    /// A resource limit is not one the kernel has.
    #[error("Could not convert rlimit: Unknown rlimit type")]
    UnknownLimit,
    /// A resource limit has only one of its two values.
    #[error("Invalid rlimit values: '{0}' needs both 'soft' and 'hard', or neither")]
    HalfLimit(&'static str),
}

/// The program and its arguments.
pub(crate) struct Program {
    /// The files it may be, in the order of trying.
    pub(crate) files: Vec<PathBuf>,
    /// Its arguments, the zeroth included.
    pub(crate) arguments: Vec<OsString>,
}

/// What `command` runs in `sandbox` with `environment`: a line for the shell, or a program
/// with its arguments, which include the zeroth.
pub(crate) fn program(
    command: &CommandInfo,
    sandbox: &std::path::Path,
    environment: &[(OsString, OsString)],
) -> Result<Program, CommandError> {
    let value = command.value.as_deref().filter(|value| !value.is_empty());
    let value = value.ok_or(CommandError::Empty)?;
    if command.shell() {
        return Ok(Program {
            files: vec!["/bin/sh".into()],
            arguments: ["sh", "-c", value].map(OsString::from).into(),
        });
    }
    let path = environment
        .iter()
        .find(|(name, _)| name == "PATH")
        .map(|(_, value)| value);
    let path = path.map_or(OsStr::new(DEFAULT_PATH), |path| path.as_os_str());
    let arguments = if command.arguments.is_empty() {
        vec![value.into()]
    } else {
        command.arguments.iter().map(OsString::from).collect()
    };
    Ok(Program {
        files: candidates(OsStr::new(value), sandbox, path),
        arguments,
    })
}

/// The container's environment: `given`, over which goes what the command itself asks for.
pub(crate) fn environment(
    given: &[(String, String)],
    command: &CommandInfo,
) -> Result<Vec<(OsString, OsString)>, CommandError> {
    let mut environment: Vec<(OsString, OsString)> = Vec::with_capacity(given.len() + 1);
    let mut set = |name: &str, value: &str| match environment
        .iter_mut()
        .find(|(known, _)| known.as_bytes() == name.as_bytes())
    {
        Some((_, old)) => *old = value.into(),
        None => environment.push((name.into(), value.into())),
    };
    set("PATH", DEFAULT_PATH);
    for (name, value) in given {
        set(name, value);
    }
    for variable in command
        .environment
        .iter()
        .flat_map(|environment| &environment.variables)
    {
        if variable.r#type() == VariableType::Secret {
            return Err(CommandError::Secret(variable.name.clone()));
        }
        set(&variable.name, variable.value());
    }
    Ok(environment)
}

/// The resource limits that a container asks for; neither value set means no limit.
pub(crate) fn rlimits(info: &RLimitInfo) -> Result<Vec<Rlimit>, CommandError> {
    info.rlimits.iter().map(rlimit).collect()
}

fn rlimit(limit: &RLimit) -> Result<Rlimit, CommandError> {
    let resource = match limit.r#type() {
        LimitType::RlmtAs => linux::RLIMIT_AS,
        LimitType::RlmtCore => linux::RLIMIT_CORE,
        LimitType::RlmtCpu => linux::RLIMIT_CPU,
        LimitType::RlmtData => linux::RLIMIT_DATA,
        LimitType::RlmtFsize => linux::RLIMIT_FSIZE,
        LimitType::RlmtLocks => linux::RLIMIT_LOCKS,
        LimitType::RlmtMemlock => linux::RLIMIT_MEMLOCK,
        LimitType::RlmtMsgqueue => linux::RLIMIT_MSGQUEUE,
        LimitType::RlmtNice => linux::RLIMIT_NICE,
        LimitType::RlmtNofile => linux::RLIMIT_NOFILE,
        LimitType::RlmtNproc => linux::RLIMIT_NPROC,
        LimitType::RlmtRss => linux::RLIMIT_RSS,
        LimitType::RlmtRtprio => linux::RLIMIT_RTPRIO,
        LimitType::RlmtRttime => linux::RLIMIT_RTTIME,
        LimitType::RlmtSigpending => linux::RLIMIT_SIGPENDING,
        LimitType::RlmtStack => linux::RLIMIT_STACK,
        LimitType::Unknown => return Err(CommandError::UnknownLimit),
    };
    match (limit.soft, limit.hard) {
        (Some(soft), Some(hard)) => Ok(Rlimit {
            resource,
            soft,
            hard,
        }),
        (None, None) => Ok(Rlimit {
            resource,
            soft: u64::MAX,
            hard: u64::MAX,
        }),
        (Some(_), None) | (None, Some(_)) => {
            Err(CommandError::HalfLimit(limit.r#type().as_str_name()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use messages::v1::{Environment, environment::Variable};

    use super::*;

    fn variable(name: &str, value: &str) -> Variable {
        Variable {
            name: name.into(),
            value: Some(value.into()),
            ..Variable::default()
        }
    }

    fn strings(texts: &[&str]) -> Vec<OsString> {
        texts.iter().map(OsString::from).collect()
    }

    #[test]
    fn a_shell_line_goes_to_the_shell() {
        let command = CommandInfo {
            value: Some("echo a".into()),
            ..CommandInfo::default()
        };
        let program = program(&command, Path::new("/box"), &[]).unwrap();
        assert_eq!(program.files, [PathBuf::from("/bin/sh")]);
        assert_eq!(program.arguments, strings(&["sh", "-c", "echo a"]));
    }

    #[test]
    fn a_program_is_sought_and_given_its_arguments_as_they_are() {
        let mut command = CommandInfo {
            shell: Some(false),
            value: Some("tool".into()),
            arguments: vec!["zeroth".into(), "first".into()],
            ..CommandInfo::default()
        };
        let path = [("PATH".into(), "/x".into())];
        let found = program(&command, Path::new("/box"), &path).unwrap();
        assert_eq!(found.files, ["/box/tool", "/x/tool"].map(PathBuf::from));
        assert_eq!(found.arguments, strings(&["zeroth", "first"]));
        command.arguments.clear();
        let found = program(&command, Path::new("/box"), &[]).unwrap();
        assert_eq!(found.arguments, strings(&["tool"]));
    }

    #[test]
    fn nothing_to_run_is_an_error() {
        let empty = CommandInfo {
            value: Some(String::new()),
            ..CommandInfo::default()
        };
        for command in [CommandInfo::default(), empty] {
            let error = program(&command, Path::new("/box"), &[]).err();
            assert_eq!(error, Some(CommandError::Empty));
        }
    }

    #[test]
    fn the_commands_variables_win_and_path_is_always_set() {
        let command = CommandInfo {
            environment: Some(Environment {
                variables: vec![variable("A", "2"), variable("B", "3")],
            }),
            ..CommandInfo::default()
        };
        let given = [("A".to_owned(), "1".to_owned())];
        let expected = [("PATH", DEFAULT_PATH), ("A", "2"), ("B", "3")]
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        assert_eq!(environment(&given, &command).unwrap(), expected);
    }

    #[test]
    fn secrets_are_refused() {
        let secret = Variable {
            r#type: Some(VariableType::Secret as i32),
            ..variable("KEY", "")
        };
        let command = CommandInfo {
            environment: Some(Environment {
                variables: vec![secret],
            }),
            ..CommandInfo::default()
        };
        assert_eq!(
            environment(&[], &command),
            Err(CommandError::Secret("KEY".into()))
        );
    }

    #[test]
    fn limits_need_both_values_or_none() {
        let limit = |soft, hard| {
            let limit = RLimit {
                r#type: Some(LimitType::RlmtCore as i32),
                soft,
                hard,
            };
            rlimits(&RLimitInfo {
                rlimits: vec![limit],
            })
        };
        let expected = |soft, hard| {
            Ok(vec![Rlimit {
                resource: linux::RLIMIT_CORE,
                soft,
                hard,
            }])
        };
        assert_eq!(limit(Some(1), Some(2)), expected(1, 2));
        assert_eq!(limit(None, None), expected(u64::MAX, u64::MAX));
        assert_eq!(
            limit(Some(1), None),
            Err(CommandError::HalfLimit("RLMT_CORE"))
        );
        let unknown = RLimitInfo {
            rlimits: vec![RLimit::default()],
        };
        assert_eq!(rlimits(&unknown), Err(CommandError::UnknownLimit));
    }
}
