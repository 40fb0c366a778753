//! How a command ended.

use std::fmt;

/// How a command ended, printed as upstream prints it: `exited with status 1`,
/// `terminated with signal Killed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Status(i32),
    /// By a signal.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether the system wrote an image of it.
        core_dumped: bool,
    },
}

impl Exit {
    /// Whether the command says that all went well.
    pub fn is_success(self) -> bool {
        self == Self::Status(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Status(status) => write!(f, "exited with status {status}"),
            Self::Signal {
                number,
                core_dumped,
            } => {
                f.write_str("terminated with signal ")?;
                let name = usize::try_from(number)
                    .ok()
                    .and_then(|place| SIGNALS.get(place));
                match name {
                    Some(name) => f.write_str(name)?,
                    None => write!(f, "Real-time signal {}", number - FIRST_REAL_TIME)?,
                }
                if core_dumped {
                    f.write_str(" (core dumped)")
                } else {
                    Ok(())
                }
            }
        }
    }
}

/// The first signal without a meaning of its own, as the C library counts them.
const FIRST_REAL_TIME: i32 = 34;

/// What the C library calls the signals, by number.
const SIGNALS: [&str; 32] = [
    "Unknown signal 0",
    "Hangup",
    "Interrupt",
    "Quit",
    "Illegal instruction",
    "Trace/breakpoint trap",
    "Aborted",
    "Bus error",
    "Floating point exception",
    "Killed",
    "User defined signal 1",
    "Segmentation fault",
    "User defined signal 2",
    "Broken pipe",
    "Alarm clock",
    "Terminated",
    "Stack fault",
    "Child exited",
    "Continued",
    "Stopped (signal)",
    "Stopped",
    "Stopped (tty input)",
    "Stopped (tty output)",
    "Urgent I/O condition",
    "CPU time limit exceeded",
    "File size limit exceeded",
    "Virtual timer expired",
    "Profiling timer expired",
    "Window changed",
    "I/O possible",
    "Power failure",
    "Bad system call",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_upstream_says_it() {
        let signal = |number, core_dumped| {
            Exit::Signal {
                number,
                core_dumped,
            }
            .to_string()
        };
        assert_eq!(Exit::Status(3).to_string(), "exited with status 3");
        assert_eq!(signal(15, false), "terminated with signal Terminated");
        assert_eq!(
            signal(11, true),
            "terminated with signal Segmentation fault (core dumped)"
        );
        assert_eq!(
            signal(36, false),
            "terminated with signal Real-time signal 2"
        );
    }
}
