//! What the console front and whoever runs the broker have in common: meters, the last observation, the alarms.
//!
//! Apart because it has two sides. The binary's thread looks, hands in what it saw and takes the notices; requests read. Neither
//! waits for the other longer than for a short lock.

use super::expose::{Shown, families};
use super::process::Process;
use super::recent::{Memory, Recent};
use super::text::{Format, from_open_metrics};
use crate::alarms::{Board, Notice, Thresholds, readings};
use crate::errors::Problem;
use crate::observe::history::{History, LagHistory};
use crate::observe::{GroupKind, Observation};
use crate::respond::{no_sniff, no_store};
use bytes::Bytes;
use millstream_core::catalog::Annotations;
use millstream_front::http::{Request, Response};
use millstream_front::{OperationCounts, OperationMeters};
use millstream_types::EngineTime;
use millstream_types::histogram::Counted;
use parking_lot::{Condvar, Mutex};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What it is made of.
pub struct TelemetryParts {
    /// The broker's version.
    pub version: &'static str,
    /// From where on alarms are raised.
    pub thresholds: Thresholds,
    /// How notices leave, by name, for whoever tries them.
    pub ways: Vec<&'static str>,
    /// Gathers what the process knows of itself. It takes no locks that are held for long.
    pub process: Box<dyn Fn() -> Process + Send + Sync>,
}

/// See the module's documentation.
pub struct Telemetry {
    version: &'static str,
    process: Box<dyn Fn() -> Process + Send + Sync>,
    ways: Mutex<Vec<&'static str>>,
    meters: Mutex<Vec<Arc<OperationMeters>>>,
    latest: Mutex<Option<Arc<Observation>>>,
    history: Mutex<History>,
    recent: Mutex<Memory>,
    board: Mutex<Board>,
    /// The syncs up to the last observation.
    syncs: Mutex<Counted>,
    asked: Mutex<Asked>,
    /// Something was asked for.
    rung: Condvar,
}

/// What is asked of the thread that looks.
#[derive(Default)]
struct Asked {
    /// Notices to be sent now.
    notices: Vec<Notice>,
    /// It is to end.
    is_over: bool,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Notices that wait to be taken: trying them more often than they are taken is of no use.
const ASKED_MAX: usize = 8;

impl Telemetry {
    /// Nothing is seen yet, and no alarm is raised.
    #[must_use]
    pub fn new(parts: TelemetryParts) -> Arc<Telemetry> {
        let TelemetryParts { version, thresholds, ways, process } = parts;
        let board = Mutex::new(Board::new(thresholds));
        Arc::new(Telemetry {
            version,
            process,
            ways: Mutex::new(ways),
            meters: Mutex::default(),
            latest: Mutex::default(),
            history: Mutex::default(),
            recent: Mutex::default(),
            board,
            syncs: Mutex::default(),
            asked: Mutex::default(),
            rung: Condvar::new(),
        })
    }

    /// Shows what a front counts as well.
    pub fn add_meters(&self, meters: Arc<OperationMeters>) {
        self.meters.lock().push(meters);
    }

    /// From now on alarms are raised from elsewhere on, and notices leave by other ways.
    pub fn set(&self, thresholds: Thresholds, ways: Vec<&'static str>) {
        self.board.lock().set_thresholds(thresholds);
        *self.ways.lock() = ways;
    }

    /// Goes on with the alarms of the process before, by what it has left in the default namespace.
    pub fn restore(&self, annotations: &Annotations) {
        self.board.lock().restore(annotations);
    }

    /// Takes what was seen; gives what is to be told.
    pub fn observe(&self, observation: Observation) -> Vec<Notice> {
        let now = observation.at;
        let storage = (self.process)().storage;
        let syncs = {
            let mut before = self.syncs.lock();
            let since = storage.sync_micros.since(&before);
            *before = storage.sync_micros;
            since
        };
        let thresholds = *self.board.lock().thresholds();
        let readings = readings(&thresholds, &observation, &storage, &syncs);
        self.history.lock().take(&observation);
        *self.latest.lock() = Some(Arc::new(observation));
        self.board.lock().observe(now, readings)
    }

