//! Why flags cannot be loaded.

use std::io;

use thiserror::Error;

use super::ValueError;

/// Why a program's flags cannot be loaded or read. A daemon prints it with a pointer to
/// `--help` and exits with 1.
#[derive(Debug, Error)]
pub enum FlagError {
    /// There is no such flag.
    #[error("Failed to load unknown flag '{name}'{}", suggestion(.nearest))]
    Unknown {
        /// The name given.
        name: String,
        /// The flag whose name is most like it, if any is.
        nearest: Option<&'static str>,
    },
    /// The flag is given twice, perhaps by different names.
    #[error("Flag '{name}' is already loaded via name '{other}'")]
    Duplicate {
        /// The second name.
        name: String,
        /// The first name.
        other: String,
    },
    /// Only boolean flags may be given without a value.
    #[error("Failed to load non-boolean flag '{0}': Missing value")]
    MissingValue(String),
    /// Only boolean flags may be negated.
    #[error("Failed to load non-boolean flag '{0}' via 'no-{0}'")]
    NegatedNonBoolean(String),
    /// A negated flag has no value.
    #[error("Failed to load boolean flag '{name}' via 'no-{name}' with value '{value}'")]
    NegatedWithValue {
        /// The flag.
        name: String,
        /// The value given.
        value: String,
    },
    /// The value is not of the flag's kind.
    #[error("Failed to load flag '{name}': Failed to load value '{shown}': {error}")]
    BadValue {
        /// The flag.
        name: String,
        /// The value without its secrets.
        shown: String,
        /// What is wrong with it.
        error: ValueError,
    },
    /// A file that holds the value cannot be read.
    #[error("Failed to load flag '{name}': Error reading file '{path}': {error}")]
    Unreadable {
        /// The flag.
        name: String,
        /// The file.
        path: String,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// The flag must be given.
    #[error("Flag '{0}' is required, but it was not provided")]
    Required(&'static str),
    /// The program reads a flag as something that its value is not: too large a number, or
    /// another kind than the table says.
    #[error("Flag '{name}' with value '{shown}' is not {expected}")]
    Unfit {
        /// The flag.
        name: &'static str,
        /// The value without its secrets.
        shown: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The program reads a flag that has no value as if it always had one.
    #[error("Flag '{0}' has no value")]
    Unset(&'static str),
    /// The program reads a flag that is not in its table.
    #[error("Flag '{0}' is not declared")]
    Undeclared(String),
    /// The table declares a name twice, or a reserved name.
    #[error("The flag name '{0}' is declared twice or begins with 'no-'")]
    BadTable(&'static str),
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest
        .map(|nearest| format!(", did you mean '{nearest}'?"))
        .unwrap_or_default()
}
