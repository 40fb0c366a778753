//! A framework on the scheduler driver, with masters that are the test.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use actors::detector::FixedDetector;
use actors::http_client::ContentType;
use actors::payload::Payload;
use actors::scheduler_driver::{
    CallError, CallId, Refusal, SchedulerActor, SchedulerConfig, SchedulerDriver, Transport,
};
use bytes::Bytes;
use messages::v1::scheduler::{Call, Event, call, event};
use messages::v1::{
    AgentId, ExecutorId, FrameworkId, FrameworkInfo, MasterInfo, Offer, OfferId, TaskId, TaskInfo,
    TaskState, TaskStatus,
};
use messages::{internal, scheduler};
use runtime::http::{Help, Request, Responder, Response, StreamHead, StreamWriter};
use runtime::{
    Actor, Context, Declaration, Handle, Node, NodeConfig, Pid, Placement, World, recordio,
};
use tokio::sync::mpsc;

const STREAM_ID: &str = "0a0b";

/// A master that leads, or knows who does.
struct Master {
    content_type: ContentType,
    leader: Option<String>,
    stream: Option<StreamWriter>,
    /// How the next call is answered, if not with 202.
    refusal: Option<(u16, &'static str)>,
    calls: mpsc::UnboundedSender<Call>,
}

impl Actor for Master {
    const KIND: &'static str = "fake-master";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.endpoint("api/v1/scheduler", Help::new("", ""), Self::call);
    }
}

impl Master {
    fn call(&mut self, request: Request, responder: Responder, context: &mut Context<'_, Self>) {
        if let Some(leader) = &self.leader {
            let location = format!("//{leader}/master/api/v1/scheduler");
            responder.answer(Response::empty(307).with("Location", location));
            return;
        }
        let media_type = self.content_type.media_type();
        assert_eq!(request.header("content-type"), Some(media_type));
        assert_eq!(request.header("accept"), Some(media_type));
        let call: Call = self.content_type.decode(request.body().clone()).unwrap();
        if call.r#type() == call::Type::Subscribe {
            let headers = vec![
                ("Content-Type", media_type.to_owned()),
                ("Mesos-Stream-Id", STREAM_ID.to_owned()),
            ];
            let head = StreamHead {
                status: 200,
                headers,
            };
            self.stream = Some(context.stream(responder, head, |master, _| master.stream = None));
            let framework_id = FrameworkId {
                value: "F".to_owned(),
            };
            let subscribed = event::Subscribed {
                framework_id,
                ..event::Subscribed::default()
            };
            self.send(&Event {
                subscribed: Some(subscribed),
                ..of(event::Type::Subscribed)
            });
        } else {
            assert_eq!(request.header("mesos-stream-id"), Some(STREAM_ID));
            responder.answer(match self.refusal.take() {
                Some((status, text)) => Response::text(status, text),
                None => Response::empty(202),
            });
        }
        self.calls.send(call).unwrap();
    }

    fn send(&self, event: &Event) {
        let record = recordio::encode(&self.content_type.encode(event).unwrap());
        self.stream.as_ref().unwrap().send(record).unwrap();
    }
}

fn of(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}

/// Launches a task on each offer, and tells what it hears.
struct Framework {
    driver: SchedulerDriver,
    news: mpsc::UnboundedSender<String>,
    tasks: Vec<TaskId>,
}

impl Framework {
    fn tell(&self, text: impl Into<String>) {
        self.news.send(text.into()).unwrap();
    }
}

impl Actor for Framework {
    const KIND: &'static str = "framework";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
    }
}

impl SchedulerActor for Framework {
    fn driver(&mut self) -> &mut SchedulerDriver {
        &mut self.driver
    }

    fn subscribed(&mut self, framework_id: &FrameworkId, _: &mut Context<'_, Self>) {
        self.tell(format!("subscribed {}", framework_id.value));
    }

    fn disconnected(&mut self, reason: &str, _: &mut Context<'_, Self>) {
        self.tell(format!("disconnected: {reason}"));
    }

