//! What a URI means to the fetcher. As upstream's, it reads URIs as little as it can: the
//! name of a fetched file is what stands after the last slash, query included.

use std::path::{Component, Path, PathBuf};

/// Why a URI, or the name of the file to make of it, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// A character that has no place in a URI.
    #[error("Illegal characters in URI")]
    Illegal,
    /// A URI that names a host only.
    #[error("Malformed URI (missing path): {0}")]
    NoPath(String),
    /// A URI that names no file.
    #[error("URI names no file: '{0}'")]
    NoName(String),
    /// A `file:` URI that is relative.
    #[error("File URI only supports absolute paths")]
    RelativeFile,
    /// A relative path, relative to nothing.
    #[error(
        "A relative path was passed for the resource but the Mesos framework home was not \
         specified. Please either provide this config option or avoid using a relative path"
    )]
    NoHome,
    /// A scheme that is not fetched.
    #[error("URI scheme '{0}' is not supported; supported are http, https, file and paths")]
    Scheme(String),
    /// A name for the file that is none.
    #[error("URI output file path is empty")]
    EmptyOutput,
    /// A name for the file that leads out of the sandbox.
    #[error("URI output file must be within the sandbox directory")]
    OutsideOutput,
}

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file of this machine.
    Local(PathBuf),
    /// A resource on the net.
    Http(String),
}

/// Finds the source that `uri` names.
pub(crate) fn source(uri: &str, frameworks_home: Option<&str>) -> Result<Source, UriError> {
    let uri = uri.trim_start();
    basename(uri)?;
    if let Some(rest) = uri.strip_prefix("file://") {
        let path = Path::new(rest.strip_prefix("localhost").unwrap_or(rest));
        if !path.is_absolute() {
            return Err(UriError::RelativeFile);
        }
        return Ok(Source::Local(path.to_path_buf()));
    }
    if let Some((scheme, _)) = uri.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Source::Http(uri.to_owned())),
            _ => Err(UriError::Scheme(scheme.to_owned())),
        };
    }
    if Path::new(uri).is_absolute() {
        return Ok(Source::Local(uri.into()));
    }
    match frameworks_home.filter(|home| !home.is_empty()) {
        Some(home) => Ok(Source::Local(Path::new(home).join(uri))),
        None => Err(UriError::NoHome),
    }
}

/// The name of the file that `uri` is fetched to.
pub(crate) fn basename(uri: &str) -> Result<&str, UriError> {
    let uri = uri.trim_start();
    if uri.contains(['\\', '\'', '\0']) {
        return Err(UriError::Illegal);
    }
    let path = match uri.split_once("://") {
        Some((scheme, rest)) if !scheme.is_empty() => {
            let (_, path) = rest.split_once('/').unwrap_or_default();
            if path.is_empty() {
                return Err(UriError::NoPath(uri.to_owned()));
            }
            path
        }
        _ => uri.trim_end_matches('/'),
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "" | "." | ".." => Err(UriError::NoName(uri.to_owned())),
        name => Ok(name),
    }
}

/// Checks a name that the task has chosen for the file: it may have folders, but may not
/// lead out of the sandbox.
pub(crate) fn output_file(path: &str) -> Result<PathBuf, UriError> {
    let path = Path::new(path);
    if path.as_os_str().is_empty() {
        return Err(UriError::EmptyOutput);
    }
    let inside = path
        .components()
        .all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if !inside || path.file_name().is_none() {
        return Err(UriError::OutsideOutput);
    }
    Ok(path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_follows_the_last_slash() {
        for (uri, name) in [
            ("http://host/a/b.tgz", "b.tgz"),
            ("http://host:80/b.tgz?version=1/2", "2"),
            ("http://host/b.tgz?version=1", "b.tgz?version=1"),
            ("  /a/b", "b"),
            ("b", "b"),
            ("file:///a/\u{fc}ml\u{e4}ut", "\u{fc}ml\u{e4}ut"),
        ] {
            assert_eq!(basename(uri), Ok(name), "{uri}");
        }
        for uri in ["http://host", "http://host/"] {
            assert_eq!(basename(uri), Err(UriError::NoPath(uri.into())));
        }
        for uri in ["", "/", "a/..", "http://host/a/"] {
            assert_eq!(basename(uri), Err(UriError::NoName(uri.into())));
        }
        for uri in ["a\\b", "a'b", "a\0b"] {
            assert_eq!(basename(uri), Err(UriError::Illegal));
        }
    }

    #[test]
    fn sources_are_local_or_on_the_net() {
        let local = |path: &str| Ok(Source::Local(path.into()));
        assert_eq!(source("/a/b", None), local("/a/b"));
        assert_eq!(source("file:///a/b", None), local("/a/b"));
        assert_eq!(source("file://localhost/a/b", None), local("/a/b"));
        assert_eq!(source("file://a/b", None), Err(UriError::RelativeFile));
        assert_eq!(source("a/b", Some("/home")), local("/home/a/b"));
        assert_eq!(source("a/b", None), Err(UriError::NoHome));
        assert_eq!(source("a/b", Some("")), Err(UriError::NoHome));
        let http = |uri: &str| Ok(Source::Http(uri.into()));
        assert_eq!(source(" HTTPS://h/a", None), http("HTTPS://h/a"));
        assert_eq!(
            source("hdfs://h/a", None),
            Err(UriError::Scheme("hdfs".into()))
        );
    }

    #[test]
    fn chosen_names_stay_in_the_sandbox() {
        for path in ["a", "a/b", "./a"] {
            assert_eq!(output_file(path), Ok(path.into()));
        }
        assert_eq!(output_file(""), Err(UriError::EmptyOutput));
        for path in ["/a", "../a", "a/../../b", "a/..", "."] {
            assert_eq!(output_file(path), Err(UriError::OutsideOutput), "{path}");
        }
    }
}
