//! The executor as a template: started once by the agent, it copies itself for each container.
//!
//! What is done before the copy is done once: loading, the C library's start, flags, the search
//! for what the processor can do. The template has neither threads nor files but its socket, and
//! has seen nothing random, so that copies have nothing in common that matters.

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSliceMut, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::{env, process};

use launch::sys::{self, Copied};
use launch::template::{MESSAGE_MAX, VARIABLE};
use launch::{Failure, Launch};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use rustix::process::{DumpableBehavior, dumpable_behavior, getpid, set_dumpable_behavior};
use thiserror::Error;
use tracing::error;

use crate::command::Variables;

/// The names under which tools such as ps(1) show the template and its copies.
const TEMPLATE_NAME: &std::ffi::CStr = c"mesos-template";
const COPY_NAME: &std::ffi::CStr = c"mesos-executor";

/// A template that cannot work.
#[derive(Debug, Error)]
pub(crate) enum TemplateError {
    #[error("{VARIABLE} is set, but standard input is not a socket that an agent asks by: {0}")]
    Socket(io::Error),
}

/// Whether this process is to be a template.
pub(crate) fn is_asked_for() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// Copies this process whenever the agent asks for it. Returns the environment in a copy, which
/// is an executor from there on, and `None` in the template when the agent is gone.
///
/// # Errors
///
/// Nobody can ask.
pub(crate) fn serve() -> Result<Option<Variables>, TemplateError> {
    // A file that the agent itself was given by mistake is no container's business.
    // SAFETY: this program has opened no file yet.
    #[expect(unsafe_code, reason = "closes files that others might use")]
    let closed = unsafe { sys::close_above_standard() };
    // Kernels before 5.9 do not know the call; there the agent's own close-on-exec marks must do.
    let _ = closed;
    runtime::probe_processor();
    let _ = rustix::thread::set_name(TEMPLATE_NAME);
    let mut message = vec![0; MESSAGE_MAX];
    loop {
        let Some((length, status)) = receive(&mut message)? else {
            return Ok(None);
        };
        let (Some(info), Some(status)) = (message.get_mut(..length), status) else {
            error!("the agent asked in a way that this template does not understand");
            message.fill(0);
            continue;
        };
        // SAFETY: this program has one thread, and none of its locks is held here. What the C
        // library keeps of the thread's number matters to locks that are shared with other
        // processes and to threads signalled by their handles: there are none.
        #[expect(unsafe_code, reason = "a copy that the C library is not told of")]
        let copied = unsafe { sys::copy() };
        match copied {
            Ok(Copied::Copy) => return Ok(Some(become_executor(info, status))),
            Ok(Copied::Original) => {}
            Err(errno) => {
                let error = io::Error::from_raw_os_error(errno.number());
                error!(%error, "cannot make a copy");
            }
        }
        // What one container is told, another must not find in its memory.
        info.fill(0);
    }
}

/// The next message and the file with it; `None` when there will be none.
fn receive(message: &mut [u8]) -> Result<Option<(usize, Option<OwnedFd>)>, TemplateError> {
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    loop {
        let mut parts = [IoSliceMut::new(message)];
        let stdin = io::stdin().as_raw_fd();
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let received = match recvmsg::<()>(stdin, &mut parts, Some(&mut space), flags) {
            Ok(received) => received,
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(TemplateError::Socket(errno.into())),
        };
        let mut files = Vec::new();
        if let Ok(controls) = received.cmsgs() {
            for control in controls {
                if let ControlMessageOwned::ScmRights(numbers) = control {
                    // SAFETY: the kernel has just opened these for us.
                    #[expect(unsafe_code, reason = "files come as numbers")]
                    files.extend(
                        numbers
                            .into_iter()
                            .map(|number| unsafe { OwnedFd::from_raw_fd(number) }),
                    );
                }
            }
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        let whole = !received.flags.contains(MsgFlags::MSG_TRUNC);
        return Ok(Some((received.bytes, files.pop().filter(|_| whole))));
    }
}

/// In a copy: becomes the container's first process, and tells the agent so.
fn become_executor(info: &[u8], status: OwnedFd) -> Variables {
    let mut status = std::fs::File::from(status);
    let end = |mut status: std::fs::File, failure: Failure| -> ! {
        // Whom it could be told is gone if this fails.
        let _ = status.write_all(&failure.to_bytes());
        process::exit(1)
    };
    // The agent shall see the template's end even if this copy hangs: the socket goes first.
    if nix::unistd::dup2_stdin(&status).is_err()
        || status
            .write_all(&getpid().as_raw_nonzero().get().to_le_bytes())
            .is_err()
    {
        process::exit(1);
    }
    let launch = match Launch::read(info) {
        Ok(launch) => launch,
        Err(failure) => end(status, failure),
    };
    // As execve(2) would have it: a process that becomes another user is hidden from that user.
    let dumpable = dumpable_behavior();
    if let Err(failure) = launch.enter() {
        end(status, failure);
    }
    if let Ok(DumpableBehavior::Dumpable) = dumpable {
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
    }
    let _ = rustix::thread::set_name(COPY_NAME);
    launch
        .variables()
        .filter_map(|text| variable(text.to_bytes()))
        .collect()
}

/// Reads `NAME=value`, as the standard library reads a program's environment.
fn variable(text: &[u8]) -> Option<(OsString, OsString)> {
    // A name may begin with the sign.
    let sign = 1 + text.get(1..)?.iter().position(|byte| *byte == b'=')?;
    let (name, value) = text.split_at_checked(sign)?;
    let value = value.get(1..)?;
    Some((
        OsStr::from_bytes(name).to_owned(),
        OsStr::from_bytes(value).to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_the_standard_library_does() {
        let read = |text: &str| {
            variable(text.as_bytes())
                .map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap()))
        };
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(read("A=b"), pair("A", "b"));
        assert_eq!(read("A="), pair("A", ""));
        assert_eq!(read("A=b=c\n"), pair("A", "b=c\n"));
        assert_eq!(read("=A=b"), pair("=A", "b"));
        assert_eq!(read(""), None);
        assert_eq!(read("A"), None);
        assert_eq!(read("=b"), None);
    }
}