    fn tasks(&self) -> Vec<(TaskId, Option<AgentId>)> {
        self.tasks.iter().map(|id| (id.clone(), None)).collect()
    }

    fn offers(&mut self, offers: Vec<Offer>, _: &mut Context<'_, Self>) {
        let ids: Vec<_> = offers.into_iter().map(|offer| offer.id).collect();
        self.driver
            .launch(ids.clone(), vec![TaskInfo::default()], None)
            .unwrap();
        let again = self.driver.decline(ids, None);
        assert!(matches!(again, Err(CallError::NoOffer(_))), "{again:?}");
    }

    fn update(&mut self, status: TaskStatus, _: &mut Context<'_, Self>) {
        self.tell(format!("{} {:?}", status.task_id.value, status.state()));
    }

    fn message(
        &mut self,
        _: AgentId,
        executor: ExecutorId,
        data: Bytes,
        _: &mut Context<'_, Self>,
    ) {
        let hello: Hello = Payload::read(&data).unwrap().get().unwrap().unwrap();
        self.tell(format!("{} says {}", executor.value, hello.text));
    }

    fn answered(&mut self, _: CallId, status: u16, _: &str, _: &mut Context<'_, Self>) {
        self.tell(format!("answered {status}"));
    }

    fn refused(&mut self, refusal: &Refusal, _: &mut Context<'_, Self>) {
        self.tell(format!("refused: {refusal}"));
    }

    fn left(&mut self, context: &mut Context<'_, Self>) {
        self.tell("left");
        context.stop();
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Hello {
    text: String,
}

runtime::message!(Hello = "test.Hello");

fn config(master: std::net::SocketAddr, transport: Transport, id: Option<&str>) -> SchedulerConfig {
    let master = FixedDetector::at(&master.to_string()).unwrap();
    let framework_info = FrameworkInfo {
        id: id.map(|id| FrameworkId {
            value: id.to_owned(),
        }),
        ..FrameworkInfo::default()
    };
    SchedulerConfig {
        transport,
        ..SchedulerConfig::new(master, framework_info)
    }
}

fn offer(id: &str) -> Offer {
    Offer {
        id: OfferId {
            value: id.to_owned(),
        },
        ..Offer::default()
    }
}

fn task(id: &str) -> TaskId {
    TaskId {
        value: id.to_owned(),
    }
}

fn status(task_id: &str, uuid: Option<&'static [u8; 16]>) -> TaskStatus {
    TaskStatus {
        task_id: task(task_id),
        state: TaskState::TaskRunning.into(),
        agent_id: Some(AgentId {
            value: "S".to_owned(),
        }),
        uuid: uuid.map(|uuid| Bytes::from_static(uuid)),
        ..TaskStatus::default()
    }
}

fn update(status: TaskStatus) -> Event {
    Event {
        update: Some(event::Update { status }),
        ..of(event::Type::Update)
    }
}

struct Test {
    master: Handle<Master>,
    framework: Handle<Framework>,
    calls: mpsc::UnboundedReceiver<Call>,
    news: mpsc::UnboundedReceiver<String>,
}

impl Test {
    /// A framework whose master is not the leader but knows it.
    async fn start(content_type: ContentType) -> Self {
        Self::returning(content_type, None, &[]).await
    }

    /// The same, of a framework that has had a life before.
    async fn returning(content_type: ContentType, id: Option<&str>, tasks: &[&str]) -> Self {
        let (call_sender, calls) = mpsc::unbounded_channel();
        let master = |leader| Master {
            content_type,
            leader,
            stream: None,
            refusal: None,
            calls: call_sender.clone(),
        };
        let node = || Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()));
        let leader = node().await.unwrap();
        let follower = node().await.unwrap();
        let address = leader.address().to_string();
        follower
            .spawn("master", master(Some(address)), Placement::Here)
            .unwrap();
        let leading = leader
            .spawn("master", master(None), Placement::Here)
            .unwrap();
        let (news_sender, news) = mpsc::unbounded_channel();
        let transport = Transport::Http {
            content_type,
            authorization: None,
        };
        let framework = Framework {
            driver: SchedulerDriver::new(config(follower.address(), transport, id)),
            news: news_sender,
            tasks: tasks.iter().map(|id| task(id)).collect(),
        };
        let framework = leader
            .spawn("framework", framework, Placement::Here)
            .unwrap();
        Self {
            master: leading,
            framework,
            calls,
            news,
        }
    }

