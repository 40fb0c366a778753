//! V0's reads (section 5.1), and `/teardown`.

use std::sync::Arc;

use master_core::views::{self, Order, Output, TaskQuery};
use master_core::{Input, Snapshot};
use model::ids::FrameworkId;
use runtime::http::{Help, Method, Published as Endpoint, Request, Responder, Response};
use runtime::{Context, Node};

use super::About;
use super::shared::Shared;
use crate::actor::{Master, Published};
use crate::calls::{self, Audience};
use crate::media::Media;

const JSON: &str = "application/json";
/// How many tasks `/tasks` shows unless asked for more.
const TASK_LIMIT: usize = 100;

/// The answer to whom wants the state of a master that does not know it yet (V2).
pub(crate) fn not_leading(snapshot: &Snapshot) -> Option<Response> {
    let is_recovering = snapshot.elected.is_none();
    is_recovering.then(|| Response::text(503, "Master has not finished recovery"))
}

pub(crate) fn publish(published: &Published, about: &About, context: &Context<'_, Master>) {
    context.publish(
        "health",
        Endpoint::new(
            Help::new("Whether the master is up.", "200 if it is."),
            |_| Response::empty(200),
        ),
    );
    let leader = published.clone();
    context.publish(
        "redirect",
        Endpoint::new(
            Help::new("Leads to the leading master.", "307 to its address."),
            move |request| redirect(&leader.load(), request),
        ),
    );
    let views = Views {
        published: published.clone(),
        about: Arc::new(about.views()),
        node: context.node().clone(),
    };
    views.publish_large(context);
    views.publish_small(context);
    views.publish_unsupported(context);
    publish_teardown(published, context);
}

/// 307 to the leader itself; nothing below `/redirect` leads anywhere, or it would lead
/// there for ever.
fn redirect(snapshot: &Snapshot, request: &Request) -> Response {
    if request.path() != "redirect" {
        return Response::not_found();
    }
    let info = &snapshot.info;
    let ip = info.address.as_ref().and_then(|address| address.ip.clone());
    let host = info.hostname.clone().or(ip).unwrap_or_default();
    Response::empty(307).with("Location", format!("//{host}:{}", info.port))
}

/// What answers are made of.
#[derive(Clone)]
struct Views {
    published: Published,
    about: Arc<views::About>,
    node: Node,
}

type WriteLarge = fn(&Snapshot, &views::About, &Request, &mut Output);

impl Views {
    /// An answer in JSON, unless the master is still recovering.
    fn serve<W>(&self, write: W) -> impl Fn(&Request) -> Response + Send + Sync + use<W>
    where
        W: Fn(&Snapshot) -> Vec<u8> + Send + Sync,
    {
        let published = self.published.clone();
        move |_| {
            let snapshot = published.load();
            not_leading(&snapshot).unwrap_or_else(|| Response::json_bytes(write(&snapshot)))
        }
    }

