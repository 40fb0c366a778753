//! Operators' reads that masters and agents answer alike (V18, V23).

use std::collections::BTreeMap;
use std::time::Duration;

use messages::v1;
use runtime::http::Response;
use runtime::logging;
use runtime::metrics::Metrics;

use crate::daemon::{Build, FileRoots, FilesError};

/// GET_FLAGS: the flags as they are shown.
pub fn flags(shown: &BTreeMap<String, String>) -> Vec<v1::Flag> {
    shown
        .iter()
        .map(|(name, value)| v1::Flag {
            name: name.clone(),
            value: Some(value.clone()),
        })
        .collect()
}

/// GET_VERSION.
pub fn version(build: &Build) -> v1::VersionInfo {
    v1::VersionInfo {
        version: build.version.clone(),
        build_date: Some(build.build_date.clone()),
        build_time: Some(build.build_time),
        build_user: Some(build.build_user.clone()),
        git_sha: build.git_sha.clone(),
        git_branch: build.git_branch.clone(),
        git_tag: Some(build.git_tag.clone()),
    }
}

/// GET_METRICS.
pub fn metrics(metrics: &Metrics) -> Vec<v1::Metric> {
    metrics
        .snapshot()
        .into_iter()
        .map(|(name, value)| v1::Metric {
            name,
            value: Some(value),
        })
        .collect()
}

/// SET_LOGGING_LEVEL: an answer without a body, or the refusal.
pub fn set_logging_level(level: u32, duration: &v1::DurationInfo) -> Response {
    let (Ok(level), Ok(nanoseconds)) = (u8::try_from(level), u64::try_from(duration.nanoseconds))
    else {
        return Response::text(400, "Expecting a level up to 255 and a duration from 0 up");
    };
    match logging::toggle(level, Duration::from_nanos(nanoseconds)) {
        Ok(()) => Response::empty(200),
        Err(error) => Response::text(400, error.to_string()),
    }
}

/// LIST_FILES. Blocks on the disk.
pub fn list_files(roots: &FileRoots, path: &str) -> Result<Vec<v1::FileInfo>, Response> {
    roots.list(path).map_err(|error| refusal(&error))
}

/// READ_FILE: the size of the whole file, and a part of it. Blocks on the disk.
pub fn read_file(
    roots: &FileRoots,
    path: &str,
    offset: u64,
    length: Option<u64>,
) -> Result<(u64, Vec<u8>), Response> {
    roots
        .read(path, offset, length)
        .map_err(|error| refusal(&error))
}

fn refusal(error: &FilesError) -> Response {
    Response::text(error.status(), error.to_string())
}