    async fn call(&mut self, expected: call::Type) -> Call {
        let call = self.calls.recv().await.unwrap();
        assert_eq!(call.r#type(), expected);
        call
    }

    async fn news(&mut self) -> String {
        self.news.recv().await.unwrap()
    }

    fn send(&self, event: Event) {
        self.master.call(move |master, _| master.send(&event));
    }
}

#[test]
fn a_framework_finds_the_leader_and_launches() {
    for content_type in [ContentType::Protobuf, ContentType::Json] {
        runtime::run(async {
            let mut test = Test::start(content_type).await;
            test.call(call::Type::Subscribe).await;
            assert_eq!(test.news().await, "subscribed F");

            let offers = Some(event::Offers {
                offers: vec![offer("O")],
            });
            test.send(Event {
                offers,
                ..of(event::Type::Offers)
            });
            let accept = test.call(call::Type::Accept).await;
            assert_eq!(
                accept.framework_id,
                Some(FrameworkId {
                    value: "F".to_owned()
                })
            );
            assert_eq!(accept.accept.unwrap().offer_ids[0].value, "O");
            assert_eq!(test.news().await, "answered 202");

            // Told once, acknowledged each time; the master's own are not acknowledged.
            for uuid in [Some(b"0123456789abcdef"), Some(b"0123456789abcdef"), None] {
                test.send(update(status("t", uuid)));
            }
            for _ in 0..2 {
                let acknowledge = test.call(call::Type::Acknowledge).await.acknowledge;
                assert_eq!(acknowledge.unwrap().uuid, b"0123456789abcdef"[..]);
            }
            assert_eq!(test.news().await, "t TaskRunning");
            assert_eq!(test.news().await, "t TaskRunning");
            test.framework
                .call(|framework, context| framework.driver.leave(context));
            assert_eq!(test.news().await, "left");
        });
    }
}

#[test]
fn a_framework_that_returns_asks_for_its_tasks_and_then_for_all() {
    runtime::run(async {
        let mut test = Test::returning(ContentType::Protobuf, Some("F"), &["a", "b"]).await;
        let call = test.call(call::Type::Subscribe).await;
        assert_eq!(call.framework_id.unwrap().value, "F");
        assert_eq!(test.news().await, "subscribed F");
        let asked = test.call(call::Type::Reconcile).await.reconcile.unwrap();
        let asked: Vec<_> = asked.tasks.into_iter().map(|task| task.task_id).collect();
        assert_eq!(asked, [task("a"), task("b")]);
        test.send(update(status("b", None)));
        test.send(update(status("a", None)));
        let asked = test.call(call::Type::Reconcile).await.reconcile.unwrap();
        assert_eq!(asked.tasks, []);
    });
}

#[test]
fn leaving_waits_for_the_last_answers() {
    runtime::run(async {
        let mut test = Test::start(ContentType::Protobuf).await;
        assert_eq!(test.news().await, "subscribed F");
        test.framework.call(|framework, context| {
            framework.driver.teardown().unwrap();
            framework.driver.leave(context);
        });
        assert_eq!(test.news().await, "answered 202");
        assert_eq!(test.news().await, "left");
    });
}

#[test]
fn a_framework_that_lost_its_master_comes_back_with_its_id() {
    runtime::run(async {
        let mut test = Test::start(ContentType::Protobuf).await;
        test.call(call::Type::Subscribe).await;
        assert_eq!(test.news().await, "subscribed F");
        test.master.call(|master, _| master.stream = None);
        assert!(test.news().await.starts_with("disconnected"));
        let refused = test
            .framework
            .ask(|framework, _| framework.driver.teardown().is_err());
        assert_eq!(refused.await, Some(true));
        let call = test.call(call::Type::Subscribe).await;
        let info = call.subscribe.unwrap().framework_info;
        assert_eq!(
            info.id,
            Some(FrameworkId {
                value: "F".to_owned()
            })
        );
        assert_eq!(test.news().await, "subscribed F");
    });
}

/// Only the master saw the connection break: the framework's end of the stream stays open.
#[test]
fn a_framework_that_its_master_lost_comes_back() {
    runtime::run(async {
        let mut test = Test::start(ContentType::Protobuf).await;
        test.call(call::Type::Subscribe).await;
        assert_eq!(test.news().await, "subscribed F");
        test.master
            .call(|master, _| master.refusal = Some((403, "Framework is not subscribed")));
        test.framework
            .call(|framework, _| assert!(framework.driver.revive(Vec::new()).is_ok()));
        test.call(call::Type::Revive).await;
        assert_eq!(test.news().await, "answered 403");
        assert_eq!(
            test.news().await,
            "disconnected: the master has lost the framework: Framework is not subscribed"
        );
        test.call(call::Type::Subscribe).await;
        assert_eq!(test.news().await, "subscribed F");
    });
}

#[test]
fn an_error_event_is_the_end() {
    runtime::run(async {
        let mut test = Test::start(ContentType::Protobuf).await;
        assert_eq!(test.news().await, "subscribed F");
        let error = Some(event::Error {
            message: "Framework failed over".to_owned(),
        });
        test.send(Event {
            error,
            ..of(event::Type::Error)
        });
        assert_eq!(test.news().await, "refused: Framework failed over");
    });
}

/// A master that speaks libprocess with drivers.
struct WireMaster {
    calls: mpsc::UnboundedSender<(Pid, Call, bool)>,
    /// An error that it answers a subscription with before it takes the framework.
    says_first: Option<&'static str>,
}

impl WireMaster {
    const fn new(calls: mpsc::UnboundedSender<(Pid, Call, bool)>) -> Self {
        let says_first = None;
        Self { calls, says_first }
    }
}

fn error(message: &str) -> internal::FrameworkErrorMessage {
    let message = message.to_owned();
    internal::FrameworkErrorMessage { message }
}

impl Actor for WireMaster {
    const KIND: &'static str = "fake-master";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on("", |master, from, call: scheduler::Call, context| {
                let (call, force) = call.into_v1();
                if call.r#type() == call::Type::Subscribe {
                    if let Some(message) = master.says_first {
                        context.send(from, error(message));
                    }
                    let message = internal::FrameworkRegisteredMessage {
                        framework_id: FrameworkId {
                            value: "F".to_owned(),
                        },
                        master_info: MasterInfo::default(),
                    };
                    context.send(from, message);
                }
                master.calls.send((from.clone(), call, force)).unwrap();
            })
            .on(
                "",
                |master, from, _: internal::DeactivateFrameworkMessage, _| {
                    let call = Call::default();
                    master.calls.send((from.clone(), call, false)).unwrap();
                },
            );
    }
}

