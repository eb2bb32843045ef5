//! Channels beside each other: each keeps its order, none waits for another.

use crate::client::{Server, bytes_of, declare, get, published};
use millstream_amqp::codec::{Method, Output, Properties, Table};

const OPEN: Method<'static> = Method::ChannelOpen { out_of_band: "" };
const FLOW: Method<'static> = Method::ChannelFlow { active: true };
const DECLARED: &str = "1 QueueDeclareOk { queue: \"q\", message_count: 0, consumer_count: 0 }";

fn frames(methods: &[(u16, Method<'_>)]) -> Vec<u8> {
    let mut output = Output::default();
    methods.iter().for_each(|(channel, method)| output.method(*channel, method));
    bytes_of(output)
}

#[test]
fn a_channel_that_waits_for_the_shard_holds_up_no_other() {
    let server = Server::new();
    let mut client = server.connect();
    client.send(2, &OPEN);
    client.said();
    let q = declare("q", Table::default());
    client.bytes(&frames(&[(1, q), (1, FLOW), (2, FLOW), (2, FLOW)]));
    let two = "2 ChannelFlowOk { active: true }";
    assert_eq!(client.said(), [two, two, DECLARED, "1 ChannelFlowOk { active: true }"]);
    assert_eq!(client.unsettled, 0);
}

#[test]
fn what_follows_on_the_same_channel_comes_after_it() {
    let server = Server::new();
    let mut client = server.connect();
    let mut bytes = frames(&[(1, declare("q", Table::default()))]);
    bytes.extend(published("", "q", false, &Properties::default(), b"x"));
    bytes.extend(frames(&[(1, get("q"))]));
    client.bytes(&bytes);
    let said = client.said();
    assert_eq!((&*said[0], &*said[3]), (DECLARED, "1 body x"), "{said:?}");
    assert_eq!(client.unsettled, 0);
}

#[test]
fn more_than_may_be_held_is_left_in_the_input_and_taken_later() {
    let server = Server::new();
    let mut client = server.connect();
    let mut bytes = frames(&[(1, declare("q", Table::default()))]);
    for _ in 0..30 {
        bytes.extend(published("", "q", false, &Properties::default(), &[b'x'; 100_000]));
    }
    client.bytes(&bytes);
    assert_eq!(client.said(), [DECLARED]);
    let counted = client.ask(&declare("q", Table::default()));
    assert!(counted[0].contains("message_count: 30"), "{counted:?}");
    assert_eq!(client.unsettled, 0);
}

#[test]
fn frames_behind_the_end_of_their_channel_belong_to_its_next_opening() {
    let server = Server::new();
    let mut client = server.connect();
    let close = Method::ChannelClose { reply_code: 200, reply_text: "", class_id: 0, method_id: 0 };
    let q = declare("q", Table::default());
    client.bytes(&frames(&[(1, q), (1, close), (1, OPEN), (1, q)]));
    let opened = "1 ChannelOpenOk { channel_id: Long([]) }";
    assert_eq!(client.said(), [DECLARED, "1 ChannelCloseOk", opened, DECLARED]);
    assert_eq!(client.unsettled, 0);
}

#[test]
fn a_connection_ends_after_what_its_channels_wait_for() {
    let server = Server::new();
    let mut client = server.connect();
    let close = Method::ConnectionClose { reply_code: 200, reply_text: "", class_id: 0, method_id: 0 };
    let q = declare("q", Table::default());
    client.bytes(&frames(&[(1, q), (1, FLOW), (0, close)]));
    assert_eq!(client.said(), [DECLARED, "1 ChannelFlowOk { active: true }", "0 ConnectionCloseOk"]);
    assert_eq!((client.unsettled, client.ended.as_deref()), (0, Some("")));
}

#[test]
fn a_connection_that_is_closed_by_an_error_waits_for_nothing() {
    let server = Server::new();
    let mut client = server.connect();
    client.bytes(&frames(&[(1, declare("q", Table::default())), (1, FLOW), (2, FLOW)]));
    let said = client.said();
    assert!(said.len() == 1 && said[0].contains("expected 'channel.open'"), "{said:?}");
    assert_eq!(client.unsettled, 0);
}
