//! The fetcher as the agent runs it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use messages::fetcher::FetcherInfo;
use messages::fetcher::fetcher_info::{Item, item::Action};
use messages::v1::DurationInfo;
use messages::v1::command_info::Uri;
use tempfile::TempDir;

struct Fixture {
    work: TempDir,
    info: FetcherInfo,
}

struct Outcome {
    success: bool,
    log: String,
}

impl Outcome {
    fn reason(&self) -> &str {
        assert!(!self.success, "{}", self.log);
        self.log.lines().last().unwrap()
    }
}

impl Fixture {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("box")).unwrap();
        let sandbox_directory = work.path().join("box").display().to_string();
        Fixture {
            work,
            info: FetcherInfo {
                sandbox_directory,
                ..Default::default()
            },
        }
    }

    /// The path of something outside of the sandbox.
    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// The path of something inside.
    fn inside(&self, name: &str) -> PathBuf {
        self.work.path().join("box").join(name)
    }

    fn source(&self, name: &str, content: &[u8]) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    fn fetch(&mut self, uri: Uri) -> Outcome {
        let action = Action::BypassCache as i32;
        self.info.items = vec![Item {
            uri,
            action,
            cache_filename: None,
        }];
        let info = messages::json::to_json(&self.info).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_mesos-fetcher"))
            .env("MESOS_FETCHER_INFO", String::from_utf8(info).unwrap())
            .output()
            .unwrap();
        Outcome {
            success: output.status.success(),
            log: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn fetch_well(&mut self, uri: Uri) -> String {
        let outcome = self.fetch(uri);
        assert!(outcome.success, "{}", outcome.log);
        outcome.log
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.inside(name)).unwrap()
    }
}

fn uri(value: impl Into<String>) -> Uri {
    Uri {
        value: value.into(),
        ..Default::default()
    }
}

/// Answers one connection with `answer`, then holds it open until the client leaves.
fn serve(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        stream.write_all(&answer).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn local_files_are_copied_with_their_mode() {
    let mut fixture = Fixture::new();
    let path = fixture.source("\u{fc}ml\u{e4}ut", b"text");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    for value in [
        path.clone(),
        format!("file://{path}"),
        format!("file://localhost{path}"),
    ] {
        fixture.fetch_well(uri(value));
        assert_eq!(fixture.read("\u{fc}ml\u{e4}ut"), "text");
        assert_eq!(
            fs::metadata(fixture.inside("\u{fc}ml\u{e4}ut"))
                .unwrap()
                .mode()
                & 0o777,
            0o750
        );
        fs::remove_file(fixture.inside("\u{fc}ml\u{e4}ut")).unwrap();
    }
}

#[test]
fn relative_paths_start_from_the_frameworks_home() {
    let mut fixture = Fixture::new();
    fixture.source("a", b"text");
    assert!(
        fixture
            .fetch(uri("a"))
            .reason()
            .contains("framework home was not specified")
    );
    fixture.info.frameworks_home = Some(fixture.work.path().display().to_string());
    fixture.fetch_well(uri("a"));
    assert_eq!(fixture.read("a"), "text");
}

#[test]
fn a_file_can_be_given_a_name_and_a_mode() {
    let mut fixture = Fixture::new();
    let path = fixture.source("a.tgz", b"not an archive, and not to be unpacked");
    let output_file = Some("b/c/run".to_owned());
    fixture.fetch_well(Uri {
        executable: Some(true),
        output_file,
        ..uri(&path)
    });
    assert_eq!(
        fs::metadata(fixture.inside("b/c/run")).unwrap().mode() & 0o777,
        0o755
    );
    for name in ["/etc/x", "../x", ""] {
        let outcome = fixture.fetch(Uri {
            output_file: Some(name.into()),
            ..uri(&path)
        });
        assert!(
            outcome.reason().contains("URI output file"),
            "{}",
            outcome.log
        );
    }
}

#[test]
fn what_is_not_there_is_told() {
    let mut fixture = Fixture::new();
    let outcome = fixture.fetch(uri("/no/such/file"));
    assert_eq!(
        outcome.reason(),
        "Failed to fetch '/no/such/file': Failed to copy '/no/such/file': \
         No such file or directory (os error 2)"
    );
    assert!(
        fixture
            .fetch(uri("hdfs://host/a"))
            .reason()
            .contains("'hdfs' is not supported")
    );
    let directory = fixture.work.path().display().to_string();
    assert!(
        fixture
            .fetch(uri(directory))
            .reason()
            .ends_with("it is not a file")
    );
}

#[test]
fn orders_that_make_no_sense_are_told() {
    let fetcher = || Command::new(env!("CARGO_BIN_EXE_mesos-fetcher"));
    let without = fetcher().env_remove("MESOS_FETCHER_INFO").output().unwrap();
    assert_eq!(without.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&without.stderr).starts_with("Missing MESOS_FETCHER_INFO"));
    for info in ["", "{}", "[]", "{\"sandbox_directory\": \"/no/such\"}"] {
        let output = fetcher().env("MESOS_FETCHER_INFO", info).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{info}");
    }
}

