//! Virtual paths of `/files` (E17).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use actors::daemon::FileRoots;
use tempfile::TempDir;

const SECRET: &[u8] = b"a secret beside the sandbox";
const OPEN: &[u8] = b"what anybody may read";

struct Tree {
    _folder: TempDir,
    roots: FileRoots,
}

fn tree() -> std::io::Result<Tree> {
    let folder = TempDir::new()?;
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("sandbox/sub"))?;
    fs::write(at("secret"), SECRET)?;
    fs::write(at("sandbox/stdout"), OPEN)?;
    fs::write(at("sandbox/sub/file"), OPEN)?;
    symlink(at("secret"), at("sandbox/leak"))?;
    symlink("..", at("sandbox/up"))?;
    symlink("sub", at("sandbox/link"))?;
    let roots = FileRoots::default();
    roots.attach(at("sandbox"), "/frameworks/f/executors/e/runs/latest");
    roots.attach(at("sandbox/stdout"), "/slave/log");
    Ok(Tree {
        _folder: folder,
        roots,
    })
}

thread_local! {
    static TREE: Tree = tree().expect("a temporary folder");
}

/// No path leads out of what was attached.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    TREE.with(|Tree { roots, .. }| {
        if let Ok((size, content)) = roots.read(&text, 0, None) {
            assert_eq!(content, OPEN, "{text:?}");
            assert_eq!(size, OPEN.len() as u64);
        }
        if let Ok(entries) = roots.list(&text) {
            for entry in entries {
                assert_ne!(
                    Path::new(&entry.path).file_name(),
                    Some("secret".as_ref()),
                    "{text:?}"
                );
            }
        }
    });
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"/slave/log",
        b"/frameworks/f/executors/e/runs/latest/stdout",
        b"/frameworks/f/executors/e/runs/latest/../../secret",
        b"/frameworks/f/executors/e/runs/latest/leak",
        b"/frameworks/f/executors/e/runs/latest/up/secret",
        b"/frameworks/f/executors/e/runs/latest//link/./file",
        b"/slave/log/\0",
    ])
}
