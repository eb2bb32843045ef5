//! A request as a chain of steps: what it asks the broker next, and how it goes on with the answers.
//!
//! Apart because every operation of an HTTP front is such a chain, and only this knows tags: [`start`] makes an
//! [`Exchange`] of one, gathers the answers of a step in their order, and hands them to its continuation.

use crate::auth::Authorized;
use crate::backend::{ReadError, ReadSlice};
use crate::http::{Commands, Exchange, Outcome, Part, Response};
use crate::session::{Event, ReadCommand, Submission, Tag, Watch};
use millstream_core::{Reply, Request};
use millstream_types::{EngineTime, LogId, Offset};

/// What an operation wants next; `C` is what it sees of its request all the while.
pub enum Step<C: Caller> {
    /// It is answered.
    Respond(C::Answer),
    /// Ask the shard; go on with one reply per request, in their order.
    Submit(Vec<Authorized<Request>>, Then<C, Reply>),
    /// Read from logs; go on with one result per read, in their order.
    Read(Vec<Authorized<Place>>, Then<C, ReadResult>),
    /// Go on when one of these logs has another high watermark than this, or it is this time. Who abandons the request is not
    /// waited for.
    Watch(Vec<(LogId, Offset)>, EngineTime, Next<C>),
    /// Answer with a part, and go on when there is room for more.
    Part(Part, Next<C>),
}

/// How an operation goes on with nothing new.
pub type Next<C> = Box<dyn FnOnce(&mut C) -> Step<C> + Send>;

/// How an operation goes on with the answers of a step.
pub type Then<C, T> = Box<dyn FnOnce(&mut C, Vec<T>) -> Step<C> + Send>;

/// A place to read from: log, first offset, most bytes.
pub type Place = (LogId, Offset, u32);

/// What one read gave.
pub type ReadResult = Result<ReadSlice, ReadError>;

/// An operation that was broken off with an error is answered with that.
impl<C: Caller, E: Into<C::Answer>> From<Result<Step<C>, E>> for Step<C> {
    fn from(result: Result<Step<C>, E>) -> Step<C> {
        result.unwrap_or_else(|error| Step::Respond(error.into()))
    }
}

/// What an operation sees of its request, as far as the steps have to do with it.
pub trait Caller: Sized + Send + 'static {
    /// What operations answer with: a response, or what a front makes one of that has several spellings.
    type Answer;

    /// Makes an operation's answer the response.
    fn respond(self, answer: Self::Answer) -> Response;

    /// It is this time.
    fn tell_time(&mut self, now: EngineTime);

    /// The client has gone away: what it was to get has to be given back. Gives what to ask the shard now, if anything.
    fn abandon(&mut self) -> Option<Authorized<Request>>;
}

/// Carries an operation out from its first step on.
pub fn start<C: Caller>(caller: C, step: Step<C>, commands: &mut Commands) -> Outcome {
    Running { caller, state: State::Moving, next_tag: 0 }.go_on(step, commands)
}

/// The tag of what an abandoned request asks; nobody waits for the answer.
const UNHEARD: Tag = Tag(u64::MAX);

/// An operation that waits.
struct Running<C: Caller> {
    caller: C,
    state: State<C>,
    /// Tags count up, so that an answer can only belong to one step.
    next_tag: u64,
}

enum State<C: Caller> {
    Replies(Gathered<Reply>, Then<C, Reply>),
    Reads(Gathered<ReadResult>, Then<C, ReadResult>),
    Watching(Tag, Next<C>),
    Given(Next<C>),
    /// Only while a continuation runs.
    Moving,
}

/// The answers of one step, in the order of what was asked.
struct Gathered<T> {
    /// The tag of the first.
    first: u64,
    missing: usize,
    answers: Vec<Option<T>>,
}

impl<T> Gathered<T> {
    fn new(first: u64, count: usize) -> Gathered<T> {
        Gathered { first, missing: count, answers: (0..count).map(|_| None).collect() }
    }

    /// Takes an answer, if it is one of these.
    fn put(&mut self, tag: Tag, answer: T) {
        let index = tag.0.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(place) = index.and_then(|index| self.answers.get_mut(index)) {
            assert!(place.replace(answer).is_none(), "one answer to each question");
            self.missing -= 1;
        }
    }

    fn into_answers(self) -> Vec<T> {
        self.answers.into_iter().flatten().collect()
    }
}

