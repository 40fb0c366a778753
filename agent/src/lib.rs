//! The agent daemon: actors, HTTP, files and containers around the pure core.
