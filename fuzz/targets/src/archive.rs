//! Archives that tasks name (G7): whatever they hold, it stays in the sandbox.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

const NAMES: [&str; 6] = ["a.tar", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.zip", "a.gz"];

const SECRET: &[u8] = b"beside the sandbox";

/// The first byte chooses the format. Nothing beside the sandbox is made, changed or
/// removed.
pub(crate) fn run(data: &[u8]) {
    let Some((format, archive)) = data.split_first() else {
        return;
    };
    let Some(name) = NAMES.get(usize::from(*format) % NAMES.len()) else {
        return;
    };
    let folder = TempDir::new().expect("a temporary folder");
    let at = |path: &str| folder.path().join(path);
    prepare(&at, name, archive).expect("a temporary folder takes files");
    let orders = json!({
        "sandbox_directory": at("sandbox"),
        "items": [{"uri": {"value": at(name), "extract": true}, "action": "BYPASS_CACHE"}],
    });
    let _ = fetcher::run(&orders.to_string(), &mut |_| {});

    let beside: Vec<_> = names(folder.path());
    let mut expected = vec![
        (*name).to_owned(),
        "sandbox".to_owned(),
        "secret".to_owned(),
    ];
    expected.sort();
    assert_eq!(
        beside, expected,
        "something was unpacked beside the sandbox"
    );
    assert_eq!(fs::read(at("secret")).ok().as_deref(), Some(SECRET));
    assert!(archive == fs::read(at(name)).expect("it is still there"));
}

fn prepare(
    at: &impl Fn(&str) -> std::path::PathBuf,
    name: &str,
    archive: &[u8],
) -> std::io::Result<()> {
    fs::create_dir(at("sandbox"))?;
    fs::write(at("secret"), SECRET)?;
    fs::write(at(name), archive)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A tar header and its content, padded.
fn tar_entry(name: &str, kind: u8, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [b' '; 512];
    let mut put = |at: usize, width: usize, text: &[u8]| {
        let field = header.iter_mut().skip(at).take(width);
        let padded = text.iter().copied().chain(std::iter::repeat(0));
        field.zip(padded).for_each(|(byte, new)| *byte = new);
    };
    put(0, 100, name.as_bytes());
    put(100, 8, b"0000644");
    put(108, 8, b"0000000");
    put(116, 8, b"0000000");
    put(124, 12, format!("{:011o}", content.len()).as_bytes());
    put(136, 12, b"00000000000");
    put(156, 1, &[kind]);
    put(157, 100, link.as_bytes());
    put(257, 8, b"ustar\x0000");
    put(265, 247, b"");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    header
        .iter_mut()
        .skip(148)
        .zip(sum.bytes())
        .for_each(|(byte, new)| *byte = new);
    let padding = vec![0; content.len().next_multiple_of(512) - content.len()];
    [header.as_slice(), content, &padding].concat()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let end = vec![0; 1024];
    let tar = |entries: &[Vec<u8>]| [vec![0], entries.concat(), end.clone()].concat();
    let mut zip = vec![4];
    zip.extend_from_slice(
        b"PK\x03\x04\x0a\0\0\0\0\0\0\0\x21\0\xd4\x86\x5e\xd8\x02\0\0\0\x02\0\0\0\x01\0\0\0ahi\
          PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\x21\0\xd4\x86\x5e\xd8\x02\0\0\0\x02\0\0\0\x01\0\0\0\
          \0\0\0\0\0\0\0\0\xa4\x81\0\0\0\0a\
          PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\x21\0\0\0\0\0",
    );
    vec![
        tar(&[
            tar_entry("d/", b'5', "", b""),
            tar_entry("d/file", b'0', "", b"hello"),
            tar_entry("link", b'2', "d/file", b""),
        ]),
        tar(&[
            tar_entry("up", b'2', "..", b""),
            tar_entry("up/made", b'0', "", b"outside"),
        ]),
        tar(&[tar_entry("../made", b'0', "", b"outside")]),
        tar(&[
            tar_entry("hard", b'1', "../secret", b""),
            tar_entry("hard", b'0', "", b"overwritten"),
        ]),
        zip,
        b"\x05\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x04\0\x43\xbe\xb7\xe8\x01\0\0\0".to_vec(),
        b"\x03\xfd7zXZ\0\0\x04".to_vec(),
        b"\x02BZh9".to_vec(),
    ]
}
