//! Becoming the first process of a container, step by step.

use core::ffi::CStr;

use crate::failure::{Failure, Step};
use crate::records::{Record, Records};
use crate::sys::{self, Errno, Fd, Mapping, Strings};

/// A launch info with what occurs once picked out.
#[derive(Debug)]
pub struct Launch<'a> {
    directory: &'a CStr,
    user: Option<u32>,
    group: Option<u32>,
    records: Records<'a>,
}

impl<'a> Launch<'a> {
    /// Reads a launch info.
    ///
    /// # Errors
    /// It is no launch info, or none of this version.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        Self::parse(bytes).map_err(at(Step::Read))
    }

    fn parse(bytes: &'a [u8]) -> Result<Self, Errno> {
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

    /// All records of one kind, in order. [`Launch::parse`] has seen that all can be read.
    fn of<T>(
        &self,
        pick: fn(Record<'a>) -> Option<T>,
    ) -> impl Iterator<Item = T> + Clone + use<'a, T> {
        self.records.clone().flatten().filter_map(pick)
    }

    /// Makes of this process what a container's first process must be, but for its program.
    ///
    /// # Errors
    /// The step that failed. Earlier ones remain.
    pub fn enter(&self) -> Result<(), Failure> {
        sys::new_session().map_err(at(Step::Session))?;
        sys::change_directory(self.directory).map_err(at(Step::Directory))?;
        set_limits(self.records.clone()).map_err(at(Step::Limit))?;
        // The directory above the sandbox may be closed to the user, and the files in it are the
        // user's: so enter first, then switch, then open.
        switch_user(self).map_err(at(Step::User))?;
        open_standard_files().map_err(at(Step::Output))
    }

    /// Executes the program; returns only with the reason why not.
    #[must_use]
    pub fn execute(&self) -> Failure {
        at(Step::Execute)(execute(self))
    }

    /// The environment: texts of the form `NAME=value`.
    pub fn variables(&self) -> impl Iterator<Item = &'a CStr> + Clone + use<'a> {
        self.of(|record| match record {
            Record::Variable(text) => Some(text),
            _ => None,
        })
    }
}

fn at(step: Step) -> impl Fn(Errno) -> Failure {
    move |errno| Failure::new(step, errno)
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
    sys::put(sys::open_read(c"/dev/null")?, Fd::STDIN)?;
    sys::put(sys::open_append(c"stdout")?, Fd::STDOUT)?;
    sys::put(sys::open_append(c"stderr")?, Fd::STDERR)
}

/// Executes the first program that can be; returns only with the reason why none could.
fn execute(launch: &Launch<'_>) -> Errno {
    let arguments = launch.of(|record| match record {
        Record::Argument(text) => Some(text),
        _ => None,
    });
    let programs = launch.of(|record| match record {
        Record::Program(path) => Some(path),
        _ => None,
    });
    // The shell stands before the arguments in case that it must read the program.
    let arguments = [c"/bin/sh"].into_iter().chain(arguments);
    let (mut arguments, variables) = match (
        Strings::collect(arguments),
        Strings::collect(launch.variables()),
    ) {
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
