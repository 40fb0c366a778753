//! What the agent tells those who start a container, as they read it.
//!
//! A launch info is a sequence of records `key=value`, each ended by a NUL byte, as in
//! `/proc/PID/environ`: it can be read with `tr '\0' '\n'`, its values can be handed to the
//! kernel as they stand, and reading it allocates nothing.

use core::ffi::CStr;

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// The directory to run in, the sandbox. Standard output and error are opened below it.
    Directory(&'a CStr),
    /// The user id to switch to.
    User(u32),
    /// The group id to switch to.
    Group(u32),
    /// One supplementary group id of the user to switch to.
    SupplementaryGroup(u32),
    /// A resource limit (`RLIMIT_*` of the kernel) to set.
    Limit {
        /// The kernel's number of the limited resource.
        resource: u32,
        /// The soft limit; `u64::MAX` is no limit.
        soft: u64,
        /// The hard limit; `u64::MAX` is no limit.
        hard: u64,
    },
    /// A file to execute. Of several, the first that exists is taken.
    Program(&'a CStr),
    /// One argument, the zeroth included.
    Argument(&'a CStr),
    /// One environment variable, `NAME=value`.
    Variable(&'a CStr),
}

/// The launch info cannot be read: it is cut off, or written by another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Reads the records of a launch info one after the other.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Reads from `bytes`, which hold a whole launch info.
    pub fn new(bytes: &'a [u8]) -> Self {
        Records { rest: bytes }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Ok(text) = CStr::from_bytes_until_nul(self.rest) else {
            self.rest = &[];
            return Some(Err(Malformed));
        };
        self.rest = self.rest.get(text.count_bytes() + 1..).unwrap_or_default();
        Some(record(text))
    }
}

fn record(text: &CStr) -> Result<Record<'_>, Malformed> {
    if let Some(value) = value(text, b"directory=") {
        Ok(Record::Directory(value))
    } else if let Some(value) = value(text, b"program=") {
        Ok(Record::Program(value))
    } else if let Some(value) = value(text, b"argument=") {
        Ok(Record::Argument(value))
    } else if let Some(value) = value(text, b"variable=") {
        Ok(Record::Variable(value))
    } else if let Some(value) = value(text, b"user=") {
        id(value).map(Record::User)
    } else if let Some(value) = value(text, b"group=") {
        id(value).map(Record::Group)
    } else if let Some(value) = value(text, b"supplementary_group=") {
        id(value).map(Record::SupplementaryGroup)
    } else if let Some(value) = value(text, b"limit=") {
        limit(value)
    } else {
        Err(Malformed)
    }
}

fn value<'a>(text: &'a CStr, key: &[u8]) -> Option<&'a CStr> {
    let rest = text.to_bytes_with_nul().strip_prefix(key)?;
    CStr::from_bytes_until_nul(rest).ok()
}

fn id(text: &CStr) -> Result<u32, Malformed> {
    u32::try_from(number(text.to_bytes())?).map_err(|_| Malformed)
}

/// Reads `RESOURCE:SOFT:HARD`.
fn limit(text: &CStr) -> Result<Record<'_>, Malformed> {
    let mut parts = text.to_bytes().splitn(3, |byte| *byte == b':');
    let mut part = || number(parts.next().ok_or(Malformed)?);
    Ok(Record::Limit {
        resource: u32::try_from(part()?).map_err(|_| Malformed)?,
        soft: part()?,
        hard: part()?,
    })
}

fn number(digits: &[u8]) -> Result<u64, Malformed> {
    if digits.is_empty() {
        return Err(Malformed);
    }
    digits.iter().try_fold(0u64, |sum, digit| {
        let digit = match digit {
            b'0'..=b'9' => u64::from(digit - b'0'),
            _ => return Err(Malformed),
        };
        sum.checked_mul(10)
            .and_then(|sum| sum.checked_add(digit))
            .ok_or(Malformed)
    })
}
