//! How many containers a second can be run to their end: `launch_rate LAUNCHER_DIR [COUNT
//! [AT_ONCE]]`, for a shell that ends at once and for a program alone.
//!
//! The sandboxes lie below `TMPDIR`. Where that is ext4 without a journal, runs shortly after
//! another slow down to a third: it avoids inodes freed in the last minutes, and searches for
//! others.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use containerizer::{
    ContainerConfig, Containerizer as _, Isolation, Limits, MesosContainerizer, Options,
};
use messages::v1::CommandInfo;
use tokio::sync::Semaphore;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let launcher_dir = arguments
        .next()
        .ok_or("name the directory of mesos-containerizer")?;
    let count = arguments.next().map_or(Ok(2000), |text| text.parse())?;
    let at_once = arguments.next().map_or(Ok(8), |text| text.parse())?;
    let containerizer = MesosContainerizer::new(Options {
        launcher_dir: launcher_dir.into(),
        frameworks_home: None,
        fetcher_stall_timeout: Duration::from_secs(60),
        isolation: Isolation::default(),
        template: None,
    })?;
    let work = std::env::temp_dir().join(format!("launch-rate-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for command in [
        CommandInfo {
            value: Some("true".into()),
            ..CommandInfo::default()
        },
        CommandInfo {
            shell: Some(false),
            value: Some("/bin/true".into()),
            ..CommandInfo::default()
        },
    ] {
        let began = Instant::now();
        runtime.block_on(run(&containerizer, &work, &command, count, at_once))?;
        let rate = count as f64 / began.elapsed().as_secs_f64();
        println!(
            "{rate:.0} containers/s, {at_once} at once, shell: {}",
            command.shell()
        );
    }
    containerizer::remove_tree(&work)?;
    Ok(())
}

async fn run(
    containerizer: &MesosContainerizer,
    work: &Path,
    command: &CommandInfo,
    count: usize,
    at_once: usize,
) -> Result<(), Box<dyn Error>> {
    let places = Arc::new(Semaphore::new(at_once));
    for number in 0..count {
        let place = Arc::clone(&places).acquire_owned().await?;
        let name = format!("{}-{number}", command.shell());
        let config = ContainerConfig {
            container_id: name.as_str().into(),
            command: command.clone(),
            container_info: None,
            directory: work.join(name),
            latest_link: None,
            environment: Vec::new(),
            user: None,
            limits: Limits::default(),
        };
        let container = config.container_id.clone();
        let launch = containerizer.launch(config);
        let containerizer = containerizer.clone();
        tokio::spawn(async move {
            if launch.await.is_ok() {
                containerizer.wait(&container).await;
            }
            drop(place);
        });
    }
    let all = u32::try_from(at_once)?;
    drop(places.acquire_many(all).await?);
    Ok(())
}