async fn node() -> Node {
    Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
        .await
        .unwrap()
}

fn wire_framework(
    master: std::net::SocketAddr,
    id: Option<&str>,
) -> (Framework, mpsc::UnboundedReceiver<String>) {
    let (news, hears) = mpsc::unbounded_channel();
    let driver = SchedulerDriver::new(config(master, Transport::Libprocess, id));
    let tasks = Vec::new();
    (
        Framework {
            driver,
            news,
            tasks,
        },
        hears,
    )
}

#[test]
fn libprocess_is_another_way_to_say_the_same() {
    runtime::run(async {
        let (there, here) = (node().await, node().await);
        let (calls, mut called) = mpsc::unbounded_channel();
        let master = there
            .spawn("master", WireMaster::new(calls), Placement::Here)
            .unwrap();
        let (framework, mut news) = wire_framework(there.address(), Some("F"));
        let framework = here.spawn("framework", framework, Placement::Here).unwrap();
        let (driver, call, force) = called.recv().await.unwrap();
        assert_eq!(call.r#type(), call::Type::Subscribe);
        assert!(force, "a new life takes over");
        assert!(driver.id.as_str().starts_with("scheduler-"), "{driver}");
        assert_eq!(news.recv().await.unwrap(), "subscribed F");
        let (_, call, _) = called.recv().await.unwrap();
        assert_eq!(call.r#type(), call::Type::Reconcile);

        let say = |what: fn(&Pid, &Context<'_, WireMaster>)| {
            let driver = driver.clone();
            master.call(move |_, context| what(&driver, context));
        };
        say(|driver, context| {
            let offers = vec![offer("O")];
            let pids = vec!["slave(1)@127.0.0.1:1".to_owned()];
            context.send(driver, internal::ResourceOffersMessage { offers, pids });
        });
        let (_, call, _) = called.recv().await.unwrap();
        assert_eq!(call.accept.unwrap().offer_ids[0].value, "O");
        assert_eq!(news.recv().await.unwrap(), "answered 202");
        for pid in ["slave(1)@127.0.0.1:1", ""] {
            let driver = driver.clone();
            master.call(move |_, context| {
                let status = status("t", None);
                let update = internal::StatusUpdate {
                    uuid: Some(Bytes::from_static(b"0123456789abcdef")),
                    slave_id: status.agent_id.clone(),
                    status,
                    ..internal::StatusUpdate::default()
                };
                let pid = Some(pid.to_owned());
                context.send(&driver, internal::StatusUpdateMessage { update, pid });
            });
            assert_eq!(news.recv().await.unwrap(), "t TaskRunning");
        }
        let (_, call, _) = called.recv().await.unwrap();
        assert_eq!(call.r#type(), call::Type::Acknowledge);
        say(|driver, context| {
            let hello = Hello {
                text: "hello".to_owned(),
            };
            let message = internal::ExecutorToFrameworkMessage {
                executor_id: ExecutorId {
                    value: "E".to_owned(),
                },
                data: Payload::write(&hello).unwrap(),
                ..internal::ExecutorToFrameworkMessage::default()
            };
            context.send(driver, message);
        });
        assert_eq!(news.recv().await.unwrap(), "E says hello");

        framework.call(|framework, context| framework.driver.leave(context));
        assert_eq!(news.recv().await.unwrap(), "left");
        let (_, deactivate, _) = called.recv().await.unwrap();
        assert_eq!(deactivate, Call::default());
    });
}

/// A master that only saw its own connection break says so with an error.
#[test]
fn a_driver_that_its_master_lost_comes_back() {
    runtime::run(async {
        let (there, here) = (node().await, node().await);
        let (calls, mut called) = mpsc::unbounded_channel();
        let master = WireMaster {
            says_first: Some("Framework disconnected"),
            ..WireMaster::new(calls)
        };
        let master = there.spawn("master", master, Placement::Here).unwrap();
        let (framework, mut news) = wire_framework(there.address(), None);
        here.spawn("framework", framework, Placement::Here).unwrap();
        let (driver, ..) = called.recv().await.unwrap();
        // That of an earlier connection means nothing while the driver subscribes.
        assert_eq!(news.recv().await.unwrap(), "subscribed F");
        let say = |what: &'static str| {
            let driver = driver.clone();
            master.call(move |_, context| context.send(&driver, error(what)));
        };
        say("Framework disconnected");
        assert_eq!(
            news.recv().await.unwrap(),
            "disconnected: the master has lost the framework: Framework disconnected"
        );
        let (again, call, force) = called.recv().await.unwrap();
        assert_eq!((again, force), (driver.clone(), false));
        assert_eq!(call.framework_id.unwrap().value, "F");
        assert_eq!(news.recv().await.unwrap(), "subscribed F");
        say("Framework failed over");
        assert_eq!(news.recv().await.unwrap(), "refused: Framework failed over");
    });
}

#[test]
fn libprocess_needs_a_port() {
    runtime::run(async {
        let here = Node::offline(World::Real);
        let (framework, mut news) = wire_framework(([127, 0, 0, 1], 1).into(), None);
        here.spawn("framework", framework, Placement::Here).unwrap();
        let refused = news.recv().await.unwrap();
        assert!(refused.contains("Node::start"), "{refused}");
    });
}
