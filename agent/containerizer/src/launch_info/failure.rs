//! How the launch helper says that it could not start the program. Like `records.rs`, this
//! file is compiled into the library and into the helper.

/// The step of the launch that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
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
pub(crate) struct Failure {
    /// What was tried.
    pub(crate) step: Step,
    /// The kernel's `errno`.
    pub(crate) errno: i32,
}

/// The length of a failure on the status pipe: the step's letter and the error number, the
/// lowest byte first.
pub(crate) const FAILURE_LENGTH: usize = 5;
