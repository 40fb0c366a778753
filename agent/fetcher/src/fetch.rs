//! Fetching one thing after the other.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use messages::fetcher::FetcherInfo;
use messages::fetcher::fetcher_info::{Item, item::Action};
use messages::v1::command_info::Uri;

use crate::budget::Budget;
use crate::download::{DownloadError, download};
use crate::extract::{Format, extract};
use crate::sandbox::{self, Sandbox};
use crate::uri::{self, Source, UriError};
use crate::user::{self, UserError};

/// The mode of a downloaded file.
const FILE_MODE: u32 = 0o644;

/// Why nothing, or not everything, was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The orders are not to be understood.
    #[error("Failed to parse FetcherInfo: {0}")]
    Orders(String),
    /// The sandbox.
    #[error("Failed to open the sandbox '{}': {reason}", path.display())]
    Sandbox {
        /// Its path.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The task's user.
    #[error(transparent)]
    User(#[from] UserError),
    /// One of the things to fetch.
    #[error("Failed to fetch '{uri}': {reason}")]
    Item {
        /// Which.
        uri: String,
        /// Why.
        reason: ItemError,
    },
}

/// Why one thing was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// It is not to be understood.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// It did not come.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// It cannot be read, or not be written to the sandbox.
    #[error("Failed to {action} '{}': {reason}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        reason: io::Error,
    },
}

/// Carries out orders, a `FetcherInfo` in JSON. Becomes the task's user for that, if the
/// orders name one, and remains it.
///
/// # Errors
/// The first thing that went wrong; what was fetched before it stays in the sandbox.
pub fn run(info: &str, log: &mut dyn FnMut(&str)) -> Result<(), FetchError> {
    let info: FetcherInfo = messages::json::from_json(info.as_bytes())
        .map_err(|error| FetchError::Orders(error.to_string()))?;
    let path = PathBuf::from(&info.sandbox_directory);
    // The folders above the sandbox may be closed to the user: so open it first.
    let sandbox = Sandbox::open(&path).map_err(|reason| FetchError::Sandbox { path, reason })?;
    if let Some(name) = &info.user {
        user::become_user(name)?;
    }
    let fetcher = Fetcher {
        sandbox,
        frameworks_home: info.frameworks_home,
        stall_timeout: info
            .stall_timeout
            .and_then(|timeout| u64::try_from(timeout.nanoseconds).ok())
            .map(Duration::from_nanos),
    };
    for item in &info.items {
        fetcher
            .fetch(item, log)
            .map_err(|reason| FetchError::Item {
                uri: item.uri.value.clone(),
                reason,
            })?;
    }
    log(&format!(
        "Successfully fetched all URIs into '{}'",
        info.sandbox_directory
    ));
    Ok(())
}

struct Fetcher {
    sandbox: Sandbox,
    frameworks_home: Option<String>,
    stall_timeout: Option<Duration>,
}

impl Fetcher {
    fn fetch(&self, item: &Item, log: &mut dyn FnMut(&str)) -> Result<(), ItemError> {
        let uri = &item.uri;
        if uri.cache() || item.action() != Action::BypassCache {
            log(&format!(
                "There is no fetcher cache yet, '{}' is not cached",
                uri.value
            ));
        }
        log(&format!(
            "Fetching '{}' directly into the sandbox directory",
            uri.value
        ));
        let path = match &uri.output_file {
            Some(output_file) => uri::output_file(output_file)?,
            None => PathBuf::from(uri::basename(&uri.value)?),
        };
        self.bring(uri, &path)?;
        if uri.executable() {
            let made = self.sandbox.make_executable(&path);
            made.map_err(failed("chmod executable", &path))?;
        } else if uri.extract() {
            self.extract(uri, &path, log)?;
        }
        log(&format!("Fetched '{}' to '{}'", uri.value, path.display()));
        Ok(())
    }

    /// Brings the source to `path` in the sandbox.
    fn bring(&self, uri: &Uri, path: &Path) -> Result<(), ItemError> {
        match uri::source(&uri.value, self.frameworks_home.as_deref())? {
            Source::Local(source) => {
                let (content, mode) =
                    sandbox::open_local(&source).map_err(failed("copy", &source))?;
                let written = self.sandbox.write(path, mode, None, content);
                written.map_err(failed("write", path))
            }
            Source::Http(url) => {
                let created = self.sandbox.create(path, FILE_MODE);
                let mut file = created.map_err(failed("write", path))?;
                Ok(download(&url, &mut file, self.stall_timeout)?)
            }
        }
    }

    fn extract(&self, uri: &Uri, path: &Path, log: &mut dyn FnMut(&str)) -> Result<(), ItemError> {
        let Some(format) = Format::of(&path.to_string_lossy()) else {
            log(&format!(
                "Copying instead of extracting resource from URI with 'extract' flag, because it \
                 does not seem to be an archive: {}",
                uri.value
            ));
            return Ok(());
        };
        let extracted = self.sandbox.read(path).and_then(|archive| {
            let mut budget = Budget::of_archive(archive.metadata()?.len());
            extract(format, archive, path, &self.sandbox, &mut budget)
        });
        extracted.map_err(failed("extract", path))?;
        log(&format!(
            "Extracted '{}' into the sandbox directory",
            path.display()
        ));
        Ok(())
    }
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> ItemError + 'a {
    move |reason| ItemError::File {
        action,
        path: path.to_path_buf(),
        reason,
    }
}
