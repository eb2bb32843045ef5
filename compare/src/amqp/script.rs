//! Scenes: what is sent, what is waited for, and why this broker differs where it does.
//!
//! Apart because this is the language that the files in `scenes/amqp` are written in:
//!
//! ```text
//! == A title, which says what is looked at
//! differs 3.10.8: why this broker answers otherwise than that version
//! queue.declare queue=%q durable            a method; its reply is awaited if it has one
//! basic.publish routing-key=%q body="x"     a message: method, header, body
//! b2: basic.get queue=%q                    on connection b, channel 2 (otherwise a, 1); opened when first used
//! await 2                                   the next two frames, in the order in which they come
//! ```
//!
//! | step | what it does |
//! |---|---|
//! | `sync` | asks for something harmless and waits for the answer: errors of what went before have come then |
//! | `quiet` | the same after a moment; says everything that has come |
//! | `confirms 1-3` | waits until these messages are confirmed; how the broker groups its words means nothing |
//! | `poll basic.get …` | asks again until there is a message; `poll[message-count=1] …` until that is in the answer |
//! | `connect` | a connection without a handshake; `header 0 0 9 1` sends a protocol header |
//! | `connect tune` | a handshake up to `start`, `tune` or `open`; what follows is the scene's |
//! | `login capabilities={…}` | a handshake that names these capabilities |
//! | `frame 1 0 00 ce` | a frame of any type, channel, payload and end |
//! | `bytes 00ff`, `text "GET /"` | bytes as they are |
//! | `content-header 5 …`, `content-body "…"` | parts of a message alone |
//! | `drop` | the connection is cut |
//!
//! `%q` is a name of the scene's own. `$queue`, `$reply-to` and `$consumer-tag` stand for what the broker said last.

use crate::scene::{Scene, parse};

/// The files, in the order in which they are played and said.
const FILES: [&str; 9] = [
    include_str!("../../scenes/amqp/connections.txt"),
    include_str!("../../scenes/amqp/channels.txt"),
    include_str!("../../scenes/amqp/exchanges.txt"),
    include_str!("../../scenes/amqp/queues.txt"),
    include_str!("../../scenes/amqp/arguments.txt"),
    include_str!("../../scenes/amqp/publishing.txt"),
    include_str!("../../scenes/amqp/consuming.txt"),
    include_str!("../../scenes/amqp/deaths.txt"),
    include_str!("../../scenes/amqp/transactions.txt"),
];

/// All scenes.
///
/// # Errors
/// When a file is not written in the language.
pub fn scenes() -> anyhow::Result<Vec<Scene>> {
    parse(&FILES)
}

/// Whose step it is: the connection, the channel, and what is left of the line.
pub(super) fn address(step: &str) -> (char, u16, &str) {
    let Some((before, rest)) = step.split_once(": ") else { return ('a', 1, step) };
    let mut digits = before;
    let mut connection = 'a';
    if let Some(letter) = before.chars().next().filter(char::is_ascii_lowercase) {
        (connection, digits) = (letter, &before[1..]);
    }
    match digits {
        "" if !before.is_empty() => (connection, 1, rest),
        digits => digits.parse().map_or(('a', 1, step), |channel| (connection, channel, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_say_whose_they_are() {
        assert_eq!(address("sync"), ('a', 1, "sync"));
        assert_eq!(address("b: sync"), ('b', 1, "sync"));
        assert_eq!(address("2: sync"), ('a', 2, "sync"));
        assert_eq!(address("c12: x y=\"a: b\""), ('c', 12, "x y=\"a: b\""));
        assert_eq!(address("x y=\"a: b\""), ('a', 1, "x y=\"a: b\""));
    }

    #[test]
    fn there_are_scenes_enough_and_each_does_something() {
        let scenes = scenes().unwrap();
        assert!(scenes.len() >= 150, "{}", scenes.len());
        for scene in &scenes {
            assert!(!scene.steps.is_empty(), "{}", scene.title);
        }
    }
}
