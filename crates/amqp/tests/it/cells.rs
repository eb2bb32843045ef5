//! Every cell of the table of channel states: what each frame means in each of them.
//!
//! Apart because it walks a table and needs no broker.

use millstream_amqp::codec::{MethodKind, Sender};
use millstream_amqp::{ChannelState, Code, Incoming, Verdict, judge};

const STATES: [ChannelState; 5] = [
    ChannelState::Unopened,
    ChannelState::Open,
    ChannelState::Header,
    ChannelState::Body,
    ChannelState::Closing,
];

/// One word for a verdict.
fn word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Take => "take".to_owned(),
        Verdict::Ignore => "ignore".to_owned(),
        Verdict::Refuse(code, _) => code.number().to_string(),
    }
}

/// What the documentation says, by hand, so that the code cannot say it of itself.
fn expected(state: ChannelState, incoming: Incoming) -> &'static str {
    let method = match incoming {
        Incoming::Method(kind) => Some(kind),
        Incoming::Header | Incoming::Body => None,
    };
    match state {
        ChannelState::Unopened => match method {
            Some(MethodKind::ChannelOpen) => "take",
            Some(_) => "504",
            None => "505",
        },
        ChannelState::Open => match method {
            Some(MethodKind::ChannelOpen) => "504",
            Some(MethodKind::ChannelCloseOk) => "503",
            Some(kind) if kind.name().starts_with("connection.") => "503",
            Some(kind) if kind.sender() == Sender::Server => "503",
            Some(_) => "take",
            None => "505",
        },
        ChannelState::Header if incoming == Incoming::Header => "take",
        ChannelState::Body if incoming == Incoming::Body => "take",
        ChannelState::Header | ChannelState::Body => "505",
        ChannelState::Closing => match method {
            Some(MethodKind::ChannelClose | MethodKind::ChannelCloseOk) => "take",
            _ => "ignore",
        },
    }
}

#[test]
fn every_frame_in_every_state_means_what_the_table_says() {
    let mut cells = 0;
    for state in STATES {
        let methods = MethodKind::ALL.iter().map(|kind| Incoming::Method(*kind));
        for incoming in methods.chain([Incoming::Header, Incoming::Body]) {
            let verdict = judge(state, incoming);
            assert_eq!(word(verdict), expected(state, incoming), "{state:?} {incoming:?}");
            if let Verdict::Refuse(code, text) = verdict {
                assert!(!text.is_empty() && code != Code::INTERNAL_ERROR);
            }
            cells += 1;
        }
    }
    assert_eq!(cells, STATES.len() * (MethodKind::ALL.len() + 2));
}
