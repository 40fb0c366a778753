//! How the agent is told that the program could not be started.

use crate::sys::Errno;

/// The step of the launch that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Reading the launch info.
    Read = b'r',
    /// Making a session of its own.
    Session = b's',
    /// Entering the sandbox.
    Directory = b'd',
    /// Setting a resource limit.
    Limit = b'l',
    /// Switching to the task's user.
    User = b'u',
    /// Opening `stdout` and `stderr` in the sandbox.
    Output = b'o',
    /// Executing the program.
    Execute = b'x',
}

/// A failed step with the kernel's error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// What was tried.
    pub step: Step,
    /// The kernel's `errno`.
    pub errno: i32,
}

/// The length of a failure on the status pipe.
pub const FAILURE_LENGTH: usize = 5;

impl Failure {
    /// A step that the kernel refused.
    #[must_use]
    pub fn new(step: Step, errno: Errno) -> Failure {
        Failure {
            step,
            errno: errno.number(),
        }
    }

    const STEPS: [Step; 7] = [
        Step::Read,
        Step::Session,
        Step::Directory,
        Step::Limit,
        Step::User,
        Step::Output,
        Step::Execute,
    ];

    /// As it is written to the status pipe: the step's letter and the error number, the lowest
    /// byte first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; FAILURE_LENGTH] {
        let [a, b, c, d] = self.errno.to_le_bytes();
        [self.step as u8, a, b, c, d]
    }

    /// Reads what was written; `None` if that is not a failure.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Failure> {
        let [letter, a, b, c, d] = *bytes else {
            return None;
        };
        let step = Self::STEPS.into_iter().find(|step| *step as u8 == letter)?;
        Some(Failure {
            step,
            errno: i32::from_le_bytes([a, b, c, d]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_survive_the_pipe() {
        for step in Failure::STEPS {
            let failure = Failure { step, errno: 258 };
            assert_eq!(failure.to_bytes(), [step as u8, 2, 1, 0, 0]);
            assert_eq!(Failure::from_bytes(&failure.to_bytes()), Some(failure));
        }
        assert_eq!(Failure::from_bytes(b""), None);
        assert_eq!(Failure::from_bytes(b"?\0\0\0\0"), None);
    }
}
