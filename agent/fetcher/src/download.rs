//! Bringing a resource from the net into a file.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use tokio::time::timeout;

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// TLS or the client itself cannot be set up.
    #[error("Error downloading resource: cannot set up the client: {0}")]
    Client(String),
    /// The request failed, or the answer broke off.
    #[error("Error downloading resource: {0}")]
    Transfer(String),
    /// The server answered something other than the resource.
    #[error("Error downloading resource, received HTTP return code {}", .0.as_u16())]
    Status(StatusCode),
    /// Nothing came for too long.
    #[error("Error downloading resource: nothing was received for {} seconds", .0.as_secs_f64())]
    Stalled(Duration),
    /// What came could not be written.
    #[error("Error downloading resource: cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Downloads `url` to `file`, piece by piece. Redirects are followed. If nothing comes for
/// `stall_timeout`, it is given up.
pub(crate) fn download(
    url: &str,
    file: &mut File,
    stall_timeout: Option<Duration>,
) -> Result<(), DownloadError> {
    // Fails only if there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(transfer(url, file, stall_timeout.unwrap_or(Duration::MAX)))
}

async fn transfer(
    url: &str,
    file: &mut File,
    stall_timeout: Duration,
) -> Result<(), DownloadError> {
    let client = Client::builder()
        .user_agent(concat!("mesos-fetcher/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| DownloadError::Client(reasons(&error)))?;
    let stalled = |_| DownloadError::Stalled(stall_timeout);
    let broken = |error: reqwest::Error| DownloadError::Transfer(reasons(&error));

    let request = client.get(url).send();
    let mut response = timeout(stall_timeout, request)
        .await
        .map_err(stalled)?
        .map_err(broken)?;
    if response.status() != StatusCode::OK {
        return Err(DownloadError::Status(response.status()));
    }
    loop {
        let chunk = timeout(stall_timeout, response.chunk())
            .await
            .map_err(stalled)?;
        match chunk.map_err(broken)? {
            Some(bytes) => file.write_all(&bytes)?,
            None => return Ok(()),
        }
    }
}

/// An error and what caused it: the first one alone says little.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
