//! An operator, who gives agents up for good and asks again until the master agrees.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::ids::AgentId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::events::Event;
use crate::observer::Observer;

/// How often the operator looks for something to do.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The agents to be given up.
#[derive(Clone, Default)]
pub struct Orders(Arc<Mutex<VecDeque<AgentId>>>);

impl Orders {
    pub fn give_up(&self, agent: AgentId) {
        self.queue().push_back(agent);
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<AgentId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<AgentId> {
        self.queue().front().cloned()
    }
}

/// Carries orders out, one after the other.
pub async fn run(orders: Orders, observer: Observer) -> turmoil::Result {
    loop {
        sleep(PAUSE).await;
        let Some(agent) = orders.next() else {
            continue;
        };
        let status = timeout(PATIENCE, mark_gone(&agent)).await;
        let status = status.ok().and_then(Result::ok).flatten();
        observer.note(Event::Operated(agent, status));
        // Not there: it was another agent's turn meanwhile.
        if matches!(status, Some(200 | 404)) {
            orders.queue().pop_front();
        }
    }
}

/// Asks the master once; gives the status of its answer.
async fn mark_gone(agent: &AgentId) -> io::Result<Option<u16>> {
    let mut socket = turmoil::net::TcpStream::connect("master:5050").await?;
    let body = format!(
        r#"{{"type":"MARK_AGENT_GONE","mark_agent_gone":{{"agent_id":{{"value":"{agent}"}}}}}}"#
    );
    let head = format!(
        "POST /api/v1 HTTP/1.1\r\nHost: master\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).await?;
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text
        .strip_prefix("HTTP/1.1 ")
        .and_then(|code| code.parse().ok()))
}
