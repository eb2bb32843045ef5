//! What every store of packed objects promises, as one suite (style rule 17).
//!
//! Apart because a directory on the machine's disk, one on the simulated disk and later a bucket must all pass it.

use std::io::{ErrorKind, IoSlice};

use millstream_storage::store::{Listing, Store};
use millstream_types::ObjectNumber;

/// Runs all of it on an empty store.
///
/// # Panics
/// When the store breaks a promise.
pub fn run(store: &dyn Store) {
    objects_appear_when_they_are_finished(store);
    abandoned_objects_leave_nothing(store);
    a_number_is_taken_once(store);
    removed_objects_stay_readable_while_they_are_held(store);
}

fn write(store: &dyn Store, number: u64, pieces: &[&[u8]]) {
    let mut sink = store.create(ObjectNumber(number)).expect("an object can be begun");
    for piece in pieces {
        sink.append(&mut [IoSlice::new(piece)]).expect("bytes can be added");
    }
    sink.finish().expect("it can be finished");
}

fn listing(store: &dyn Store) -> Listing {
    store.list().expect("a store can be listed")
}

fn objects_appear_when_they_are_finished(store: &dyn Store) {
    assert_eq!(listing(store), Listing::default());
    let mut sink = store.create(ObjectNumber(0x1f)).expect("an object can be begun");
    sink.append(&mut [IoSlice::new(b"mill"), IoSlice::new(b""), IoSlice::new(b"str")])
        .expect("it takes slices");
    assert_eq!(listing(store), Listing { finished: vec![], unfinished: vec![ObjectNumber(0x1f)] });
    let early = store.open(ObjectNumber(0x1f)).err().expect("it is not there before it is whole");
    assert_eq!(early.kind(), ErrorKind::NotFound);
    sink.append(&mut [IoSlice::new(b"eam")]).expect("it takes more");
    sink.finish().expect("it can be finished");
    write(store, 3, &[b"first"]);
    let finished = vec![ObjectNumber(3), ObjectNumber(0x1f)];
    assert_eq!(listing(store), Listing { finished, unfinished: vec![] });

    let file = store.open(ObjectNumber(0x1f)).expect("it is there");
    assert_eq!(
        (file.len().expect("it has a length"), file.is_empty().expect("it has a length")),
        (10, false)
    );
    let mut bytes = [0; 5];
    assert_eq!(file.read_at(6, &mut bytes).expect("it can be read"), 4);
    assert_eq!(&bytes, b"ream\0");
    assert_eq!(file.read_at(10, &mut bytes).expect("its end can be read"), 0);
    store.remove(ObjectNumber(3)).expect("it can be removed");
    store.remove(ObjectNumber(3)).expect("one that is gone is fine");
    store.remove(ObjectNumber(0x1f)).expect("it can be removed");
    assert_eq!(listing(store), Listing::default());
}

fn abandoned_objects_leave_nothing(store: &dyn Store) {
    let mut sink = store.create(ObjectNumber(7)).expect("an object can be begun");
    sink.append(&mut [IoSlice::new(b"half")]).expect("bytes can be added");
    drop(sink);
    assert_eq!(listing(store), Listing::default());
    store.remove_unfinished(ObjectNumber(7)).expect("one that is gone is fine");
    write(store, 7, &[b"whole"]);
    store.remove_unfinished(ObjectNumber(7)).expect("there is none");
    assert_eq!(listing(store).finished, [ObjectNumber(7)], "the finished one is another");
    store.remove(ObjectNumber(7)).expect("it can be removed");
}

fn a_number_is_taken_once(store: &dyn Store) {
    let sink = store.create(ObjectNumber(9)).expect("an object can be begun");
    let twice = store.create(ObjectNumber(9)).err().expect("it is being written");
    assert_eq!(twice.kind(), ErrorKind::AlreadyExists);
    sink.finish().expect("it can be finished");
    let again = store.create(ObjectNumber(9)).err().expect("it exists");
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    assert_eq!(listing(store), Listing { finished: vec![ObjectNumber(9)], unfinished: vec![] });
    store.remove(ObjectNumber(9)).expect("it can be removed");
}

fn removed_objects_stay_readable_while_they_are_held(store: &dyn Store) {
    write(store, 11, &[b"held"]);
    let file = store.open(ObjectNumber(11)).expect("it is there");
    store.remove(ObjectNumber(11)).expect("it can be removed");
    let gone = store.open(ObjectNumber(11)).err().expect("it is gone for others");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    let mut bytes = [0; 4];
    assert_eq!(file.read_at(0, &mut bytes).expect("it can still be read"), 4);
    assert_eq!(&bytes, b"held");
}