    /// Waits so long, or until somebody asks for notices: gives those. `None`: it is over.
    pub fn wait(&self, timeout: Duration) -> Option<Vec<Notice>> {
        let mut asked = self.asked.lock();
        let is_quiet = |asked: &mut Asked| asked.notices.is_empty() && !asked.is_over;
        self.rung.wait_while_for(&mut asked, is_quiet, timeout);
        (!asked.is_over).then(|| std::mem::take(&mut asked.notices))
    }

    /// Ends whoever [waits](Telemetry::wait).
    pub fn end(&self) {
        self.asked.lock().is_over = true;
        self.rung.notify_all();
    }

    /// Has a notice sent that is none. `false` when others wait still.
    pub(crate) fn ask_for_test(&self, now: EngineTime) -> bool {
        let mut asked = self.asked.lock();
        let has_room = asked.notices.len() < ASKED_MAX;
        if has_room {
            asked.notices.push(Board::test(now));
            self.rung.notify_all();
        }
        has_room
    }

    /// What is to be changed in the default namespace so that the alarms survive a restart: keys with their new values.
    #[must_use]
    pub fn unsaved(&self, annotations: &Annotations) -> Vec<(Box<str>, Option<Box<str>>)> {
        self.board.lock().changes(annotations)
    }

    /// The last observation; `None` in the first moments.
    #[must_use]
    pub fn observation(&self) -> Option<Arc<Observation>> {
        self.latest.lock().clone()
    }

    /// When the last looks were, and the lags that they saw of a group, by stream.
    pub(crate) fn lags(
        &self,
        kind: GroupKind,
        namespace: &str,
        name: &str,
    ) -> (Vec<EngineTime>, Vec<LagHistory>) {
        self.history.lock().of(kind, namespace, name)
    }

    /// Remembers the counters, if it is time. To be called about once a second.
    pub(crate) fn tick(&self, now: EngineTime) {
        if self.recent.lock().is_due(now) {
            let (operations, syncs) = (self.operations(), self.process().storage.sync_micros);
            self.recent.lock().take(now, operations, syncs);
        }
    }

    /// What was asked for within the last minute.
    pub(crate) fn recent(&self, now: EngineTime) -> Recent {
        let (operations, syncs) = (self.operations(), self.process().storage.sync_micros);
        self.recent.lock().recent(now, &operations, &syncs)
    }

    fn operations(&self) -> Vec<OperationCounts> {
        let meters = self.meters.lock().clone();
        meters.iter().flat_map(|meters| meters.counts().collect::<Vec<_>>()).collect()
    }

    /// Looks at the alarms, or changes them.
    pub fn with_alarms<T>(&self, see: impl FnOnce(&mut Board) -> T) -> T {
        see(&mut self.board.lock())
    }

    /// How notices leave, by name.
    #[must_use]
    pub fn ways(&self) -> Vec<&'static str> {
        self.ways.lock().clone()
    }

    /// What the process knows of itself.
    #[must_use]
    pub fn process(&self) -> Process {
        (self.process)()
    }

    /// Answers what programs ask that watch over the broker; `None` when it is something else.
    pub(crate) fn answer(&self, now: EngineTime, request: &Request<'_>) -> Option<Response> {
        let answer: fn(&Telemetry, EngineTime, &Request<'_>) -> Response = match request.path {
            "/metrics" => |telemetry, now, request| telemetry.scrape(now, Format::of(request)),
            _ => return None,
        };
        if !["GET", "HEAD"].contains(&request.method) {
            return Some(Problem::method(&["GET", "HEAD"]).response());
        }
        Some(answer(self, now, request))
    }

    fn scrape(&self, now: EngineTime, format: Format) -> Response {
        let (process, observation) = (self.process(), self.observation());
        let (meters, alarms) = (self.meters.lock().clone(), self.board.lock().counts(now));
        let families = families(&Shown {
            version: self.version,
            now,
            process: &process,
            meters: &meters,
            observation: observation.as_deref(),
            alarms: &alarms,
        });
        let mut registry = Registry::default();
        registry.register_collector(Box::new(families));
        let mut text = String::with_capacity(SCRAPE_BYTES);
        encode(&mut text, &registry).expect("a string takes everything");
        if format == Format::Text {
            text = from_open_metrics(&text);
        }
        let headers = vec![("content-type", format.content_type().into()), no_store(), no_sniff()];
        Response { status: 200, headers, body: Bytes::from(text) }
    }
}

/// A scrape is about as long.
const SCRAPE_BYTES: usize = 256 << 10;
