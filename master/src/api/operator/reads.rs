//! Operators' calls that only read, or that the master itself need not know of.

use std::sync::Arc;

use actors::daemon::Build;
use actors::v1_api;
use master_core::Snapshot;
use master_core::views::{Output, operator as views};
use messages::v1::master::response::{
    GetFlags, GetHealth, GetLoggingLevel, GetMetrics, GetVersion, ListFiles, ReadFile,
    Type as Answer,
};
use messages::v1::master::{Call, Response as Message, call::Type};
use runtime::http::{Responder, Response};
use runtime::{Node, logging};

use super::form;
use crate::actor::Published;
use crate::api::About;
use crate::api::reads::not_leading;
use crate::api::shared::Shared;
use crate::media::Media;

/// What answers are made of. Clones share it.
#[derive(Clone)]
pub(super) struct Reads {
    published: Published,
    about: Arc<About>,
    node: Node,
    large: Arc<Large>,
}

type View = fn(&Snapshot, views::Form, &mut Output);

/// Answers that grow with the cluster, by call and form.
#[derive(Default)]
struct Large {
    state: [Shared; 2],
    agents: [Shared; 2],
    frameworks: [Shared; 2],
    executors: [Shared; 2],
    tasks: [Shared; 2],
}

impl Reads {
    pub(super) fn new(published: &Published, about: &About, node: &Node) -> Self {
        Self {
            published: published.clone(),
            about: Arc::new(about.clone()),
            node: node.clone(),
            large: Arc::default(),
        }
    }

    pub(super) fn not_leading(&self) -> Option<Response> {
        not_leading(&self.published.load())
    }

    /// Answers a call. What grows with the cluster or blocks on the disk is made on a
    /// thread aside, so that other connections of the HTTP thread go on.
    pub(super) fn answer(&self, kind: Type, call: Call, media: Media, responder: Responder) {
        if let Some(response) = self.small(kind, &call, media) {
            return responder.answer(response);
        }
        let reads = self.clone();
        self.node.aside(move || match reads.shared(kind, media) {
            Some((shared, view)) => {
                let ask = move |body| responder.answer(Response::parts(media.name(), body));
                shared.answer(&reads.published, Box::new(ask), |snapshot, out| {
                    view(snapshot, form(media), out);
                });
            }
            None => responder.answer(reads.large(kind, call, media)),
        });
    }

    /// Whose answer is shared, and how it is written.
    fn shared(&self, kind: Type, media: Media) -> Option<(&Shared, View)> {
        let large = &self.large;
        let (forms, view): (_, View) = match kind {
            Type::GetState => (&large.state, views::get_state),
            Type::GetAgents => (&large.agents, views::get_agents),
            Type::GetFrameworks => (&large.frameworks, views::get_frameworks),
            Type::GetExecutors => (&large.executors, views::get_executors),
            Type::GetTasks => (&large.tasks, views::get_tasks),
            _ => return None,
        };
        let [json, protobuf] = forms;
        Some(match media {
            Media::Json => (json, view),
            Media::Protobuf => (protobuf, view),
        })
    }

    /// What is small.
    fn small(&self, kind: Type, call: &Call, media: Media) -> Option<Response> {
        let snapshot = self.published.load();
        let message = match kind {
            Type::GetHealth => Message {
                get_health: Some(GetHealth { healthy: true }),
                ..empty(Answer::GetHealth)
            },
            Type::GetFlags => Message {
                get_flags: Some(GetFlags {
                    flags: v1_api::flags(&self.about.flags),
                }),
                ..empty(Answer::GetFlags)
            },
            Type::GetVersion => {
                let version_info = v1_api::version(&Build::current());
                let get_version = Some(GetVersion { version_info });
                Message {
                    get_version,
                    ..empty(Answer::GetVersion)
                }
            }
            Type::GetLoggingLevel => {
                let level = u32::from(logging::verbosity());
                let get_logging_level = Some(GetLoggingLevel { level });
                Message {
                    get_logging_level,
                    ..empty(Answer::GetLoggingLevel)
                }
            }
            Type::SetLoggingLevel => {
                let set = call.set_logging_level.as_ref()?;
                return Some(v1_api::set_logging_level(set.level, &set.duration));
            }
            Type::GetWeights => views::get_weights(&snapshot),
            Type::GetMaster => views::get_master(&snapshot),
            Type::GetOperations => views::get_operations(),
            Type::GetMaintenanceStatus => views::get_maintenance_status(),
            Type::GetMaintenanceSchedule => views::get_maintenance_schedule(),
            Type::GetQuota => views::get_quota(),
            _ => return None,
        };
        Some(media.answer(&message))
    }

    /// What takes long; and what is not supported.
    fn large(&self, kind: Type, call: Call, media: Media) -> Response {
        match kind {
            Type::GetRoles => media.answer(&views::get_roles(&self.published.load())),
            Type::GetMetrics => {
                let metrics = v1_api::metrics(self.node.metrics());
                let get_metrics = Some(GetMetrics { metrics });
                media.answer(&Message {
                    get_metrics,
                    ..empty(Answer::GetMetrics)
                })
            }
            Type::ListFiles => self.list_files(&call.list_files.unwrap_or_default().path, media),
            Type::ReadFile => {
                let file = call.read_file.unwrap_or_default();
                self.read_file(&file.path, file.offset, file.length, media)
            }
            Type::Unknown => Response::text(501, "501 Not Implemented."),
            other => Response::text(501, format!("{} is not supported", other.as_str_name())),
        }
    }

    fn list_files(&self, path: &str, media: Media) -> Response {
        match v1_api::list_files(&self.about.files, path) {
            Ok(file_infos) => {
                let list_files = Some(ListFiles { file_infos });
                media.answer(&Message {
                    list_files,
                    ..empty(Answer::ListFiles)
                })
            }
            Err(response) => response,
        }
    }

    fn read_file(&self, path: &str, offset: u64, length: Option<u64>, media: Media) -> Response {
        match v1_api::read_file(&self.about.files, path, offset, length) {
            Ok((size, data)) => {
                let read_file = Some(ReadFile {
                    size,
                    data: data.into(),
                });
                media.answer(&Message {
                    read_file,
                    ..empty(Answer::ReadFile)
                })
            }
            Err(response) => response,
        }
    }
}

fn empty(kind: Answer) -> Message {
    Message {
        r#type: Some(kind.into()),
        ..Message::default()
    }
}
