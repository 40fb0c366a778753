//! Carrying out what the core decided.

use agent_core::{Answer, CallId, Effect, Input, Outgoing};
use messages::v1::executor::Event;
use runtime::http::{Response, StreamHead};
use runtime::{Context, Pid};
use tracing::{error, info};

use crate::actor::{Agent, Waiting};
use crate::daemon::Ended;

/// The executors' event streams.
pub(crate) type Streams = actors::v1_api::Streams<StreamNumber>;

/// A stream by the number of the call that opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamNumber(CallId);

impl std::fmt::Display for StreamNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.0.fmt(f)
    }
}

impl Agent {
    pub(crate) fn perform(&mut self, effect: Effect, context: &mut Context<'_, Self>) {
        match effect {
            Effect::Link(pid) => context.link(&pid),
            Effect::Send { to, message } => send(&to, *message, context),
            Effect::Answer { call_id, answer } => self.answer(call_id, answer, context),
            Effect::SendEvent { stream, event } => self.send_event(stream, &event, context),
            Effect::CloseStream(stream) => self.streams.close(StreamNumber(stream)),
            Effect::SetTimer { timer, after } => {
                self.cancel_timer(&timer, context);
                let name = timer.clone();
                let set = context.after(after, move |agent, context| {
                    agent.timers.remove(&name);
                    agent.input(Input::Timer(name), context);
                });
                self.timers.insert(timer, set);
            }
            Effect::CancelTimer(timer) => self.cancel_timer(&timer, context),
            Effect::DetectMaster => self.detect(None, context),
            Effect::LaunchContainer(launch) => self.launch_container(*launch, context),
            Effect::UpdateContainer {
                container_id,
                sequence,
                resources,
                limits,
            } => {
                self.update_container(container_id, sequence, &resources, &limits, context);
            }
            Effect::DestroyContainer(id) => self.destroy_container(&id, context),
            Effect::AttachFile { path, virtual_path } => self.files.attach(path, virtual_path),
            Effect::DetachFile { virtual_path } => self.files.detach(&virtual_path),
            Effect::CheckDisk => {
                let usage = self.ports.disk.usage(&self.work_dir);
                context.run(usage, |agent, usage, context| {
                    agent.input(Input::DiskUsage(usage), context);
                });
            }
            Effect::FindFormerAgents => {
                let finding = self
                    .ports
                    .disk
                    .former(agent_core::paths::agents(&self.work_dir));
                context.run(finding, |agent, found, context| match found {
                    Ok(found) => agent.input(Input::FormerAgents(found), context),
                    Err(error) => error!("cannot look for folders of former agents: {error}"),
                });
            }
            Effect::RemovePath(path) => {
                let removing = self.ports.disk.remove(path.clone());
                context.run(removing, move |agent, result, context| {
                    agent.input(Input::PathRemoved { path, result }, context);
                });
            }
            Effect::AgentRegistered(id) => {
                let folder = agent_core::paths::agent(&self.work_dir, &id);
                let creating = self.ports.disk.create(folder.clone());
                context.run(creating, move |_, result, _| {
                    if let Err(error) = result {
                        error!("cannot create '{}': {error}", folder.display());
                    }
                });
            }
            Effect::Stop { reason, exit_code } => self.stop(Ended { reason, exit_code }, context),
        }
    }

    fn cancel_timer(&mut self, timer: &agent_core::Timer, context: &mut Context<'_, Self>) {
        if let Some(set) = self.timers.remove(timer) {
            context.cancel(set);
        }
    }

    fn answer(&mut self, call: CallId, answer: Answer, context: &mut Context<'_, Self>) {
        let Some(Waiting { responder, media }) = self.calls.take(call.0) else {
            return;
        };
        let response = match answer {
            Answer::Stream => {
                let headers = vec![("Content-Type", media.name().to_owned())];
                let head = StreamHead {
                    status: 200,
                    headers,
                };
                let writer = context.stream(responder, head, move |agent, context| {
                    agent.streams.close(StreamNumber(call));
                    agent.input(Input::StreamClosed(call), context);
                });
                return self.streams.open(StreamNumber(call), writer, media);
            }
            Answer::Accepted => Response::empty(202),
            Answer::BadRequest(text) => Response::text(400, text),
            Answer::Forbidden(text) => Response::text(403, text),
            Answer::NotImplemented => Response::empty(501),
        };
        responder.answer(response);
    }

    fn send_event(&mut self, stream: CallId, event: &Event, context: &mut Context<'_, Self>) {
        if !self.streams.send(StreamNumber(stream), event) {
            self.input(Input::StreamClosed(stream), context);
        }
    }

    fn stop(&mut self, ended: Ended, context: &mut Context<'_, Self>) {
        info!(reason = ended.reason, "the agent ends");
        if let Some(told) = self.ended.take() {
            let _ = told.send(ended);
        }
        context.stop();
    }
}

fn send(to: &Pid, message: Outgoing, context: &Context<'_, Agent>) {
    match message {
        Outgoing::Register(message) => context.send(to, message),
        Outgoing::Reregister(message) => context.send(to, message),
        Outgoing::Unregister(message) => context.send(to, message),
        Outgoing::Pong(message) => context.send(to, message),
        Outgoing::StatusUpdate(message) => context.send(to, message),
        Outgoing::ExitedExecutor(message) => context.send(to, message),
        Outgoing::ExecutorToFramework(message) => context.send(to, message),
        Outgoing::ExecutorRegistered(message) => context.send(to, *message),
        Outgoing::ExecutorReregistered(message) => context.send(to, *message),
        Outgoing::RunTask(message) => context.send(to, *message),
        Outgoing::KillTask(message) => context.send(to, message),
        Outgoing::StatusUpdateAcknowledgement(message) => context.send(to, message),
        Outgoing::FrameworkToExecutor(message) => context.send(to, message),
        Outgoing::ShutdownExecutor(message) => context.send(to, message),
    }
}
