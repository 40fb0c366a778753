use proptest::prelude::*;

use super::*;
use crate::Pid;
use crate::libprocess::encode;

/// Everything received when `stream` arrives in pieces of `cut` bytes.
fn receive(stream: &[u8], cut: usize) -> Result<Vec<Received>, HttpError> {
    let limits = Limits {
        body_bytes: 1000,
        ..Limits::default()
    };
    let mut reader = MessageReader::new(limits);
    let mut buffer = BytesMut::new();
    let mut received = Vec::new();
    for piece in stream.chunks(cut) {
        buffer.extend_from_slice(piece);
        loop {
            match reader.read(&mut buffer)? {
                Received::Incomplete => break,
                Received::Http => {
                    received.push(Received::Http);
                    return Ok(received);
                }
                message => received.push(message),
            }
        }
    }
    assert!(
        reader.is_between_messages(&buffer),
        "a message is left half read"
    );
    Ok(received)
}

fn one(stream: &str) -> (Result<Incoming, Refusal>, bool) {
    match receive(stream.as_bytes(), 7).unwrap().as_slice() {
        [
            Received::Message {
                message,
                keep_alive,
            },
        ] => (message.clone(), *keep_alive),
        other => panic!("not one message: {other:?}"),
    }
}

#[test]
fn a_message_of_libprocess_takes_the_short_way() {
    let head = "POST /slave(1)/mesos.internal.PingSlaveMessage HTTP/1.1\r\n\
                User-Agent: libprocess/slave-observer(1)@127.0.0.1:5050\r\n\
                Libprocess-From: slave-observer(1)@127.0.0.1:5050\r\n\
                Connection: Keep-Alive\r\n\
                Host: 127.0.0.1:5051\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let plain = PlainHead::parse(head.as_bytes()).unwrap();
    assert_eq!(plain.length, head.len());
    assert_eq!(
        (plain.id, plain.name),
        ("slave(1)", "mesos.internal.PingSlaveMessage")
    );
    for cut in 0..head.len() {
        assert!(PlainHead::parse(&head.as_bytes()[..cut]).is_none());
    }
    for (from, to) in [
        ("POST", "PUT"),
        ("/mesos", "/?mesos"),
        ("Host: ", "Host: \u{7f}"),
    ] {
        assert!(
            PlainHead::parse(head.replacen(from, to, 1).as_bytes()).is_none(),
            "{to}"
        );
    }
}

#[test]
fn a_body_of_one_chunk_is_not_copied() {
    let pid: Pid = "a@127.0.0.1:1".parse().unwrap();
    let mut stream = Vec::new();
    encode(&pid, &pid, "x", Codec::Protobuf, b"body", &mut stream);
    let mut buffer = BytesMut::from(stream.as_slice());
    let range = buffer.as_ptr_range();
    let mut reader = MessageReader::new(Limits::default());
    let Ok(Received::Message {
        message: Ok(message),
        ..
    }) = reader.read(&mut buffer)
    else {
        panic!("no message");
    };
    assert_eq!(message.body, "body");
    assert!(range.contains(&message.body.as_ptr()));
}

#[test]
fn plain_clients_may_send_messages() {
    let (message, keep_alive) = one(
        "POST /slave%281%29/name?q HTTP/1.0\r\nlibprocess-from: x@host:5\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nabc",
    );
    let message = message.unwrap();
    assert_eq!((message.to.as_str(), &*message.name), ("slave(1)", "name"));
    assert_eq!(message.from.to_string(), "x@host:5");
    assert_eq!(message.codec, Codec::Protobuf);
    assert_eq!(message.body, "abc");
    assert!(!keep_alive);
    let (message, _) = one(
        "POST /m/a/b HTTP/1.1\r\nUser-Agent: libprocess/x@1.2.3.4:5\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         2\r\n{\"\r\n3\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n",
    );
    let message = message.unwrap();
    assert_eq!(&*message.name, "a/b");
    assert_eq!(message.codec, Codec::Json);
    assert_eq!(message.body, "{\"a\":1}");
}

