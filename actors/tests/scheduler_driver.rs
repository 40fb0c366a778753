//! A framework on the scheduler driver, with masters that are the test.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use actors::http_client::{ContentType, Endpoint};
use actors::scheduler_driver::{CallId, SchedulerActor, SchedulerConfig, SchedulerDriver};
use bytes::Bytes;
use messages::v1::scheduler::{Call, Event, call, event};
use messages::v1::{
    AgentId, FrameworkId, FrameworkInfo, Offer, OfferId, TaskId, TaskInfo, TaskState, TaskStatus,
};
use runtime::http::{Help, Request, Responder, Response, StreamHead, StreamWriter};
use runtime::{Actor, Context, Declaration, Handle, Node, NodeConfig, Placement, recordio};
use tokio::sync::mpsc;

const STREAM_ID: &str = "0a0b";

/// A master that leads, or knows who does.
struct Master {
    content_type: ContentType,
    leader: Option<String>,
    stream: Option<StreamWriter>,
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
            responder.answer(Response::empty(202));
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

/// Launches a task on the first offer and acknowledges what becomes of it.
struct Framework {
    driver: SchedulerDriver,
    news: mpsc::UnboundedSender<String>,
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

    fn offers(&mut self, offers: Vec<Offer>, _: &mut Context<'_, Self>) {
        let ids = offers.into_iter().map(|offer| offer.id).collect();
        self.driver
            .launch(ids, vec![TaskInfo::default()], None)
            .unwrap();
    }

    fn update(&mut self, status: TaskStatus, _: &mut Context<'_, Self>) {
        self.driver.acknowledge(&status).unwrap();
    }

    fn answered(&mut self, _: CallId, status: u16, _: &str, _: &mut Context<'_, Self>) {
        self.tell(format!("answered {status}"));
    }

    fn refused(&mut self, reason: &str, _: &mut Context<'_, Self>) {
        self.tell(format!("refused: {reason}"));
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
        let (call_sender, calls) = mpsc::unbounded_channel();
        let master = |leader| Master {
            content_type,
            leader,
            stream: None,
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
        let home = follower.address();
        let driver = SchedulerDriver::new(SchedulerConfig {
            master: Endpoint::new(
                home.ip().to_string(),
                home.port(),
                "/master/api/v1/scheduler",
            ),
            framework_info: FrameworkInfo::default(),
            content_type,
            authorization: None,
        });
        let framework = Framework {
            driver,
            news: news_sender,
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

            let offer = Offer {
                id: OfferId {
                    value: "O".to_owned(),
                },
                ..Offer::default()
            };
            let offers = Some(event::Offers {
                offers: vec![offer],
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

            let status = TaskStatus {
                task_id: TaskId {
                    value: "t".to_owned(),
                },
                state: TaskState::TaskRunning.into(),
                agent_id: Some(AgentId {
                    value: "S".to_owned(),
                }),
                uuid: Some(Bytes::from_static(b"0123456789abcdef")),
                ..TaskStatus::default()
            };
            let update = Some(event::Update { status });
            test.send(Event {
                update,
                ..of(event::Type::Update)
            });
            let acknowledge = test
                .call(call::Type::Acknowledge)
                .await
                .acknowledge
                .unwrap();
            assert_eq!(acknowledge.uuid, b"0123456789abcdef"[..]);
            assert_eq!(test.news().await, "answered 202");
        });
    }
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