#[test]
fn the_net_is_fetched_from() {
    let mut fixture = Fixture::new();
    let body = vec![b'x'; 3_000_000];
    let address = serve(ok(&body));
    fixture.fetch_well(uri(format!("http://{address}/dir/file?x=1")));
    assert_eq!(fs::read(fixture.inside("file?x=1")).unwrap(), body);
}

#[test]
fn redirects_are_followed() {
    let mut fixture = Fixture::new();
    let target = serve(ok(b"there"));
    let head = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{target}/other\r\nContent-Length: 0\r\n\r\n"
    );
    let address = serve(head.into_bytes());
    fixture.fetch_well(uri(format!("http://{address}/file")));
    assert_eq!(fixture.read("file"), "there");
}

#[test]
fn failures_of_the_net_are_told() {
    let mut fixture = Fixture::new();
    let missing = serve(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
    let outcome = fixture.fetch(uri(format!("http://{missing}/a")));
    assert!(
        outcome.reason().ends_with("received HTTP return code 404"),
        "{}",
        outcome.log
    );

    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let outcome = fixture.fetch(uri(format!("http://{closed}/a")));
    assert!(
        outcome.reason().contains("Connection refused"),
        "{}",
        outcome.log
    );

    // No TLS there; but that this is found out shows that ours works.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let outcome = fixture.fetch(uri(format!("https://{plain}/a")));
    assert!(
        outcome.reason().contains("Error downloading resource: "),
        "{}",
        outcome.log
    );
    assert!(!outcome.log.contains("panicked"), "{}", outcome.log);
}

#[test]
fn a_download_that_breaks_off_fails() {
    let mut fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            .unwrap();
    });
    let outcome = fixture.fetch(uri(format!("http://{address}/a")));
    assert!(
        outcome.reason().contains("Error downloading resource: "),
        "{}",
        outcome.log
    );
}

#[test]
fn a_download_that_stalls_is_given_up() {
    let mut fixture = Fixture::new();
    fixture.info.stall_timeout = Some(DurationInfo {
        nanoseconds: 50_000_000,
    });
    let address = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec());
    let outcome = fixture.fetch(uri(format!("http://{address}/a")));
    assert!(
        outcome
            .reason()
            .ends_with("nothing was received for 0.05 seconds"),
        "{}",
        outcome.log
    );
}

#[test]
fn that_there_is_no_cache_is_said() {
    let mut fixture = Fixture::new();
    let path = fixture.source("a", b"text");
    let log = fixture.fetch_well(Uri {
        cache: Some(true),
        ..uri(&path)
    });
    assert!(log.contains("is not cached"), "{log}");
    assert_eq!(fixture.read("a"), "text");
}

/// An archive of a folder, a program in it, and links to that.
fn tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_size(0);
    builder.append_data(&mut header, "dir", &b""[..]).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(4);
    header.set_mtime(1_000_000_000);
    builder
        .append_data(&mut header, "dir/\u{fc}ml\u{e4}ut", &b"text"[..])
        .unwrap();
    let long = format!("dir/{}", "long".repeat(60));
    builder
        .append_data(&mut header, long, &b"text"[..])
        .unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_entry_type(tar::EntryType::Symlink);
    builder
        .append_link(&mut header, "soft", "dir/\u{fc}ml\u{e4}ut")
        .unwrap();
    header.set_entry_type(tar::EntryType::Link);
    builder
        .append_link(&mut header, "hard", "dir/\u{fc}ml\u{e4}ut")
        .unwrap();
    builder.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn tape_archives_are_unpacked_however_they_are_compressed() {
    let archives = [
        ("a.tar", tar()),
        ("a.tgz", gz(&tar())),
        ("a.tar.gz", gz(&tar())),
        ("a.tbz2", bz2(&tar())),
        ("a.tar.bz2", bz2(&tar())),
        ("a.txz", xz(&tar())),
        ("a.tar.xz", xz(&tar())),
    ];
    for (name, archive) in archives {
        let mut fixture = Fixture::new();
        let path = fixture.source(name, &archive);
        fixture.fetch_well(uri(path));
        for file in ["dir/\u{fc}ml\u{e4}ut", "soft", "hard"] {
            assert_eq!(fixture.read(file), "text", "{name}");
        }
        assert_eq!(fixture.read(&format!("dir/{}", "long".repeat(60))), "text");
        let found = fs::metadata(fixture.inside("hard")).unwrap();
        assert_eq!(
            (found.mode() & 0o777, found.mtime()),
            (0o755, 1_000_000_000)
        );
        assert!(fixture.inside(name).exists(), "the archive itself stays");
    }
}

