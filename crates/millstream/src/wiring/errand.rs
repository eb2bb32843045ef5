//! Errands: what the broker asks itself: at its start, before anybody else can ask, and when it looks at itself.
//!
//! Apart because everything else that asks the broker has a connection and a driver; an errand has a thread that waits.

use millstream_core::{Reply, Request};
use millstream_front::backend::Inbox;
use millstream_front::http::{Commands, Outcome, Response};
use millstream_front::{Authorized, Backend, Event, Submission, Tag};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Answers on their way to the thread that waits.
#[derive(Default)]
struct Answers {
    come: Mutex<Vec<(Tag, Reply)>>,
    more: Condvar,
}

impl Inbox for Answers {
    fn deliver(&self, replies: &mut dyn Iterator<Item = (Tag, Reply)>) {
        self.come.lock().unwrap_or_else(PoisonError::into_inner).extend(replies);
        self.more.notify_one();
    }
}

/// Asks the shard several things; the answers are in the order of the questions. Blocks until all are there.
pub(crate) fn ask(backend: &Arc<dyn Backend>, requests: Vec<Authorized<Request>>) -> Vec<Reply> {
    let answers = Arc::new(Answers::default());
    let inbox: Arc<dyn Inbox> = answers.clone();
    let count = requests.len();
    let numbered =
        (0..).zip(requests).map(|(number, request)| Submission { tag: Tag(number), request, chain: None });
    backend.submit(&inbox, numbered.collect());
    let mut come = answers.come.lock().unwrap_or_else(PoisonError::into_inner);
    while come.len() < count {
        come = answers.more.wait(come).unwrap_or_else(PoisonError::into_inner);
    }
    come.sort_unstable_by_key(|(tag, _)| *tag);
    come.drain(..).map(|(_, reply)| reply).collect()
}

/// Carries an errand out: asks what it wants asked until it responds. It may read nothing.
pub(crate) fn run(backend: &Arc<dyn Backend>, begin: impl FnOnce(&mut Commands) -> Outcome) -> Response {
    let answers = Arc::new(Answers::default());
    let inbox: Arc<dyn Inbox> = answers.clone();
    let mut commands = Commands::default();
    let mut outcome = begin(&mut commands);
    loop {
        let mut exchange = match outcome {
            Outcome::Respond(response) => return response,
            Outcome::Wait(exchange) => exchange,
            Outcome::Part(..) => unreachable!("an errand is answered in one piece"),
        };
        assert!(commands.reads.is_empty(), "an errand reads nothing");
        let mut missing = commands.submissions.len();
        assert!(missing > 0, "who waits has asked for something");
        backend.submit(&inbox, std::mem::take(&mut commands.submissions));
        outcome = loop {
            let mut come = answers.come.lock().unwrap_or_else(PoisonError::into_inner);
            while come.is_empty() {
                come = answers.more.wait(come).unwrap_or_else(PoisonError::into_inner);
            }
            let (tag, reply) = come.remove(0);
            drop(come);
            missing -= 1;
            match exchange.handle(backend.now(), Event::Reply(tag, reply), &mut commands) {
                Outcome::Wait(again) if missing > 0 => exchange = again,
                outcome => break outcome,
            }
        };
    }
}
