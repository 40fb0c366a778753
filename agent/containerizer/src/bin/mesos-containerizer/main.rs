//! The launch helper: makes of itself what a container's first process must be (session,
//! directory, limits, user, output files) and executes the container's command.
//!
//! The agent is a big threaded process, which must not fork and run code in the child; so it
//! starts this program, which does that code's work. One runs for each task, and most of what
//! a small program costs is the start of a C library and a dynamic linker: without them this
//! one starts in a fifth of the time. Hence no standard library here, and `sys.rs` for the
//! dozen system calls it needs.
//!
//! The agent passes the launch info (`records.rs`) as standard input, a file, and listens on
//! standard output, a pipe: it closes when the command is executed, and carries a
//! [`Failure`] before that if a step fails.

#![no_std]
#![no_main]
#![no_builtins]

mod entry;
#[path = "../../launch_info/failure.rs"]
mod failure;
mod memory;
#[path = "../../launch_info/records.rs"]
mod records;
mod sys;

use core::ffi::CStr;

use failure::{FAILURE_LENGTH, Failure, Step};
use records::{Record, Records};
use sys::{Errno, Fd, Mapping, Strings};

const USAGE: &[u8] = b"Usage: mesos-containerizer launch\n\
    Starts the command of a container; the agent runs it, people do not.\n\
    It reads what to do from standard input and reports a failure on standard output.\n";

/// Runs the program on its arguments (without the zeroth) and returns the exit status.
fn run(mut arguments: impl Iterator<Item = &'static CStr>) -> i32 {
    match (arguments.next().map(CStr::to_bytes), arguments.next()) {
        (Some(b"launch"), None) => launch(),
        (Some(b"help" | b"--help"), _) => {
            sys::write(Fd::STDOUT, USAGE);
            0
        }
        _ => {
            sys::write(Fd::STDERR, USAGE);
            2
        }
    }
}

fn launch() -> i32 {
    // The pipe must neither be in the way of the command's own output nor reach the command.
    let Ok(status) = sys::duplicate_above_standard(Fd::STDOUT) else {
        return 1;
    };
    let failure = match prepare() {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    sys::write(status, &to_bytes(failure));
    1
}

fn to_bytes(failure: Failure) -> [u8; FAILURE_LENGTH] {
    let [a, b, c, d] = failure.errno.to_le_bytes();
    [failure.step as u8, a, b, c, d]
}

enum Never {}

fn prepare() -> Result<Never, Failure> {
    let info = sys::map_file(Fd::STDIN).map_err(at(Step::Read))?;
    let launch = Launch::read(info.bytes()).map_err(at(Step::Read))?;

    sys::new_session().map_err(at(Step::Session))?;
    sys::change_directory(launch.directory).map_err(at(Step::Directory))?;
    set_limits(launch.records.clone()).map_err(at(Step::Limit))?;
    // The directory above the sandbox may be closed to the user, and the files in it are the
    // user's: so enter first, then switch, then open.
    switch_user(&launch).map_err(at(Step::User))?;
    open_standard_files().map_err(at(Step::Output))?;
    let failed = execute(&launch);
    Err(failed).map_err(at(Step::Execute))
}

fn at(step: Step) -> impl Fn(Errno) -> Failure {
    move |errno| Failure {
        step,
        errno: errno.number(),
    }
}

/// The launch info with what occurs once picked out.
struct Launch<'a> {
    directory: &'a CStr,
    user: Option<u32>,
    group: Option<u32>,
    records: Records<'a>,
}

impl<'a> Launch<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Errno> {
        let records = Records::new(bytes);
        let (mut directory, mut user, mut group) = (None, None, None);
        for record in records.clone() {
            match record.map_err(|_| Errno::INVALID)? {
                Record::Directory(path) => directory = Some(path),
                Record::User(id) => user = Some(id),
                Record::Group(id) => group = Some(id),
                Record::SupplementaryGroup(_)
                | Record::Limit { .. }
                | Record::Program(_)
                | Record::Argument(_)
                | Record::Variable(_) => {}
            }
        }
        let directory = directory.ok_or(Errno::INVALID)?;
        Ok(Launch {
            directory,
            user,
            group,
            records,
        })
    }

    /// All records of one kind, in order. [`Launch::read`] has seen that all can be read.
    fn of<T>(&self, pick: fn(Record<'a>) -> Option<T>) -> impl Iterator<Item = T> + Clone {
        self.records.clone().flatten().filter_map(pick)
    }
}

fn set_limits(records: Records<'_>) -> Result<(), Errno> {
    for record in records.flatten() {
        if let Record::Limit {
            resource,
            soft,
            hard,
        } = record
        {
            sys::set_limit(resource, soft, hard)?;
        }
    }
    Ok(())
}

fn switch_user(launch: &Launch<'_>) -> Result<(), Errno> {
    let (Some(user), Some(group)) = (launch.user, launch.group) else {
        return Ok(());
    };
    let groups = || {
        launch.of(|record| match record {
            Record::SupplementaryGroup(id) => Some(id),
            _ => None,
        })
    };
    let mut memory = Mapping::new(groups().count() * size_of::<u32>())?;
    let mut length = 0;
    for (slot, group) in memory.words().iter_mut().zip(groups()) {
        *slot = group;
        length += 1;
    }
    sys::set_groups(memory.words().get(..length).unwrap_or_default())?;
    sys::set_group(group)?;
    sys::set_user(user)
}

fn open_standard_files() -> Result<(), Errno> {
    sys::replace(sys::open_read(c"/dev/null")?, Fd::STDIN)?;
    sys::replace(sys::open_append(c"stdout")?, Fd::STDOUT)?;
    sys::replace(sys::open_append(c"stderr")?, Fd::STDERR)
}

/// Executes the first program that can be; returns only with the reason why none could.
fn execute(launch: &Launch<'_>) -> Errno {
    let arguments = launch.of(|record| match record {
        Record::Argument(text) => Some(text),
        _ => None,
    });
    let variables = launch.of(|record| match record {
        Record::Variable(text) => Some(text),
        _ => None,
    });
    let programs = launch.of(|record| match record {
        Record::Program(path) => Some(path),
        _ => None,
    });
    // The shell stands before the arguments in case that it must read the program.
    let arguments = [c"/bin/sh"].into_iter().chain(arguments);
    let (mut arguments, variables) =
        match (Strings::collect(arguments), Strings::collect(variables)) {
            (Ok(arguments), Ok(variables)) => (arguments, variables),
            (Err(errno), _) | (_, Err(errno)) => return errno,
        };

    let mut reason = Errno::NOT_FOUND;
    for program in programs {
        match sys::execute(
            program,
            arguments.pointers().get(1..).unwrap_or_default(),
            variables.pointers(),
        ) {
            // As execvp(3) does: a script without `#!` is the shell's.
            Errno::NOT_EXECUTABLE => {
                arguments.set(1, program);
                return sys::execute(c"/bin/sh", arguments.pointers(), variables.pointers());
            }
            Errno::NOT_FOUND | Errno::NOT_A_DIRECTORY => {}
            errno => reason = errno,
        }
    }
    reason
}