    /// As [`Self::serve`], of an answer that grows with the cluster: it is written on a thread
    /// aside, and those who ask without any of the `parameters` share one.
    fn serve_shared(
        &self,
        parameters: &'static [&'static str],
        write: WriteLarge,
    ) -> impl Fn(Request, Responder) + Send + Sync + use<> {
        let views = self.clone();
        let shared = Arc::new(Shared::default());
        move |request, responder| {
            if let Some(response) = not_leading(&views.published.load()) {
                return responder.answer(response);
            }
            let (views, shared) = (views.clone(), Arc::clone(&shared));
            views.node.clone().aside(move || {
                let write = |snapshot: &Snapshot, out: &mut Output| {
                    write(snapshot, &views.about, &request, out);
                };
                if parameters.iter().any(|name| request.query(name).is_some()) {
                    let snapshot = views.published.load_full();
                    let body = Output::whole(|out| write(&snapshot, out));
                    responder.answer(Response::json_bytes(body));
                } else {
                    let ask = |body| responder.answer(Response::parts(JSON, body));
                    shared.answer(&views.published, Box::new(ask), write);
                }
            });
        }
    }

    /// Reads that grow with the cluster.
    fn publish_large(&self, context: &Context<'_, Master>) {
        let endpoints: [(&str, Help, &'static [&'static str], WriteLarge); 6] = [
            (
                "state",
                Help::new(
                    "All of the master's state.",
                    "Agents, frameworks, tasks and more.",
                ),
                &[],
                |snapshot, about, _, out| views::state(snapshot, about, out),
            ),
            (
                "state-summary",
                Help::new(
                    "Agents and frameworks in short.",
                    "With the number of their tasks by state.",
                ),
                &[],
                |snapshot, about, _, out| views::state_summary(snapshot, about, out),
            ),
            (
                "slaves",
                Help::new("All agents.", "`?slave_id=`: only this one."),
                &["slave_id"],
                |snapshot, _, request, out| views::agents(snapshot, request.query("slave_id"), out),
            ),
            (
                "frameworks",
                Help::new(
                    "All frameworks with their tasks.",
                    "`?framework_id=`: only this one.",
                ),
                &["framework_id"],
                |snapshot, _, request, out| {
                    views::frameworks(snapshot, request.query("framework_id"), out)
                },
            ),
            (
                "tasks",
                Help::new(
                    "Tasks of all frameworks.",
                    "`?limit=` (100; -1 for all), `offset=`, `order=asc|desc` by the time of \
                     their first status, `framework_id=`, `task_id=`.",
                ),
                &["limit", "offset", "order", "framework_id", "task_id"],
                |snapshot, _, request, out| views::tasks(snapshot, task_query(request), out),
            ),
            (
                "roles",
                Help::new(
                    "Roles and what is theirs.",
                    "Weights, resources and frameworks.",
                ),
                &[],
                |snapshot, _, _, out| views::roles(snapshot, out),
            ),
        ];
        for (path, help, parameters, write) in endpoints {
            let serve = self.serve_shared(parameters, write);
            context.publish(path, Endpoint::later(help, serve));
        }
    }

    /// Reads of what operators configure. Writing is not supported.
    fn publish_small(&self, context: &Context<'_, Master>) {
        type Write = fn(&Snapshot) -> Vec<u8>;
        let endpoints: [(&str, Help, &[&str], Write); 4] = [
            (
                "weights",
                Help::new("Weights of roles.", "A list of {role, weight}."),
                &["PUT"],
                views::weights,
            ),
            (
                "quota",
                Help::new("Quotas of roles.", "{infos: [...]}; no role has one."),
                &["POST", "DELETE"],
                |_| b"{}".to_vec(),
            ),
            (
                "maintenance/schedule",
                Help::new(
                    "Planned maintenance.",
                    "{windows: [...]}; nothing is planned.",
                ),
                &["POST"],
                |_| b"{}".to_vec(),
            ),
            (
                "maintenance/status",
                Help::new("Machines under maintenance.", "None is."),
                &[],
                |_| b"{}".to_vec(),
            ),
        ];
        for (path, help, writes, write) in endpoints {
            let read = self.serve(write);
            let serve = move |request: &Request| read_only(request, writes, &read);
            context.publish(path, Endpoint::new(help, serve));
        }
    }

    /// Operators' writes of features that do not exist: said so, rather than not found.
    fn publish_unsupported(&self, context: &Context<'_, Master>) {
        for path in [
            "reserve",
            "unreserve",
            "create-volumes",
            "destroy-volumes",
            "machine/down",
            "machine/up",
        ] {
            let published = self.published.clone();
            let help = Help::new("Not supported.", "POST is answered 501.");
            let serve = move |request: &Request| {
                not_leading(&published.load()).unwrap_or_else(|| unsupported(request, &["POST"]))
            };
            context.publish(path, Endpoint::new(help, serve));
        }
    }
}

/// Answers GET; of other methods says that they are not supported, or not known.
fn read_only(request: &Request, writes: &[&str], read: impl Fn(&Request) -> Response) -> Response {
    match request.method() {
        Method::Get | Method::Head => read(request),
        method if writes.contains(&method.name()) => unsupported(request, writes),
        other => Response::method_not_allowed(&[&["GET"], writes].concat(), other.name()),
    }
}

/// Says of `methods` that they are not supported, and of others that there are none.
fn unsupported(request: &Request, methods: &[&str]) -> Response {
    let method = request.method().name();
    if methods.contains(&method) {
        Response::text(
            501,
            format!("{method} /{} is not supported", request.path()),
        )
    } else {
        Response::method_not_allowed(methods, method)
    }
}

/// What `/tasks` is asked for. What is no number counts as not given.
fn task_query(request: &Request) -> TaskQuery<'_> {
    let number = |name| {
        request
            .query(name)
            .and_then(|text| text.parse::<i64>().ok())
    };
    let limit = match number("limit") {
        None => Some(TASK_LIMIT),
        // -1 is how clients ask for all.
        Some(limit) => usize::try_from(limit).ok(),
    };
    let offset = number("offset").unwrap_or_default();
    TaskQuery {
        limit,
        offset: usize::try_from(offset).unwrap_or(usize::MAX),
        order: match request.query("order") {
            Some("asc") => Order::Ascending,
            _ => Order::Descending,
        },
        framework: request.query("framework_id"),
        task: request.query("task_id"),
    }
}

fn publish_teardown(published: &Published, context: &Context<'_, Master>) {
    let master = context.handle();
    let published = published.clone();
    let help = Help::new(
        "Ends a framework with all that it runs.",
        "POST `frameworkId=` as a form; 200 when it is gone.",
    );
    context.publish(
        "teardown",
        Endpoint::later(help, move |request, responder| {
            let framework =
                not_leading(&published.load()).map_or_else(|| framework_to_end(&request), Err);
            let framework = match framework {
                Ok(framework) => framework,
                Err(response) => return responder.answer(response),
            };
            let waiting = calls::Call {
                responder,
                media: Media::Json,
                audience: Audience::Operator,
            };
            master.call(move |master, context| {
                master.call(
                    waiting,
                    |token| Input::Teardown { token, framework },
                    context,
                );
            });
        }),
    );
}

fn framework_to_end(request: &Request) -> Result<FrameworkId, Response> {
    if *request.method() != Method::Post {
        return Err(Response::method_not_allowed(
            &["POST"],
            request.method().name(),
        ));
    }
    let form = request.form().into_iter();
    form.rev()
        .find_map(|(name, value)| (name == "frameworkId").then(|| FrameworkId::from(value)))
        .ok_or_else(|| {
            Response::text(
                400,
                "Missing 'frameworkId' query parameter in the request body",
            )
        })
}
