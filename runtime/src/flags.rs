//! Command-line flags, environment and files in upstream's grammar (S23–S25, S31, S35,
//! S65–S70). One table of [`Flag`]s is the source of parsing, help and `/flags`.
//!
//! The sources are passed in, so that loading touches neither process nor disk:
//!
//! ```
//! use runtime::flags::{Flag, Loaded, Program};
//!
//! const FLAGS: &[Flag] = &[
//!     Flag::integer("port", "Port to listen on.").default("5050"),
//!     Flag::duration("ping_timeout", "How long to wait.").default("15secs"),
//!     Flag::text("zk", "Where ZooKeeper is."),
//! ];
//! let program = Program {
//!     name: "example",
//!     version: "example 1.0",
//!     environment_prefix: "EXAMPLE_",
//!     flags: &[FLAGS],
//! };
//! let args = ["--port=6000".to_owned()];
//! let environment = [("EXAMPLE_PING_TIMEOUT".to_owned(), "1mins".to_owned())];
//! let loaded = program.load(args, environment, |path| std::fs::read_to_string(path));
//! let Ok(Loaded::Run(flags)) = loaded else { panic!() };
//! assert_eq!(flags.get::<u16>("port").unwrap(), 6000);
//! assert_eq!(flags.get::<Option<String>>("zk").unwrap(), None);
//! assert_eq!(flags.shown()["ping_timeout"], "1mins");
//! ```

mod error;
mod load;
mod loaded;
mod locator;
mod nearest;
mod secret;
mod table;
mod usage;
mod value;
mod zk_url;

pub use error::FlagError;
pub use load::{Loaded, Program};
pub use loaded::Flags;
pub use locator::{LocatorError, MasterLocator};
pub use secret::{Secret, hide_credentials};
pub use table::{Flag, Kind};
pub use value::{FromValue, Value, ValueError};
pub use zk_url::{ZkUrl, ZkUrlError};
