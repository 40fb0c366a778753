//! `/files/*`: browsing, reading and downloading what was attached, and nothing else
//! (E17, E18).

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use messages::v1;
use runtime::http::{Body, Help, Published, Request, Response};
use runtime::{Actor, Context, Declaration};
use serde_json::{Value, json};
use thiserror::Error;

/// The most that one read returns: sixteen pages.
const READ_MAX: u64 = 16 * 4096;
/// The most entries that a listing shows.
const ENTRIES_MAX: usize = 100_000;

/// Virtual paths and the real ones behind them. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct FileRoots {
    attached: Arc<RwLock<BTreeMap<String, PathBuf>>>,
}

impl FileRoots {
    /// Lets `real`, and all below it if it is a directory, be read as `shown`.
    pub fn attach(&self, real: impl Into<PathBuf>, shown: impl Into<String>) {
        let shown = normalize(&shown.into());
        self.attached
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(shown, real.into());
    }

    /// Takes a virtual path away.
    pub fn detach(&self, shown: &str) {
        self.attached
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&normalize(shown));
    }

    /// The real path behind a virtual one. Links that lead out of what was attached lead
    /// nowhere.
    fn resolve(&self, shown: &str) -> Option<PathBuf> {
        let shown = normalize(shown);
        let is_plain = Path::new(&shown)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::RootDir));
        if !is_plain {
            return None;
        }
        let attached = self.attached.read().unwrap_or_else(PoisonError::into_inner);
        let mut prefix = shown.as_str();
        loop {
            if let Some(root) = attached.get(prefix) {
                let root = root.canonicalize().ok()?;
                let rest = shown.get(prefix.len()..)?.trim_start_matches('/');
                let real = if rest.is_empty() {
                    root.clone()
                } else {
                    root.join(rest)
                };
                let real = real.canonicalize().ok()?;
                return real.starts_with(&root).then_some(real);
            }
            prefix = match prefix.rfind('/') {
                Some(at) => prefix.get(..at)?,
                None => return None,
            };
        }
    }

    /// What lies in a directory, in the order of paths.
    ///
    /// # Errors
    ///
    /// There is no such directory.
    pub fn list(&self, shown: &str) -> Result<Vec<v1::FileInfo>, FilesError> {
        let real = self.resolve(shown).ok_or(FilesError::NotFound)?;
        let entries = fs::read_dir(&real).map_err(|_| FilesError::NotFound)?;
        let mut listed: Vec<_> = entries
            .take(ENTRIES_MAX)
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                let metadata = fs::symlink_metadata(entry.path()).ok()?;
                Some(describe(format!("{}/{name}", normalize(shown)), &metadata))
            })
            .collect();
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listed)
    }

    /// A file's size, and at most sixteen pages of it from `offset` on.
    ///
    /// # Errors
    ///
    /// There is no such file, or it cannot be read.
    pub fn read(
        &self,
        shown: &str,
        offset: u64,
        length: Option<u64>,
    ) -> Result<(u64, Vec<u8>), FilesError> {
        let real = self.resolve(shown).ok_or(FilesError::NotFound)?;
        let failed = |error| FilesError::Io {
            path: shown.to_owned(),
            error,
        };
        let (mut file, metadata) = open(&real).map_err(failed)?;
        check_kind(&metadata)?;
        let length = length.unwrap_or(READ_MAX).min(READ_MAX);
        let mut data = Vec::new();
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        file.take(length).read_to_end(&mut data).map_err(failed)?;
        Ok((metadata.len(), data))
    }

    fn attached(&self) -> Value {
        let attached = self.attached.read().unwrap_or_else(PoisonError::into_inner);
        attached
            .iter()
            .map(|(shown, real)| (shown.clone(), Value::from(real.display().to_string())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// Why a file cannot be shown. The texts are upstream's.
#[derive(Debug, Error)]
pub enum FilesError {
    /// Nothing was attached there, or it is gone.
    #[error("")]
    NotFound,
    /// It is not a file.
    #[error("Cannot read a directory.\n")]
    Directory,
    /// It is a pipe, a socket or a device: reading it might never end.
    #[error("Cannot read what is not a file.\n")]
    Special,
    /// The system refuses.
    #[error("Failed to read '{path}': {error}.\n")]
    Io {
        /// The virtual path.
        path: String,
        /// Why.
        error: std::io::Error,
    },
}

impl FilesError {
    /// The HTTP status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Directory | Self::Special => 400,
            Self::Io { .. } => 500,
        }
    }

    fn response(&self) -> Response {
        Response::text(self.status(), self.to_string())
    }
}

/// Opens what may be anything: a task can put a pipe into its sandbox, and opening one
/// waits for its writer unless told not to.
fn open(path: &Path) -> std::io::Result<(fs::File, fs::Metadata)> {
    let mut options = fs::OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

fn check_kind(metadata: &fs::Metadata) -> Result<(), FilesError> {
    if metadata.is_dir() {
        Err(FilesError::Directory)
    } else if metadata.is_file() {
        Ok(())
    } else {
        Err(FilesError::Special)
    }
}

/// Virtual paths are kept without a slash at the end, and with one at the start unless
/// they have none.
fn normalize(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

/// The actor `files`. It only publishes: reading is done on threads aside.
#[derive(Debug)]
pub struct Files {
    roots: FileRoots,
}

impl Files {
    /// Serves what is attached to `roots`.
    pub const fn new(roots: FileRoots) -> Self {
        Self { roots }
    }
}

impl Actor for Files {
    const KIND: &'static str = "files";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        type Serve = fn(&FileRoots, &Request) -> Response;
        let endpoints: [(&str, &'static str, &'static str, Serve); 4] = [
            (
                "browse",
                "Lists a directory.",
                "`?path=`: a list of {path, mode, nlink, uid, gid, size, mtime}.",
                browse,
            ),
            (
                "read",
                "Reads a part of a file.",
                "`?path=&offset=&length=`: {data, offset}; offset -1 tells the size.",
                read,
            ),
            (
                "download",
                "Downloads a file.",
                "`?path=`: the file as an attachment.",
                download,
            ),
            (
                "debug",
                "Lists what may be read.",
                "A JSON object from virtual to real paths.",
                |roots, _| Response::json(&roots.attached()),
            ),
        ];
        for (path, summary, description, serve) in endpoints {
            let roots = self.roots.clone();
            context.publish(
                path,
                Published::heavy(Help::new(summary, description), move |request| {
                    serve(&roots, request)
                }),
            );
        }
    }
}

/// The `path` parameter, or the refusal for want of it.
fn wanted(request: &Request) -> Result<&str, Box<Response>> {
    match request.query("path") {
        Some(path) if !path.is_empty() => Ok(path),
        _ => Err(Box::new(Response::text(
            400,
            "Expecting 'path=value' in query.\n",
        ))),
    }
}

fn browse(roots: &FileRoots, request: &Request) -> Response {
    let shown = match wanted(request) {
        Ok(shown) => shown,
        Err(response) => return *response,
    };
    match roots.list(shown) {
        Ok(listed) => Response::json(&listed.into_iter().map(shown_info).collect::<Vec<_>>()),
        Err(error) => error.response(),
    }
}

fn describe(path: String, metadata: &fs::Metadata) -> v1::FileInfo {
    v1::FileInfo {
        path,
        nlink: i32::try_from(metadata.nlink()).ok(),
        size: Some(metadata.size()),
        mtime: Some(v1::TimeInfo {
            nanoseconds: metadata.mtime().saturating_mul(1_000_000_000),
        }),
        mode: Some(metadata.mode()),
        uid: Some(names::user(metadata.uid())),
        gid: Some(names::group(metadata.gid())),
    }
}

/// An entry as `/files/browse` shows it: the time in seconds, the mode as text.
fn shown_info(info: v1::FileInfo) -> Value {
    let seconds = info
        .mtime
        .map_or(0, |time| time.nanoseconds / 1_000_000_000);
    json!({
        "gid": info.gid,
        "mode": mode(info.mode.unwrap_or_default()),
        "mtime": seconds as f64,
        "nlink": info.nlink,
        "path": info.path,
        "size": info.size,
        "uid": info.uid,
    })
}

/// `-rw-r--r--`
fn mode(bits: u32) -> String {
    let kind = match bits & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o140_000 => 's',
        0o010_000 => 'p',
        0o060_000 => 'b',
        0o020_000 => 'c',
        _ => '-',
    };
    let mut text = String::from(kind);
    for (shift, special) in [(6, 0o4000), (3, 0o2000), (0, 0o1000)] {
        let part = bits >> shift;
        text.push(if part & 4 != 0 { 'r' } else { '-' });
        text.push(if part & 2 != 0 { 'w' } else { '-' });
        let mark = if special == 0o1000 { 't' } else { 's' };
        text.push(match (bits & special != 0, part & 1 != 0) {
            (true, true) => mark,
            (true, false) => mark.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

fn read(roots: &FileRoots, request: &Request) -> Response {
    let shown = match wanted(request) {
        Ok(shown) => shown,
        Err(response) => return *response,
    };
    let number = |name: &str, default: i64| match request.query(name) {
        None | Some("") => Ok(default),
        Some(text) => text.parse::<i64>().map_err(|_| {
            let text = format!("Failed to parse {name}: Failed to convert '{text}' to number.\n");
            Response::text(400, text)
        }),
    };
    let (offset, length) = match (number("offset", -1), number("length", -1)) {
        (Ok(offset), Ok(length)) => (offset, length),
        (Err(response), _) | (_, Err(response)) => return response,
    };
    if offset < -1 {
        return Response::text(400, format!("Negative offset provided: {offset}.\n"));
    }
    if length < -1 {
        return Response::text(400, format!("Negative length provided: {length}.\n"));
    }
    // Without an offset, or length, as much as there is: from the end, or to it.
    let (from, length) = match u64::try_from(offset) {
        Ok(offset) => (offset, u64::try_from(length).ok()),
        Err(_) => (0, Some(0)),
    };
    match roots.read(shown, from, length) {
        Ok((size, _)) if offset < 0 => Response::json(&json!({"data": "", "offset": size})),
        Ok((_, data)) => {
            Response::json(&json!({"data": String::from_utf8_lossy(&data), "offset": offset}))
        }
        Err(error) => error.response(),
    }
}

fn download(roots: &FileRoots, request: &Request) -> Response {
    let shown = match wanted(request) {
        Ok(shown) => shown,
        Err(response) => return *response,
    };
    let Some(real) = roots.resolve(shown) else {
        return Response::not_found();
    };
    let (file, metadata) = match open(&real) {
        Ok(opened) => opened,
        Err(error) => return Response::text(500, format!("Failed to open '{shown}': {error}\n")),
    };
    if metadata.is_dir() {
        return Response::text(400, "Cannot download a directory.\n");
    }
    if let Err(error) = check_kind(&metadata) {
        return error.response();
    }
    let name = shown.rsplit('/').next().unwrap_or(shown);
    let safe: String = name
        .chars()
        .filter(|c| !c.is_control() && *c != '"' && *c != '\\')
        .collect();
    Response {
        status: 200,
        headers: vec![
            ("Content-Type", content_type(name).to_owned()),
            (
                "Content-Disposition",
                format!("attachment; filename=\"{safe}\""),
            ),
        ],
        body: Body::File {
            file,
            length: metadata.len(),
        },
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" | "htm" => "text/html",
        "txt" | "log" => "text/plain",
        "json" => "application/json",
        "css" => "text/css",
        "js" => "text/javascript",
        "png" => "image/png",
        "gz" | "tgz" => "application/gzip",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

/// Names of users and groups; the number where there is none.
mod names {
    fn look_up(file: &str, id: u32) -> String {
        let wanted = id.to_string();
        std::fs::read_to_string(file)
            .unwrap_or_default()
            .lines()
            .find_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next()?;
                (fields.nth(1)? == wanted).then(|| name.to_owned())
            })
            .unwrap_or(wanted)
    }

    pub(super) fn user(id: u32) -> String {
        look_up("/etc/passwd", id)
    }

    pub(super) fn group(id: u32) -> String {
        look_up("/etc/group", id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_attached_can_be_reached() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = folder.path().join("sandbox");
        fs::create_dir(&sandbox).unwrap();
        fs::write(folder.path().join("secret"), "no").unwrap();
        fs::write(sandbox.join("stdout"), "hello").unwrap();
        std::os::unix::fs::symlink("../secret", sandbox.join("way-out")).unwrap();
        std::os::unix::fs::symlink("stdout", sandbox.join("within")).unwrap();
        let roots = FileRoots::default();
        roots.attach(&sandbox, "/frameworks/f/");
        assert!(roots.resolve("/frameworks/f/stdout").is_some());
        assert!(roots.resolve("/frameworks/f").is_some());
        assert!(roots.resolve("/frameworks/f/within").is_some());
        for refused in [
            "/frameworks/f/way-out",
            "/frameworks/f/../secret",
            "/frameworks",
            "/frameworks/f/missing",
            "/frameworks/foo",
            "",
        ] {
            assert_eq!(roots.resolve(refused), None, "{refused}");
        }
        roots.detach("/frameworks/f");
        assert_eq!(roots.resolve("/frameworks/f/stdout"), None);
    }

    #[test]
    fn parts_of_files_are_read_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("stdout"), "hello world").unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let roots = FileRoots::default();
        roots.attach(folder.path(), "/s");
        let read = |offset, length| roots.read("/s/stdout", offset, length).unwrap();
        assert_eq!(read(0, Some(0)), (11, Vec::new()));
        assert_eq!(read(6, Some(3)), (11, b"wor".to_vec()));
        assert_eq!(read(6, None), (11, b"world".to_vec()));
        assert_eq!(read(60, None), (11, Vec::new()));
        assert_eq!(roots.read("/s/sub", 0, None).unwrap_err().status(), 400);
        assert_eq!(roots.read("/s/none", 0, None).unwrap_err().status(), 404);
    }

    #[test]
    fn what_might_never_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let roots = FileRoots::default();
        roots.attach(folder.path(), "/s");
        roots.attach("/dev/zero", "/zero");
        for path in ["/s/pipe", "/zero"] {
            let error = roots.read(path, 0, None).unwrap_err();
            assert!(matches!(error, FilesError::Special), "{error}");
        }
    }

    #[test]
    fn directories_are_listed_by_path() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["stdout", "stderr"] {
            fs::write(folder.path().join(name), "12").unwrap();
        }
        let roots = FileRoots::default();
        roots.attach(folder.path(), "/s");
        let listed = roots.list("/s/").unwrap();
        let paths: Vec<_> = listed.iter().map(|info| info.path.as_str()).collect();
        assert_eq!(paths, ["/s/stderr", "/s/stdout"]);
        assert_eq!(listed[0].size, Some(2));
        let shown = shown_info(listed[0].clone());
        assert_eq!(shown["size"], 2);
        assert!(
            shown["mtime"].as_f64().is_some_and(|time| time > 1e9),
            "{shown}"
        );
        assert!(roots.list("/s/stdout").is_err());
    }

    #[test]
    fn modes_read_as_ls_prints_them() {
        assert_eq!(mode(0o100_644), "-rw-r--r--");
        assert_eq!(mode(0o040_750), "drwxr-x---");
        assert_eq!(mode(0o104_755), "-rwsr-xr-x");
        assert_eq!(mode(0o041_777), "drwxrwxrwt");
    }
}
