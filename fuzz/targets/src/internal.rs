//! What libprocess peers send (M1-M7), in the three codecs.

use messages::{internal, scheduler};
use runtime_core::{Codec, Message};

const CODECS: [Codec; 3] = [Codec::Protobuf, Codec::MessagePack, Codec::Json];

/// What is read in one codec is written and read in all the others. JSON leaves values of
/// newer versions out, so only its own form must survive there.
fn check<M: Message>(codec: Codec, body: &[u8]) {
    let Ok(message) = M::decode(codec, body) else {
        return;
    };
    let write = |message: &M, codec| {
        let mut written = Vec::new();
        let result = message.encode(codec, &mut written);
        result.expect("every message has every form");
        written
    };
    for codec in [Codec::Protobuf, Codec::MessagePack] {
        let written = write(&message, codec);
        match M::decode(codec, &written) {
            Ok(again) => assert_eq!(write(&again, codec), written, "{}", M::NAME),
            // Entries of maps: see `encodings::read`.
            Err(error) => assert!(error.to_string().contains("].value."), "{error}"),
        }
    }
    let text = write(&message, Codec::Json);
    if let Ok(again) = M::decode(Codec::Json, &text) {
        assert_eq!(write(&again, Codec::Json), text, "{}", M::NAME);
    }
}

macro_rules! messages {
    ($($message:path,)*) => {
        const CHECKS: &[fn(Codec, &[u8])] = &[$(check::<$message>),*];
        const NAMES: &[&str] = &[$(<$message>::NAME),*];
    };
}

messages! {
    internal::ExecutorToFrameworkMessage,
    internal::ExitedExecutorMessage,
    internal::FrameworkToExecutorMessage,
    internal::KillTaskMessage,
    internal::LaunchTasksMessage,
    internal::PingSlaveMessage,
    internal::PongSlaveMessage,
    internal::ReconcileTasksMessage,
    internal::RegisterExecutorMessage,
    internal::RegisterFrameworkMessage,
    internal::RegisterSlaveMessage,
    internal::Registry,
    internal::ReregisterSlaveMessage,
    internal::ResourceOffersMessage,
    internal::RunTaskGroupMessage,
    internal::RunTaskMessage,
    internal::ShutdownExecutorMessage,
    internal::ShutdownFrameworkMessage,
    internal::ShutdownMessage,
    internal::SlaveRegisteredMessage,
    internal::SlaveReregisteredMessage,
    internal::StatusUpdateAcknowledgementMessage,
    internal::StatusUpdateMessage,
    internal::UnregisterSlaveMessage,
    internal::UpdateFrameworkMessage,
    internal::UpdateSlaveMessage,
    internal::log::Record,
    internal::log::RecoverResponse,
    internal::log::WriteRequest,
    scheduler::Call,
}

/// The first byte chooses the message, the second the codec.
pub(crate) fn run(data: &[u8]) {
    let Some(([message, codec], body)) = data.split_first_chunk::<2>() else {
        return;
    };
    let message = CHECKS.get(usize::from(*message) % CHECKS.len());
    let codec = CODECS.get(usize::from(*codec) % CODECS.len());
    if let (Some(check), Some(codec)) = (message, codec) {
        check(*codec, body);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    fn seed<M: Message>(text: &str) -> Vec<Vec<u8>> {
        let place = NAMES.iter().position(|name| *name == M::NAME);
        let place = place
            .and_then(|place| u8::try_from(place).ok())
            .expect("a seed is one of the messages");
        let message = M::decode(Codec::Json, text.as_bytes()).expect("a seed is a message");
        (0..)
            .zip(CODECS)
            .filter_map(|(number, codec)| {
                let mut seed = vec![place, number];
                message.encode(codec, &mut seed).ok().map(|()| seed)
            })
            .collect()
    }
    [
        seed::<internal::RegisterSlaveMessage>(
            r#"{"slave":{"hostname":"h","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":4}}],"attributes":[{"name":"rack","type":"TEXT","text":{"value":"r"}}]},"version":"1.11.0","agent_capabilities":[{"type":"MULTI_ROLE"}],"resource_version_uuid":{"value":"AAAA"}}"#,
        ),
        seed::<internal::StatusUpdateMessage>(
            r#"{"update":{"framework_id":{"value":"f"},"slave_id":{"value":"a"},"status":{"task_id":{"value":"t"},"state":"TASK_FINISHED"},"timestamp":1.5,"uuid":"AAAA"},"pid":"slave(1)@127.0.0.1:5051"}"#,
        ),
        seed::<internal::PingSlaveMessage>(r#"{"connected":true}"#),
        seed::<internal::RunTaskMessage>(
            r#"{"framework":{"user":"root","name":"f"},"task":{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"a"}},"pid":""}"#,
        ),
        seed::<internal::Registry>(
            r#"{"slaves":{"slaves":[{"info":{"hostname":"h","id":{"value":"a"}}}]}}"#,
        ),
        seed::<scheduler::Call>(
            r#"{"framework_id":{"value":"f"},"type":"KILL","kill":{"task_id":{"value":"t"}}}"#,
        ),
        vec![vec![0, 0], vec![1, 1, 0x80], vec![29, 0, 0x12]],
    ]
    .concat()
}