impl<C: Caller> Running<C> {
    /// Carries out steps until one has to be waited for.
    fn go_on(mut self, mut step: Step<C>, commands: &mut Commands) -> Outcome {
        self.state = loop {
            match step {
                Step::Respond(answer) => return Outcome::Respond(self.caller.respond(answer)),
                Step::Submit(requests, then) if requests.is_empty() => {
                    step = then(&mut self.caller, Vec::new());
                }
                Step::Read(reads, then) if reads.is_empty() => step = then(&mut self.caller, Vec::new()),
                Step::Submit(requests, then) => {
                    let gathered = Gathered::new(self.next_tag, requests.len());
                    for request in requests {
                        commands.submissions.push(Submission { tag: self.tag(), request, chain: None });
                    }
                    break State::Replies(gathered, then);
                }
                Step::Read(reads, then) => {
                    let gathered = Gathered::new(self.next_tag, reads.len());
                    for read in reads {
                        commands.reads.push(ReadCommand { tag: self.tag(), read });
                    }
                    break State::Reads(gathered, then);
                }
                Step::Watch(logs, until, then) => {
                    let tag = self.tag();
                    commands.watch = Some(Watch { tag, logs });
                    commands.wake_at = Some(until);
                    break State::Watching(tag, then);
                }
                Step::Part(part, then) => {
                    self.state = State::Given(then);
                    return Outcome::Part(part, Box::new(self));
                }
            }
        };
        Outcome::Wait(Box::new(self))
    }

    fn tag(&mut self) -> Tag {
        self.next_tag += 1;
        Tag(self.next_tag - 1)
    }
}

impl<C: Caller> Exchange for Running<C> {
    fn handle(mut self: Box<Self>, now: EngineTime, event: Event, commands: &mut Commands) -> Outcome {
        self.caller.tell_time(now);
        // An earlier watch may still be heard of.
        let mut ends = None;
        match (event, &mut self.state) {
            (Event::Moved(tag), State::Watching(..)) => ends = Some(tag),
            (Event::Deadline, State::Watching(tag, _)) => ends = Some(*tag),
            (Event::Reply(tag, reply), State::Replies(gathered, _)) => gathered.put(tag, reply),
            (Event::Read(tag, result), State::Reads(gathered, _)) => gathered.put(tag, result),
            // The answer to what an abandoned request asked.
            _ => {}
        }
        let step = match std::mem::replace(&mut self.state, State::Moving) {
            State::Replies(gathered, then) if gathered.missing == 0 => {
                then(&mut self.caller, gathered.into_answers())
            }
            State::Reads(gathered, then) if gathered.missing == 0 => {
                then(&mut self.caller, gathered.into_answers())
            }
            State::Watching(tag, then) if ends == Some(tag) => then(&mut self.caller),
            state => {
                self.state = state;
                return Outcome::Wait(self);
            }
        };
        self.go_on(step, commands)
    }

    fn resume(mut self: Box<Self>, now: EngineTime, commands: &mut Commands) -> Outcome {
        self.caller.tell_time(now);
        match std::mem::replace(&mut self.state, State::Moving) {
            State::Given(then) => {
                let step = then(&mut self.caller);
                self.go_on(step, commands)
            }
            state => {
                self.state = state;
                Outcome::Wait(self)
            }
        }
    }

