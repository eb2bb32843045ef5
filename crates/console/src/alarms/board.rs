//! The board: every alarm there is, what is silenced, what is to be said.
//!
//! Apart because it is the state machine: readings and the time go in, notices come out.

use super::id::{AlarmId, Subject};
use super::readings::Reading;
use super::rules::{RULES, Rule, Thresholds};
use millstream_types::EngineTime;
use std::collections::BTreeMap;

/// Alarms at once. Of more, those that come later are not looked at.
const ALARMS_MAX: usize = 1_000;
/// A condition that has not been seen for so long is over, in milliseconds.
const CLEAR_MS: u64 = 60_000;
/// Silences at once.
pub(super) const SILENCES_MAX: usize = 32;

/// How far an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The condition holds, and not yet long enough.
    Pending,
    /// It is raised.
    Raised,
}

/// One alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// What it is about.
    pub subject: Subject,
    /// How far it is.
    pub state: State,
    /// Since when the condition holds.
    pub since: EngineTime,
    /// The last value beyond the threshold, in the rule's unit.
    pub value: f64,
    /// When that was seen.
    seen: EngineTime,
    /// It was told to somebody.
    is_told: bool,
}

/// Why nobody is to be told of an alarm, or of any of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The rule.
    pub rule: Rule,
    /// The alarm's subject by its hash; `None`: all alarms of the rule.
    pub subject: Option<u64>,
    /// Why: for whoever wonders.
    pub reason: String,
    /// Until when.
    pub until: EngineTime,
}

impl Silence {
    fn covers(&self, id: AlarmId, now: EngineTime) -> bool {
        self.rule == id.rule && self.subject.is_none_or(|subject| subject == id.subject) && now < self.until
    }
}

/// What happened to an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// It is raised.
    Raised,
    /// It is over.
    Resolved,
    /// Nothing: somebody wants to see whether notices arrive.
    Test,
}

/// Something to be told to whoever looks after the broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The alarm.
    pub id: AlarmId,
    /// What happened.
    pub kind: NoticeKind,
    /// What the alarm is about.
    pub subject: Subject,
    /// The last value, in the rule's unit.
    pub value: f64,
    /// The threshold.
    pub threshold: f64,
    /// Since when the condition holds, or held.
    pub since: EngineTime,
    /// When it happened.
    pub at: EngineTime,
}

/// How many alarms of a rule there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmCounts {
    /// The rule's name.
    pub rule: &'static str,
    /// Raised.
    pub raised: u64,
    /// Raised and silenced.
    pub silenced: u64,
}

/// All alarms. See the module's documentation.
#[derive(Debug, Default)]
pub struct Board {
    pub(super) thresholds: Thresholds,
    alarms: BTreeMap<AlarmId, Alarm>,
    pub(super) silences: Vec<Silence>,
    /// Alarms that were raised when the process before ended, and since when: they go on if their conditions still hold.
    pub(super) remembered: BTreeMap<AlarmId, EngineTime>,
    /// When the first readings came.
    began: Option<EngineTime>,
}

impl Board {
    /// A board without alarms.
    #[must_use]
    pub fn new(thresholds: Thresholds) -> Board {
        Board { thresholds, ..Board::default() }
    }

