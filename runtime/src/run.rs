//! The event loop that a process runs its nodes in.

/// Runs `main` on this thread, which becomes the home of the nodes started in it, and
/// returns its result. Threads of actors end with the process.
pub fn run<F: Future>(main: F) -> F::Output {
    actix_rt::System::new().block_on(main)
}