    fn abandon(&mut self, now: EngineTime, commands: &mut Commands) {
        self.caller.tell_time(now);
        if let State::Watching(..) = self.state {
            commands.wake_at = Some(now);
        }
        if let Some(request) = self.caller.abandon() {
            commands.submissions.push(Submission { tag: UNHEARD, request, chain: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Authorizer, Grant, Principal, Resource};
    use bytes::Bytes;
    use millstream_types::{ErrorKind, StreamId};

    #[derive(Default)]
    struct Seen {
        now: EngineTime,
        abandoned: bool,
    }

    impl Caller for Seen {
        type Answer = String;

        fn respond(self, text: String) -> Response {
            Response { status: 200, headers: Vec::new(), body: Bytes::from(text) }
        }

        fn tell_time(&mut self, now: EngineTime) {
            self.now = now;
        }

        fn abandon(&mut self) -> Option<Authorized<Request>> {
            self.abandoned = true;
            Some(grant().request(Request::AllocateProducer))
        }
    }

    fn grant() -> Grant {
        let authorizer = Authorizer::local_only();
        authorizer.authorize(&Principal::local(), Action::Read, Resource::Cluster).expect("local")
    }

    fn body(outcome: Outcome) -> Bytes {
        match outcome {
            Outcome::Respond(response) => response.body,
            Outcome::Wait(_) | Outcome::Part(..) => panic!("it has not ended"),
        }
    }

    fn wait(outcome: Outcome) -> Box<dyn Exchange> {
        match outcome {
            Outcome::Wait(exchange) => exchange,
            Outcome::Respond(response) => panic!("it responds {response:?}"),
            Outcome::Part(part, _) => panic!("it gives {part:?}"),
        }
    }

    fn two_requests() -> Step<Seen> {
        let requests = (0..2).map(|_| grant().request(Request::AllocateProducer)).collect();
        Step::Submit(
            requests,
            Box::new(|seen, replies| Step::Respond(format!("{} {} {replies:?}", seen.now, seen.abandoned))),
        )
    }

    #[test]
    fn a_step_goes_on_when_all_its_answers_are_there_in_the_order_of_its_questions() {
        let mut commands = Commands::default();
        let exchange = wait(start(Seen::default(), two_requests(), &mut commands));
        let tags: Vec<Tag> = commands.submissions.iter().map(|submission| submission.tag).collect();
        let later = Event::Reply(tags[1], Reply::Refused(ErrorKind::Denied));
        let exchange = wait(exchange.handle(EngineTime(7), later, &mut commands));
        let first = Event::Reply(tags[0], Reply::Refused(ErrorKind::StreamFull));
        let answered = exchange.handle(EngineTime(8), first, &mut commands);
        assert_eq!(&body(answered)[..], b"8 false [Refused(StreamFull), Refused(Denied)]");
    }

    #[test]
    fn an_operation_that_was_broken_off_is_answered_with_its_error() {
        let broken: Result<Step<Seen>, &str> = Err("no such thing");
        assert_eq!(
            &body(start(Seen::default(), broken.into(), &mut Commands::default()))[..],
            b"no such thing"
        );
    }

    #[test]
    fn steps_that_ask_nothing_do_not_wait_and_tags_are_never_used_again() {
        let mut commands = Commands::default();
        let place = (LogId { stream: StreamId(1), index: 0 }, Offset(2), 3);
        let read = Step::Read(
            vec![grant().allow(place)],
            Box::new(|_, results| {
                assert!(matches!(results[..], [Err(ReadError::Deleted)]));
                two_requests()
            }),
        );
        let step = Step::Submit(Vec::new(), Box::new(|_, _| read));
        let exchange = wait(start(Seen::default(), step, &mut commands));
        let tag = commands.reads[0].tag;
        let exchange =
            wait(exchange.handle(EngineTime(1), Event::Read(tag, Err(ReadError::Deleted)), &mut commands));
        assert!(commands.submissions.iter().all(|submission| submission.tag > tag));
        drop(exchange);
    }

    /// Waits for a log, and answers with when it went on.
    fn watch() -> Step<Seen> {
        let log = LogId { stream: StreamId(1), index: 0 };
        let answer = |seen: &mut Seen| Step::Respond(format!("{} {}", seen.now, seen.abandoned));
        Step::Watch(vec![(log, Offset(4))], EngineTime(9), Box::new(answer))
    }

    #[test]
    fn a_watch_ends_when_a_log_moves_or_in_time_or_when_nobody_waits_any_more() {
        let watching = |commands: &mut Commands| {
            let exchange = wait(start(Seen::default(), watch(), commands));
            assert_eq!(commands.wake_at, Some(EngineTime(9)));
            let watch = commands.watch.take().expect("it watches");
            assert_eq!(watch.logs[0].1, Offset(4));
            (exchange, watch.tag)
        };
        let mut commands = Commands::default();
        let (exchange, tag) = watching(&mut commands);
        let stale = Event::Moved(Tag(tag.0 + 1));
        let exchange = wait(exchange.handle(EngineTime(2), stale, &mut commands));
        assert_eq!(&body(exchange.handle(EngineTime(3), Event::Moved(tag), &mut commands))[..], b"3 false");
        let (exchange, _) = watching(&mut commands);
        assert_eq!(&body(exchange.handle(EngineTime(9), Event::Deadline, &mut commands))[..], b"9 false");
        let (mut exchange, _) = watching(&mut commands);
        exchange.abandon(EngineTime(4), &mut commands);
        assert_eq!(commands.wake_at, Some(EngineTime(4)));
        assert_eq!(&body(exchange.handle(EngineTime(4), Event::Deadline, &mut commands))[..], b"4 true");
    }

    #[test]
    fn an_answer_in_parts_goes_on_when_it_is_told_to() {
        let mut commands = Commands::default();
        let piece = Part::Piece(Bytes::from_static(b"piece"));
        let step = Step::Part(piece.clone(), Box::new(|_: &mut Seen| two_requests()));
        let Outcome::Part(given, exchange) = start(Seen::default(), step, &mut commands) else {
            panic!("it gives a part")
        };
        assert_eq!(given, piece);
        assert!(commands.submissions.is_empty());
        let exchange = wait(exchange.resume(EngineTime(1), &mut commands));
        assert_eq!(commands.submissions.len(), 2);
        drop(exchange);
    }

    #[test]
    fn who_goes_away_is_told_of_and_the_answer_to_that_is_nobodys() {
        let mut commands = Commands::default();
        let mut exchange = wait(start(Seen::default(), two_requests(), &mut commands));
        exchange.abandon(EngineTime(3), &mut commands);
        assert_eq!(commands.submissions.len(), 3);
        let unheard = Event::Reply(commands.submissions[2].tag, Reply::Refused(ErrorKind::Overloaded));
        let mut exchange = wait(exchange.handle(EngineTime(4), unheard, &mut commands));
        for submission in 0..2 {
            let event =
                Event::Reply(commands.submissions[submission].tag, Reply::Refused(ErrorKind::Overloaded));
            match exchange.handle(EngineTime(5), event, &mut commands) {
                Outcome::Wait(again) => exchange = again,
                Outcome::Respond(response) => {
                    assert!(response.body.starts_with(b"5 true"));
                    return;
                }
                Outcome::Part(part, _) => panic!("it gives {part:?}"),
            }
        }
        panic!("it never responds");
    }
}
