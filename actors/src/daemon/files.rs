//! `/files/*`: browsing, reading and downloading what was attached, and nothing else
//! (E17, E18).

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use runtime::http::{Body, Help, Published, Request, Response};
use runtime::{Actor, Context, Declaration};
use serde_json::{Value, json};

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
                let real = if rest.is_empty() { root.clone() } else { root.join(rest) };
                let real = real.canonicalize().ok()?;
                return real.starts_with(&root).then_some(real);
            }
            prefix = match prefix.rfind('/') {
                Some(at) => prefix.get(..at)?,
                None => return None,
            };
        }
    }

    fn list(&self) -> Value {
        let attached = self.attached.read().unwrap_or_else(PoisonError::into_inner);
        attached
            .iter()
            .map(|(shown, real)| (shown.clone(), Value::from(real.display().to_string())))
            .collect::<serde_json::Map<_, _>>()
            .into()
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
            ("browse", "Lists a directory.", "`?path=`: a list of {path, mode, nlink, uid, gid, size, mtime}.", browse),
            ("read", "Reads a part of a file.", "`?path=&offset=&length=`: {data, offset}; offset -1 tells the size.", read),
            ("download", "Downloads a file.", "`?path=`: the file as an attachment.", download),
            ("debug", "Lists what may be read.", "A JSON object from virtual to real paths.", |roots, _| {
                Response::json(&roots.list())
            }),
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
        _ => Err(Box::new(Response::text(400, "Expecting 'path=value' in query.\n"))),
    }
}

fn browse(roots: &FileRoots, request: &Request) -> Response {
    let shown = match wanted(request) {
        Ok(shown) => shown,
        Err(response) => return *response,
    };
    let Some(real) = roots.resolve(shown) else { return Response::text(404, "") };
    let Ok(entries) = fs::read_dir(&real) else { return Response::text(404, "") };
    let mut listed: Vec<_> = entries
        .take(ENTRIES_MAX)
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let metadata = fs::symlink_metadata(entry.path()).ok()?;
            let path = format!("{}/{name}", normalize(shown));
            Some((path.clone(), describe(path, &metadata)))
        })
        .collect();
    listed.sort_by(|a, b| a.0.cmp(&b.0));
    Response::json(&listed.into_iter().map(|(_, value)| value).collect::<Vec<_>>())
}

fn describe(path: String, metadata: &fs::Metadata) -> Value {
    json!({
        "gid": names::group(metadata.gid()),
        "mode": mode(metadata.mode()),
        "mtime": metadata.mtime() as f64,
        "nlink": metadata.nlink(),
        "path": path,
        "size": metadata.size(),
        "uid": names::user(metadata.uid()),
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
    let Some(real) = roots.resolve(shown) else { return Response::text(404, "") };
    match read_part(&real, offset, length) {
        Ok(Some(answer)) => Response::json(&answer),
        Ok(None) => Response::text(400, "Cannot read from a directory.\n"),
        Err(error) => Response::text(500, format!("Failed to read '{shown}': {error}\n")),
    }
}

/// `offset` -1 asks for the size alone; `length` -1 for as much as one read gives.
fn read_part(path: &Path, offset: i64, length: i64) -> std::io::Result<Option<Value>> {
    let mut file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Ok(None);
    }
    let size = metadata.len();
    let Ok(offset) = u64::try_from(offset) else {
        return Ok(Some(json!({"data": "", "offset": size})));
    };
    let length = u64::try_from(length).unwrap_or(READ_MAX).min(READ_MAX);
    let mut data = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(length).read_to_end(&mut data)?;
    Ok(Some(json!({"data": String::from_utf8_lossy(&data), "offset": offset})))
}

fn download(roots: &FileRoots, request: &Request) -> Response {
    let shown = match wanted(request) {
        Ok(shown) => shown,
        Err(response) => return *response,
    };
    let Some(real) = roots.resolve(shown) else { return Response::not_found() };
    let opened = fs::File::open(&real).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = match opened {
        Ok(opened) => opened,
        Err(error) => return Response::text(500, format!("Failed to open '{shown}': {error}\n")),
    };
    if metadata.is_dir() {
        return Response::text(400, "Cannot download a directory.\n");
    }
    let name = shown.rsplit('/').next().unwrap_or(shown);
    let safe: String = name.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
    Response {
        status: 200,
        headers: vec![
            ("Content-Type", content_type(name).to_owned()),
            ("Content-Disposition", format!("attachment; filename=\"{safe}\"")),
        ],
        body: Body::File { file, length: metadata.len() },
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
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hello world").unwrap();
        let read = |offset, length| read_part(file.path(), offset, length).unwrap().unwrap();
        assert_eq!(read(-1, -1), json!({"data": "", "offset": 11}));
        assert_eq!(read(6, 3), json!({"data": "wor", "offset": 6}));
        assert_eq!(read(6, -1), json!({"data": "world", "offset": 6}));
        assert_eq!(read(60, -1), json!({"data": "", "offset": 60}));
    }

    #[test]
    fn modes_read_as_ls_prints_them() {
        assert_eq!(mode(0o100_644), "-rw-r--r--");
        assert_eq!(mode(0o040_750), "drwxr-x---");
        assert_eq!(mode(0o104_755), "-rwsr-xr-x");
        assert_eq!(mode(0o041_777), "drwxrwxrwt");
    }
}
