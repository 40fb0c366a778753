//! The log in a redb file below the work directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::log::{Log, LogError, Pending, Position};

const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");

/// How many bytes of the file are kept in memory: entries are read once, at the start, and what
/// was written is not asked for again.
const CACHE: usize = 64 << 10;

/// A log in one file: `<work_dir>/replicated_log/registry.redb`.
#[derive(Debug)]
pub struct RedbLog {
    database: Arc<Database>,
}

impl RedbLog {
    /// Opens the log below `work_dir`, making it if there is none. Blocks; for start-up.
    pub fn open(work_dir: &Path) -> Result<Self, LogError> {
        let folder = work_dir.join("replicated_log");
        let path = folder.join("registry.redb");
        Self::create(&folder, &path)
            .map(|database| Self {
                database: Arc::new(database),
            })
            .map_err(|reason| LogError::Open {
                path: path.display().to_string(),
                reason,
            })
    }

    fn create(folder: &Path, path: &PathBuf) -> Result<Database, String> {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE);
        let database = builder.create(path).map_err(|error| error.to_string())?;
        let change = database.begin_write().map_err(|error| error.to_string())?;
        change
            .open_table(ENTRIES)
            .map_err(|error| error.to_string())?;
        change.commit().map_err(|error| error.to_string())?;
        Ok(database)
    }

    /// Runs `work` on a thread where it may block.
    fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error> + Send + 'static,
    ) -> Pending<T> {
        let database = Arc::clone(&self.database);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || work(&database))
                .await
                .map_err(|error| LogError::Storage(error.to_string()))?
                .map_err(|error| LogError::Storage(error.to_string()))
        })
    }
}

impl Log for RedbLog {
    fn read(&self) -> Pending<Vec<(Position, Vec<u8>)>> {
        self.aside(|database| {
            let view = database.begin_read()?;
            let entries = view.open_table(ENTRIES)?;
            let mut all = Vec::new();
            for entry in entries.iter()? {
                let (position, bytes) = entry?;
                all.push((Position(position.value()), bytes.value().to_vec()));
            }
            Ok(all)
        })
    }

    fn append(&self, entry: Vec<u8>) -> Pending<Position> {
        self.aside(move |database| {
            let change = database.begin_write()?;
            let position = {
                let mut entries = change.open_table(ENTRIES)?;
                let last = entries.last()?.map(|(position, _)| position.value());
                let position = last.map_or(0, |last| last + 1);
                entries.insert(position, entry.as_slice())?;
                position
            };
            change.commit()?;
            Ok(Position(position))
        })
    }

    fn truncate(&self, to: Position) -> Pending<()> {
        self.aside(move |database| {
            let change = database.begin_write()?;
            change
                .open_table(ENTRIES)?
                .retain(|position, _| position >= to.0)?;
            change.commit()?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn entries_survive_reopening_and_truncation_keeps_positions() {
        let folder = tempfile::tempdir().unwrap();
        {
            let log = RedbLog::open(folder.path()).unwrap();
            for entry in [b"a", b"b", b"c"] {
                log.append(entry.to_vec()).await.unwrap();
            }
            log.truncate(Position(2)).await.unwrap();
        }
        let log = RedbLog::open(folder.path()).unwrap();
        assert_eq!(log.append(b"d".to_vec()).await.unwrap(), Position(3));
        let entries = log.read().await.unwrap();
        assert_eq!(
            entries,
            [(Position(2), b"c".to_vec()), (Position(3), b"d".to_vec())]
        );
    }

    #[test]
    fn a_log_that_cannot_be_opened_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = RedbLog::open(&file).unwrap_err();
        assert!(error.to_string().contains("registry.redb"), "{error}");
    }
}
