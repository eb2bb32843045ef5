//! So much at once that the broker begins a checkpoint; deleted when it is no longer wanted.
//!
//! Apart from the other producers because it works only on demand, and because it must not fill the disk.

use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use super::produce::Producer;
use super::trim::trim;
use super::{BULK, World};

const WINDOW: usize = 4;
const RECORDS_PER_BATCH: u32 = 64;
const VALUE_BYTES: usize = 14 << 10;
const PAUSE: Duration = Duration::from_millis(5);
/// Kafka's word for "up to the end" in DeleteRecords.
const END: i64 = -1;

/// Produces whenever it is wanted, until the run is over.
///
/// # Errors
/// When an answer makes no sense, or the history cannot be written.
pub fn run(world: &World, client: u32) -> anyhow::Result<()> {
    let mut hand = world.hand("lean-bulk")?;
    let mut producer = Producer::new(client, BULK.name, 0);
    let mut to_delete = false;
    while hand.ready() {
        if hand.moments.bulk_wanted.load(Ordering::SeqCst) {
            producer.window(&mut hand, WINDOW, RECORDS_PER_BATCH, VALUE_BYTES)?;
            to_delete = true;
        } else if to_delete {
            to_delete = trim(&mut hand, BULK.name, END)?.is_none();
        }
        sleep(PAUSE);
    }
    hand.history.finish()?;
    Ok(())
}
