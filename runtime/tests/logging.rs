//! Logging of a whole process: from events to files.

use std::fs;
use std::time::Duration;

use runtime::logging::{self, LoggingError, Settings, Severity, ToggleError};

#[test]
fn a_process_logs_to_files_and_its_verbosity_is_raised() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let settings = Settings {
        program: "test".to_owned(),
        log_dir: Some(dir.path().to_owned()),
        quiet: true,
        level: Severity::Info,
        verbosity: 0,
    };
    assert_eq!(logging::file(Severity::Info), None);
    assert_eq!(
        logging::toggle(1, Duration::ZERO),
        Err(ToggleError::NotStarted)
    );

    let guard = logging::start(settings.clone())?;
    tracing::debug!("unheard");
    tracing::error!("broken");
    logging::toggle(1, Duration::from_secs(3600))?;
    assert_eq!(logging::verbosity(), 1);
    tracing::debug!("heard");
    assert!(matches!(
        logging::start(settings),
        Err(LoggingError::AlreadyStarted)
    ));
    drop(guard);

    let read = |severity| fs::read_to_string(logging::file(severity).unwrap_or_default());
    let all = read(Severity::Info)?;
    assert!(all.contains("INFO level logging started!\n"), "{all}");
    assert!(
        all.contains("] broken\n") && all.contains("] heard\n"),
        "{all}"
    );
    assert!(!all.contains("unheard"), "{all}");
    let errors = read(Severity::Error)?;
    assert!(
        errors.contains("] broken\n") && !errors.contains("heard"),
        "{errors}"
    );
    assert_eq!(logging::dropped(), 0);
    Ok(())
}
