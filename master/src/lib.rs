//! The master daemon: actors, HTTP, registrar and stores around the pure core.
