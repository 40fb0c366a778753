//! Flags that were loaded.

use std::collections::BTreeMap;

use super::{Flag, FlagError, FromValue, Value};

/// The flags of a program, each of its table's kind.
#[derive(Debug, Default)]
pub struct Flags {
    pub(super) entries: BTreeMap<&'static str, Entry>,
    pub(super) warnings: Vec<String>,
    pub(super) rest: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) flag: &'static Flag,
    /// None if no source gives one and there is no default.
    pub(super) value: Option<Value>,
    /// The text that a source gave, before a file was read in.
    pub(super) given: Option<String>,
    /// The name that a source used.
    pub(super) loaded_as: Option<String>,
}

impl Entry {
    fn shown(&self) -> Option<String> {
        let value = self.value.as_ref()?;
        Some(
            self.flag
                .secret
                .hide(&value.to_string(), self.given.as_deref()),
        )
    }
}

impl Flags {
    /// The value of a flag as a type; `Option` of it for a flag that may be left out.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, FlagError> {
        let entry = self
            .entries
            .get(name)
            .ok_or_else(|| FlagError::Undeclared(name.to_owned()))?;
        match &entry.value {
            None => T::unset().ok_or(FlagError::Unset(entry.flag.name)),
            Some(value) => T::from_value(value).ok_or_else(|| FlagError::Unfit {
                name: entry.flag.name,
                shown: entry.shown().unwrap_or_default(),
                expected: T::EXPECTED,
            }),
        }
    }

    /// Whether a source gave the flag, rather than its default.
    pub fn is_given(&self, name: &str) -> bool {
        self.entries
            .get(name)
            .is_some_and(|entry| entry.given.is_some())
    }

    /// All values as texts without their secrets, as `/flags` shows them: by the name that
    /// was used to load each, those without value left out.
    pub fn shown(&self) -> BTreeMap<String, String> {
        self.entries
            .values()
            .filter_map(|entry| {
                let name = entry.loaded_as.as_deref().unwrap_or(entry.flag.name);
                Some((name.to_owned(), entry.shown()?))
            })
            .collect()
    }

    /// What the user should know, such as that an old name was used.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Arguments that are not flags.
    pub fn rest(&self) -> &[String] {
        &self.rest
    }
}