#[test]
fn zip_archives_are_unpacked() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    writer
        .add_directory("dir", options.unix_permissions(0o700))
        .unwrap();
    writer
        .start_file("dir/\u{fc}ml\u{e4}ut", options.unix_permissions(0o755))
        .unwrap();
    writer.write_all(b"text").unwrap();
    writer
        .add_symlink("soft", "dir/\u{fc}ml\u{e4}ut", options)
        .unwrap();
    let archive = writer.finish().unwrap().into_inner();

    let mut fixture = Fixture::new();
    let path = fixture.source("a.zip", &archive);
    fixture.fetch_well(uri(path));
    assert_eq!(fixture.read("soft"), "text");
    let mode = |name| fs::metadata(fixture.inside(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("dir"), mode("dir/\u{fc}ml\u{e4}ut")), (0o700, 0o755));
}

#[test]
fn a_compressed_file_is_unpacked_beside_itself() {
    let mut fixture = Fixture::new();
    let path = fixture.source("a.txt.gz", &gz(b"text"));
    fixture.fetch_well(uri(path));
    assert_eq!(fixture.read("a.txt"), "text");
}

#[test]
fn what_is_not_to_be_unpacked_is_not() {
    let mut fixture = Fixture::new();
    let path = fixture.source("a.tar", &tar());
    fixture.fetch_well(Uri {
        extract: Some(false),
        ..uri(path)
    });
    assert_eq!(fs::read_dir(fixture.inside("")).unwrap().count(), 1);
}

#[test]
fn a_broken_archive_is_told() {
    let mut fixture = Fixture::new();
    for name in ["a.tar", "a.tgz", "a.tbz2", "a.txz", "a.zip", "a.gz"] {
        let path = fixture.source(name, b"this is not what its name says, by far, or by near");
        let outcome = fixture.fetch(uri(path));
        assert!(
            outcome
                .reason()
                .contains(&format!("Failed to extract '{name}'")),
            "{name}"
        );
    }
}

/// An archive with one file of any name, which `tar` itself would not let us write.
fn tar_of(name: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(4);
    header.set_mode(0o644);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, &b"text"[..]).unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn no_archive_writes_outside_of_the_sandbox() {
    let mut fixture = Fixture::new();
    let path = fixture.source("a.tar", &tar_of("../evil"));
    let outcome = fixture.fetch(uri(path));
    assert!(
        outcome.reason().contains("leads out of the sandbox"),
        "{}",
        outcome.log
    );
    assert!(!fixture.path("evil").exists());

    fs::create_dir(fixture.path("outside")).unwrap();
    symlink(fixture.path("outside"), fixture.inside("link")).unwrap();
    let path = fixture.source("b.tar", &tar_of("link/evil"));
    fixture.fetch(uri(path)).reason();
    assert!(!fixture.path("outside/evil").exists());

    let source = fixture.source("c", b"text");
    let outcome = fixture.fetch(Uri {
        output_file: Some("link/evil".into()),
        ..uri(source)
    });
    outcome.reason();
    assert!(!fixture.path("outside/evil").exists());
}

#[test]
fn devices_are_not_unpacked() {
    let mut header = tar::Header::new_gnu();
    header.set_path("zero").unwrap();
    header.set_entry_type(tar::EntryType::Char);
    header.set_size(0);
    header.set_cksum();
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&header, &b""[..]).unwrap();
    let mut fixture = Fixture::new();
    let path = fixture.source("a.tar", &builder.into_inner().unwrap());
    let outcome = fixture.fetch(uri(path));
    assert!(
        outcome.reason().contains("are not unpacked"),
        "{}",
        outcome.log
    );
}

#[test]
fn a_name_without_end_is_not_read_into_memory() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_path("././@LongLink").unwrap();
    header.set_size(1 << 30);
    header.set_cksum();
    let archive = [&header.as_bytes()[..], &[b'x'; 4 << 20]].concat();
    let mut fixture = Fixture::new();
    let path = fixture.source("a.tar", &archive);
    let outcome = fixture.fetch(uri(path));
    assert!(outcome.reason().contains("too long"), "{}", outcome.log);
}

#[test]
fn files_are_fetched_as_the_tasks_user() {
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let mut fixture = Fixture::new();
    let daemon = nix::unistd::User::from_name("daemon").unwrap().unwrap();
    std::os::unix::fs::chown(fixture.inside(""), Some(daemon.uid.as_raw()), None).unwrap();
    fixture.info.user = Some("daemon".into());
    // The sandbox below a folder that is closed to the user, the sources elsewhere.
    let sources = tempfile::tempdir().unwrap();
    fs::set_permissions(sources.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let source = |name: &str, mode| {
        let path = sources.path().join(name);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"text").unwrap();
        file.set_permissions(fs::Permissions::from_mode(mode))
            .unwrap();
        path.display().to_string()
    };
    fixture.fetch_well(uri(source("open", 0o644)));
    let owner = |path: &Path| fs::metadata(path).unwrap().uid();
    assert_eq!(owner(&fixture.inside("open")), daemon.uid.as_raw());
    let outcome = fixture.fetch(uri(source("secret", 0o600)));
    assert!(
        outcome.reason().contains("Permission denied"),
        "{}",
        outcome.log
    );

    fixture.info.user = Some("no-such-user".into());
    let outcome = fixture.fetch(uri(source("open", 0o644)));
    assert_eq!(
        outcome.reason(),
        "cannot become user 'no-such-user': there is no such user"
    );
}