#[test]
fn old_drivers_send_chunks_with_http_1_0() {
    let (message, keep_alive) = one(
        "POST /slave(1)/mesos.internal.RegisterExecutorMessage HTTP/1.0\r\n\
         User-Agent: libprocess/executor@host:5\r\nConnection: Keep-Alive\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    let message = message.unwrap();
    assert_eq!(message.from.to_string(), "executor@host:5");
    assert_eq!(message.body, "abc");
    assert!(keep_alive);
}

#[test]
fn paths_are_split_at_the_second_slash() {
    for (path, to, name) in [
        ("/m/n", "m", "n"),
        ("/m", "m", ""),
        ("//n", "", "n"),
        ("/", "", ""),
        ("/m/", "m", ""),
    ] {
        let (message, _) = one(&format!(
            "POST {path} HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5\r\n\r\n"
        ));
        let message = message.unwrap();
        assert_eq!((message.to.as_str(), &*message.name), (to, name), "{path}");
    }
}

#[test]
fn what_cannot_be_delivered_is_refused_and_the_next_message_read() {
    let good = "POST /m/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5\r\n\r\n";
    for (request, status) in [
        ("POST /%ZZ/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5", 400),
        ("POST m/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5", 400),
        ("POST /m/n HTTP/1.1\r\nLibprocess-From: nobody", 400),
        (
            "POST /m/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5\r\nContent-Encoding: gzip",
            415,
        ),
    ] {
        let stream = format!("{request}\r\nContent-Length: 5\r\n\r\nPOST {good}");
        let received = receive(stream.as_bytes(), 10).unwrap();
        let [
            Received::Message {
                message: Err(refusal),
                keep_alive: true,
            },
            Received::Message { message: Ok(_), .. },
        ] = received.as_slice()
        else {
            panic!("{request}: {received:?}");
        };
        assert_eq!(refusal.status(), status, "{request}");
    }
}

#[test]
fn other_requests_are_left_in_the_buffer() {
    let mut reader = MessageReader::new(Limits::default());
    for request in [
        "GET /state HTTP/1.1\r\nLibprocess-From: a@1.2.3.4:5\r\n\r\n",
        "POST /api/v1 HTTP/1.1\r\nUser-Agent: curl\r\n\r\n",
    ] {
        let mut buffer = BytesMut::from(request);
        assert_eq!(reader.read(&mut buffer), Ok(Received::Http));
        assert_eq!(buffer, request);
    }
}

#[test]
fn a_message_over_the_limit_ends_the_connection() {
    let head = "POST /m/n HTTP/1.1\r\nLibprocess-From: @1.2.3.4:5\r\n";
    let stream = format!("{head}Content-Length: 1001\r\n\r\n");
    assert_eq!(
        receive(stream.as_bytes(), 9),
        Err(HttpError::BodyTooLong(1000))
    );
    let stream = format!("{head}Transfer-Encoding: chunked\r\n\r\n3e9\r\n");
    assert_eq!(
        receive(stream.as_bytes(), 9),
        Err(HttpError::BodyTooLong(1000))
    );
}

proptest! {
    #[test]
    fn any_split_gives_the_messages_that_were_sent(
        messages in prop::collection::vec(
            ("[a-z()%/ é]{0,5}", "[a-z.]{1,8}", 0u8..3, prop::collection::vec(any::<u8>(), 0..50)),
            0..6,
        ),
        cut in 1usize..200,
    ) {
        let from: Pid = "scheduler-1@10.0.0.1:5050".parse().unwrap();
        let mut stream = Vec::new();
        for (id, name, codec, body) in &messages {
            let to = Pid::new(id.as_str(), from.address);
            let codec = [Codec::Protobuf, Codec::MessagePack, Codec::Json][usize::from(*codec)];
            // An empty id has no path segment, so nobody can be addressed by it.
            if !id.is_empty() {
                encode(&from, &to, name, codec, body, &mut stream);
            }
        }
        let received = receive(&stream, cut).unwrap();
        let sent: Vec<_> = messages.into_iter().filter(|message| !message.0.is_empty()).collect();
        prop_assert_eq!(received.len(), sent.len());
        for (received, (id, name, codec, body)) in received.into_iter().zip(sent) {
            let Received::Message { message: Ok(message), keep_alive: true } = received else {
                panic!("{received:?}");
            };
            prop_assert_eq!(message.to.as_str(), id);
            prop_assert_eq!(&*message.name, name);
            prop_assert_eq!(message.from.pid(), Some(&from));
            prop_assert_eq!(message.codec as u8, codec);
            prop_assert_eq!(message.body, body);
        }
    }

    #[test]
    fn garbage_is_read_or_refused(
        start in prop::sample::select(vec!["", "POST /a/b HTTP/1.1\r\nLibprocess-From: a@b:1\r\n"]),
        data in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut buffer = BytesMut::from(start);
        buffer.extend_from_slice(&data);
        let mut reader = MessageReader::new(Limits::default());
        while let Ok(Received::Message { .. }) = reader.read(&mut buffer) {}
    }
}