    /// Takes what is wrong now, and says what is to be told.
    pub fn observe(&mut self, now: EngineTime, readings: Vec<Reading>) -> Vec<Notice> {
        let began = *self.began.get_or_insert(now);
        self.silences.retain(|silence| now < silence.until);
        // What does not come again in time after a start was resolved while nobody looked.
        if now.since_ms(began) >= CLEAR_MS {
            self.remembered.clear();
        }
        for Reading { id, subject, value } in readings {
            if let Some(alarm) = self.alarms.get_mut(&id) {
                (alarm.value, alarm.seen) = (value, now);
            } else if self.alarms.len() < ALARMS_MAX {
                let known = self.remembered.remove(&id);
                let (since, is_told) = (known.unwrap_or(now), known.is_some());
                let state = if is_told { State::Raised } else { State::Pending };
                self.alarms.insert(id, Alarm { subject, state, since, value, seen: now, is_told });
            }
        }
        let (mut notices, thresholds, silences) = (Vec::new(), self.thresholds, &self.silences);
        self.alarms.retain(|id, alarm| {
            let mut tell = |alarm: &Alarm, kind| {
                let (subject, value, since) = (alarm.subject.clone(), alarm.value, alarm.since);
                let threshold = thresholds.of(id.rule);
                notices.push(Notice { id: *id, kind, subject, value, threshold, since, at: now });
            };
            if alarm.seen < now {
                let is_over = alarm.state == State::Pending || now.since_ms(alarm.seen) >= CLEAR_MS;
                if is_over && alarm.is_told {
                    tell(alarm, NoticeKind::Resolved);
                }
                if is_over {
                    return false;
                }
            } else if alarm.state == State::Pending && now.since_ms(alarm.since) >= id.rule.info().hold_ms {
                alarm.state = State::Raised;
            }
            let is_silenced = silences.iter().any(|silence| silence.covers(*id, now));
            if alarm.state == State::Raised && !alarm.is_told && !is_silenced {
                alarm.is_told = true;
                tell(alarm, NoticeKind::Raised);
            }
            true
        });
        notices
    }

    /// Every alarm, with the silence that covers it.
    pub fn alarms(&self, now: EngineTime) -> impl Iterator<Item = (AlarmId, &Alarm, Option<&Silence>)> {
        self.alarms.iter().map(move |(id, alarm)| {
            (*id, alarm, self.silences.iter().find(|silence| silence.covers(*id, now)))
        })
    }

    /// How many alarms of each rule there are.
    #[must_use]
    pub fn counts(&self, now: EngineTime) -> Vec<AlarmCounts> {
        let of = |info: &super::RuleInfo| {
            let raised = self
                .alarms(now)
                .filter(|(id, alarm, _)| id.rule == info.rule && alarm.state == State::Raised);
            let (mut all, mut silenced) = (0, 0);
            for (_, _, silence) in raised {
                all += 1;
                silenced += u64::from(silence.is_some());
            }
            AlarmCounts { rule: info.name, raised: all, silenced }
        };
        RULES.iter().map(of).collect()
    }

    /// Those silences that are not over.
    pub fn silences(&self, now: EngineTime) -> impl Iterator<Item = &Silence> {
        self.silences.iter().filter(move |silence| now < silence.until)
    }

    /// From where on the rules apply.
    #[must_use]
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// From now on the rules apply from elsewhere on. An alarm whose condition does not hold any more is resolved in its time.
    pub fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.thresholds = thresholds;
    }

    /// Has an alarm, or all of a rule, silenced from now on; another silence of the same is replaced. `false` when there are as
    /// many as may be.
    #[must_use]
    pub fn silence(&mut self, now: EngineTime, silence: Silence) -> bool {
        self.silences.retain(|known| {
            now < known.until && (known.rule, known.subject) != (silence.rule, silence.subject)
        });
        let has_room = self.silences.len() < SILENCES_MAX;
        if has_room {
            self.silences.push(silence);
        }
        has_room
    }

    /// Ends a silence. `false` when there is none.
    pub fn end_silence(&mut self, rule: Rule, subject: Option<u64>) -> bool {
        let before = self.silences.len();
        self.silences.retain(|silence| (silence.rule, silence.subject) != (rule, subject));
        self.silences.len() < before
    }

    /// A notice that is none.
    #[must_use]
    pub fn test(now: EngineTime) -> Notice {
        let (rule, subject) = (Rule::DeadLetters, Subject::Broker);
        let id = AlarmId::new(rule, &subject);
        Notice { id, kind: NoticeKind::Test, subject, value: 0.0, threshold: 0.0, since: now, at: now }
    }

    /// Alarms that are raised and were told, and since when.
    pub(super) fn told(&self) -> impl Iterator<Item = (AlarmId, EngineTime)> {
        let raised = self.alarms.iter().filter(|(_, alarm)| alarm.is_told);
        let now = raised.map(|(id, alarm)| (*id, alarm.since));
        now.chain(self.remembered.iter().map(|(id, since)| (*id, *since)))
    }
}
