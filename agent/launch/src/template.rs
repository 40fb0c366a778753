//! How a *template* is spoken to: a program that has started, and copies itself when a container
//! is to run it.
//!
//! To start a program anew costs more than all that is done for one container: the kernel loads
//! it, and the C library and the program set themselves up. A template has all that behind it.
//!
//! Its standard input is a socket that keeps messages apart (`SOCK_SEQPACKET`), and the template
//! ends when the other end is closed. Each message is a launch info with one file, the status
//! pipe. The copy is a child of the template's parent, as if that had started it, and writes to
//! the pipe its process id in [`PID_LENGTH`] bytes, the lowest first. Then either the pipe closes,
//! since the container runs, or a [`Failure`](crate::Failure) follows. A pipe that closes without
//! a process id was lost with the template; then no copy is left.

/// The environment variable that asks a program to be a template.
pub const VARIABLE: &str = "MESOS_EXECUTOR_TEMPLATE";

/// The longest launch info in bytes. Longer ones are not for templates.
pub const MESSAGE_MAX: usize = 64 << 10;

/// The length of a process id on the status pipe.
pub const PID_LENGTH: usize = 4;
