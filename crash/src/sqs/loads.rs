//! What the SQS clients do, a thread each, until the run is over.
//!
//! Apart from the hand that writes it down because here nothing is certain: they act by chance.

use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use super::hand::{Hand, Message, Received};
use super::queues::{ORDER_LETTERS, ORDERS, PLAIN, WORK, WORK_LETTERS};
use crate::chance::Chance;

/// Between two requests of a sender.
const PACE: Duration = Duration::from_millis(8);
/// Between two looks at the dead letters.
const LETTERS_PACE: Duration = Duration::from_millis(150);
/// Groups of one sender.
const GROUPS: u64 = 4;

/// A load.
pub(super) type Load = fn(&mut Hand, &mut Chance, u64) -> anyhow::Result<()>;

/// All loads with their names; the number tells those of one kind apart.
pub(super) const LOADS: [(&str, Load, u64); 11] = [
    ("send-0", send, 0),
    ("send-1", send, 1),
    ("send-fifo-0", send_fifo, 0),
    ("send-fifo-1", send_fifo, 1),
    ("receive-plain", receive, PLAIN as u64),
    ("receive-work", receive, WORK as u64),
    ("receive-work-too", receive, WORK as u64),
    ("receive-fifo-0", receive, ORDERS as u64),
    ("receive-fifo-1", receive, ORDERS as u64),
    ("letters", letters, 0),
    ("count", count, 0),
];

fn numbered(hand: &Hand, delay_s: u64, group: Option<u64>) -> Message {
    let number = hand.shared.next_message.fetch_add(1, Ordering::SeqCst);
    Message { number, delay_s, group }
}

/// Standard queues: one message or a batch, some put off.
fn send(hand: &mut Hand, chance: &mut Chance, _: u64) -> anyhow::Result<()> {
    while hand.ready() {
        let queue = if chance.below(3) == 0 { PLAIN } else { WORK };
        let count = if chance.below(3) == 0 { 1 + chance.below(10) } else { 1 };
        let messages: Vec<Message> = (0..count)
            .map(|_| {
                let delay_s = if chance.below(8) == 0 { 1 + chance.below(2) } else { 0 };
                numbered(hand, delay_s, None)
            })
            .collect();
        hand.send(queue, &messages)?;
        sleep(PACE);
    }
    Ok(())
}

/// The FIFO queue: a message in doubt is sent again as it was until its fate is known, one that is stored now and then as well.
fn send_fifo(hand: &mut Hand, chance: &mut Chance, sender: u64) -> anyhow::Result<()> {
    let mut open: Vec<Message> = Vec::new();
    while hand.ready() {
        if open.is_empty() {
            let count = if chance.below(3) == 0 { 1 + chance.below(4) } else { 1 };
            let groups = (0..count).map(|_| sender * GROUPS + chance.below(GROUPS)).collect::<Vec<_>>();
            open = groups.into_iter().map(|group| numbered(hand, 0, Some(group))).collect();
        }
        let stored = hand.send(ORDERS, &open)?;
        let again = stored.iter().all(|is_stored| *is_stored) && chance.below(12) == 0;
        if !again {
            open = open
                .into_iter()
                .zip(stored)
                .filter(|(_, is_stored)| !is_stored)
                .map(|(one, _)| one)
                .collect();
        }
        sleep(PACE);
    }
    Ok(())
}

/// Receives, works for a while, and deletes, gives back, prolongs or forgets.
fn receive(hand: &mut Hand, chance: &mut Chance, queue: u64) -> anyhow::Result<()> {
    let queue = usize::try_from(queue)?;
    let mut old: Vec<Received> = Vec::new();
    while hand.ready() {
        let asked = u32::try_from(1 + chance.below(10))?;
        let lease_s = (chance.below(6) == 0).then_some(2);
        let received = hand.receive(queue, asked, chance.below(2), lease_s)?;
        if received.is_empty() {
            sleep(PACE);
            continue;
        }
        match chance.below(12) {
            0..=4 => hand.delete(queue, &received)?,
            5..=7 => {
                for one in &received {
                    hand.delete(queue, std::slice::from_ref(one))?;
                }
            }
            8 => {
                hand.change(queue, &received, 2)?;
                sleep(Duration::from_millis(chance.below(300)));
                hand.delete(queue, &received)?;
            }
            9 => hand.change(queue, &received, 0)?,
            10 => {
                // An old receipt; what it says now, the judge knows.
                if let Some(one) = old.pop() {
                    hand.delete(queue, &[one])?;
                }
                old = received;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Looks at the dead letters, deletes some, and sends the others back.
fn letters(hand: &mut Hand, chance: &mut Chance, _: u64) -> anyhow::Result<()> {
    while hand.ready() {
        let queue = if chance.below(2) == 0 { WORK_LETTERS } else { ORDER_LETTERS };
        let received = hand.receive(queue, 5, 0, None)?;
        match chance.below(4) {
            0 => hand.delete(queue, &received)?,
            1 => hand.redrive(queue),
            _ => {}
        }
        sleep(LETTERS_PACE);
    }
    Ok(())
}

/// Counts the messages of a queue that loses none elsewhere.
fn count(hand: &mut Hand, chance: &mut Chance, _: u64) -> anyhow::Result<()> {
    while hand.ready() {
        hand.count(PLAIN)?;
        sleep(Duration::from_millis(400 + chance.below(400)));
    }
    Ok(())
}
