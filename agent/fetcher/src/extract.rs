//! Unpacking archives into a sandbox.

mod tar;
mod zip;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::budget::Budget;
use crate::sandbox::Sandbox;

/// How much memory the decoding of one xz stream may take. `xz -9` needs 65 MiB.
const XZ_MEMORY_MAX_KIB: u32 = 256 * 1024;

/// What an archive is, which its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Tar,
    TarGz,
    TarBz2,
    TarXz,
    Zip,
    /// A single compressed file.
    Gz,
}

impl Format {
    const SUFFIXES: [(&str, Format); 9] = [
        (".tar", Format::Tar),
        (".tgz", Format::TarGz),
        (".tar.gz", Format::TarGz),
        (".tbz2", Format::TarBz2),
        (".tar.bz2", Format::TarBz2),
        (".txz", Format::TarXz),
        (".tar.xz", Format::TarXz),
        (".zip", Format::Zip),
        (".gz", Format::Gz),
    ];

    /// The format of a file of this name, if it is an archive.
    pub(crate) fn of(name: &str) -> Option<Format> {
        let known = Self::SUFFIXES
            .into_iter()
            .find(|(suffix, _)| name.ends_with(suffix));
        known.map(|(_, format)| format)
    }
}

/// Unpacks `archive`, which is open and named `name`, into the sandbox, as far as `budget`
/// allows.
pub(crate) fn extract(
    format: Format,
    archive: File,
    name: &Path,
    sandbox: &Sandbox,
    budget: &mut Budget,
) -> Result<(), io::Error> {
    let packed = BufReader::new(archive);
    match format {
        Format::Tar => tar::unpack(packed, sandbox, budget),
        Format::TarGz => tar::unpack(MultiGzDecoder::new(packed), sandbox, budget),
        Format::TarBz2 => tar::unpack(MultiBzDecoder::new(packed), sandbox, budget),
        Format::TarXz => {
            let decoder = XzReader::new_mem_limit(packed, true, XZ_MEMORY_MAX_KIB);
            tar::unpack(decoder, sandbox, budget)
        }
        Format::Zip => zip::unpack(packed, sandbox, budget),
        Format::Gz => gunzip(MultiGzDecoder::new(packed), name, sandbox, budget),
    }
}

/// Unpacks to the archive's own name without the suffix.
fn gunzip(
    content: impl Read,
    name: &Path,
    sandbox: &Sandbox,
    budget: &mut Budget,
) -> Result<(), io::Error> {
    const MODE: u32 = 0o644;
    let file = PathBuf::from(name.file_stem().unwrap_or_default());
    sandbox.write(&file, MODE, None, budget.meter(content))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: [u8; 1000] = [b'x'; 1000];

    fn tar() -> Vec<u8> {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(TEXT.len() as u64);
        let mut builder = ::tar::Builder::new(Vec::new());
        builder.append_data(&mut header, "text", &TEXT[..]).unwrap();
        builder.into_inner().unwrap()
    }

    fn zip() -> Vec<u8> {
        let mut writer = ::zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        writer
            .start_file("text", ::zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(&TEXT).unwrap();
        writer.finish().unwrap().into_inner()
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn no_archive_is_unpacked_beyond_its_allowance() {
        let work = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::open(work.path()).unwrap();
        let unpack = |format, packed: &[u8], bytes, entries| {
            let path = work.path().join("text.gz");
            std::fs::write(&path, packed).unwrap();
            let archive = File::open(&path).unwrap();
            let mut budget = Budget::new(bytes, entries);
            extract(format, archive, Path::new("text.gz"), &sandbox, &mut budget)
        };
        for (format, packed) in [
            (Format::Tar, tar()),
            (Format::TarGz, gz(&tar())),
            (Format::Zip, zip()),
            (Format::Gz, gz(&TEXT)),
        ] {
            unpack(format, &packed, 1000, 1).unwrap();
            let error = unpack(format, &packed, 999, 1).unwrap_err().to_string();
            assert!(error.ends_with("it unpacks to more than the 999 bytes allowed for it"));
        }
        for (format, packed) in [(Format::Tar, tar()), (Format::Zip, zip())] {
            unpack(format, &packed, 1000, 0).unwrap_err();
        }
    }

    #[test]
    fn names_tell_formats() {
        for (name, format) in [
            ("a.tar", Format::Tar),
            ("a.b.tgz", Format::TarGz),
            ("a.tar.gz", Format::TarGz),
            ("a.tar.bz2", Format::TarBz2),
            ("a.tbz2", Format::TarBz2),
            ("a.txz", Format::TarXz),
            ("a.tar.xz", Format::TarXz),
            ("a.zip", Format::Zip),
            ("a.gz", Format::Gz),
        ] {
            assert_eq!(Format::of(name), Some(format), "{name}");
        }
        for name in ["a", "a.xz", "a.tgz?x=1", "gz", "a.jar", "a.TGZ"] {
            assert_eq!(Format::of(name), None, "{name}");
        }
    }
}
