//! `/help`: what every endpoint and message is for (L36).

use serde_json::{Value, json};

use crate::http::{Help, Request, Response};
use crate::node::Node;

struct Topic {
    id: String,
    name: String,
    text: String,
}

fn topics(node: &Node) -> Vec<Topic> {
    let mut topics: Vec<_> = node
        .inner
        .site
        .list()
        .into_iter()
        .map(|(id, path, help)| topic(&id, &path, &help))
        .collect();
    for mailbox in node.mailboxes() {
        let id = mailbox.pid.id.as_str();
        for (path, help) in mailbox.declared.endpoint_helps() {
            topics.push(topic(id, path, help));
        }
        for (path, published) in crate::sync::read(mailbox.published()).iter() {
            topics.push(topic(id, path, &published.help));
        }
        for (name, help) in mailbox.declared.message_names() {
            topics.push(Topic {
                id: id.to_owned(),
                name: format!("/{name}"),
                text: format!("### TL;DR; ###\n{help}\n\n### MESSAGE ###\n> POST /{id}/{name}\n"),
            });
        }
    }
    topics.sort_by(|a, b| (&a.id, &a.name).cmp(&(&b.id, &b.name)));
    topics
}

fn topic(id: &str, path: &str, help: &Help) -> Topic {
    Topic {
        id: id.to_owned(),
        name: format!("/{path}"),
        text: format!(
            "### TL;DR; ###\n{}\n\n### USAGE ###\n> /{id}/{path}\n\n### DESCRIPTION ###\n{}\n",
            help.summary, help.description
        ),
    }
}

pub(super) fn help(node: &Node, request: &Request) -> Response {
    let mut wanted = request.path().splitn(2, '/');
    let id = wanted.next().unwrap_or_default();
    let name = wanted.next().map(|name| format!("/{name}"));
    let topics: Vec<_> = topics(node)
        .into_iter()
        .filter(|topic| id.is_empty() || topic.id == id)
        .filter(|topic| name.as_ref().is_none_or(|name| topic.name == *name))
        .collect();
    if topics.is_empty() {
        return Response::not_found();
    }
    if request.query("format") == Some("json")
        || (request.header("accept").is_some() && !request.accepts("text/html"))
    {
        return Response::json(&help_json(&topics));
    }
    let text: String = topics
        .iter()
        .map(|topic| format!("## {}{} ##\n\n{}\n", topic.id, topic.name, topic.text))
        .collect();
    Response::text(200, text)
}

fn help_json(topics: &[Topic]) -> Value {
    let mut processes: Vec<(&str, Vec<Value>)> = Vec::new();
    for topic in topics {
        let endpoint = json!({"name": topic.name, "text": topic.text});
        match processes.last_mut() {
            Some((id, endpoints)) if *id == topic.id => endpoints.push(endpoint),
            _ => processes.push((&topic.id, vec![endpoint])),
        }
    }
    let processes: Vec<_> = processes
        .into_iter()
        .map(|(id, endpoints)| json!({"id": id, "endpoints": endpoints}))
        .collect();
    json!({"processes": processes})
}
