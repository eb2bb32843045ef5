//! The rules: what is worth an alarm, from where on, and what to do about it.
//!
//! Apart because the page of the documentation, the API and the command line are made from the table.

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the table says what each is")]
pub enum Rule {
    DeadLetters,
    Depth,
    Growing,
    OldestAge,
    LagRecords,
    LagSeconds,
    NoConsumer,
    RedeliveryStorm,
    DiskNearlyFull,
    FsyncSlow,
    Damage,
}

/// A rule as the outside sees it.
#[derive(Debug, Clone, Copy)]
pub struct RuleInfo {
    /// It.
    pub rule: Rule,
    /// Its name.
    pub name: &'static str,
    /// What its value counts.
    pub unit: &'static str,
    /// How long the condition holds before the alarm is raised, in milliseconds.
    pub hold_ms: u64,
    /// When it is raised: a sentence.
    pub doc: &'static str,
    /// What to do: a sentence.
    pub advice: &'static str,
}

/// Every rule.
pub const RULES: &[RuleInfo] = &[
    RuleInfo {
        rule: Rule::DeadLetters,
        name: "dead_letters",
        unit: "records",
        hold_ms: 0,
        doc: "Records wait in a stream that others send their dead letters to.",
        advice: "Look at the letters with `millstream dlq list`, mend what refused them, then send them back or discard them.",
    },
    RuleInfo {
        rule: Rule::Depth,
        name: "depth",
        unit: "records",
        hold_ms: 60_000,
        doc: "A queue holds more records than it should.",
        advice: "Add consumers, or find out why those there are do not keep up.",
    },
    RuleInfo {
        rule: Rule::Growing,
        name: "growing",
        unit: "records per second",
        hold_ms: 900_000,
        doc: "More comes to a group than it does with, for a quarter of an hour on end.",
        advice: "Add consumers: the scaling endpoint of the group says how many it takes.",
    },
    RuleInfo {
        rule: Rule::OldestAge,
        name: "oldest_age",
        unit: "seconds",
        hold_ms: 0,
        doc: "The oldest record of a queue has waited too long.",
        advice: "See whether the consumers are at work, and whether one record holds up those behind it.",
    },
    RuleInfo {
        rule: Rule::LagRecords,
        name: "lag_records",
        unit: "records",
        hold_ms: 60_000,
        doc: "A group that reads by offset is too many records behind.",
        advice: "Add consumers up to the number of partitions, or delete the group if nobody needs it any more.",
    },
    RuleInfo {
        rule: Rule::LagSeconds,
        name: "lag_seconds",
        unit: "seconds",
        hold_ms: 60_000,
        doc: "A group that reads by offset is too far behind in time.",
        advice: "See whether its consumers are at work; before the records go by retention, give them more time or more consumers.",
    },
    RuleInfo {
        rule: Rule::NoConsumer,
        name: "no_consumer",
        unit: "records",
        hold_ms: 900_000,
        doc: "Records wait in a queue, and nobody consumes from it.",
        advice: "Start a consumer, or delete the queue if nobody needs it any more.",
    },
    RuleInfo {
        rule: Rule::RedeliveryStorm,
        name: "redelivery_storm",
        unit: "redeliveries per second",
        hold_ms: 60_000,
        doc: "Most of what a queue delivers was delivered before.",
        advice: "Look at the consumers' errors; give the queue a delivery limit and a dead-letter target so that what cannot be worked is put aside.",
    },
    RuleInfo {
        rule: Rule::DiskNearlyFull,
        name: "disk_nearly_full",
        unit: "percent free",
        hold_ms: 0,
        doc: "The disk of the data directory is nearly full; once it is full, producers are refused.",
        advice: "Make room, give streams a shorter retention, or purge what nobody needs.",
    },
    RuleInfo {
        rule: Rule::FsyncSlow,
        name: "fsync_slow",
        unit: "milliseconds",
        hold_ms: 60_000,
        doc: "One sync in a hundred takes too long; every producer waits for it.",
        advice: "See what else uses the disk; a disk that becomes slow may be about to fail.",
    },
    RuleInfo {
        rule: Rule::Damage,
        name: "damage",
        unit: "places",
        hold_ms: 0,
        doc: "Scrubbing has found stored bytes damaged.",
        advice: "Keep the backups that are older, look for the places in the log, and see to the disk.",
    },
];

impl Rule {
    /// What is said of it.
    #[must_use]
    pub fn info(self) -> &'static RuleInfo {
        RULES.iter().find(|info| info.rule == self).expect("every rule is in the table")
    }

    /// The rule of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Rule> {
        RULES.iter().find(|info| info.name == name).map(|info| info.rule)
    }
}

/// From where on the rules apply; those that have no number here apply from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Records in a queue.
    pub depth_records: u64,
    /// Age of a queue's oldest record, in seconds.
    pub oldest_seconds: u64,
    /// Records that a group that reads by offset is behind.
    pub lag_records: u64,
    /// Seconds that it is behind.
    pub lag_seconds: u64,
    /// Percent of the disk that are to be free.
    pub disk_free_percent: u64,
    /// Milliseconds that 99 of 100 syncs are to take at most.
    pub fsync_ms: u64,
}

/// Below this a group that grows is no matter.
pub(super) const GROWING_RECORDS_MIN: u64 = 1_000;
/// So much more must come than is done with, for the group to count as growing.
pub(super) const GROWING_SHARE: f64 = 1.05;
/// So many redeliveries per second are a storm, if they are most of all deliveries.
pub(super) const STORM_PER_SECOND: f64 = 10.0;
/// A queue that delivers less per second than this delivers nothing: one in a quarter of an hour.
pub(super) const NOTHING_PER_SECOND: f64 = 0.001;
/// Fewer syncs than this say nothing about the slowest of a hundred.
pub(super) const SYNCS_MIN: u64 = 20;

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            depth_records: 1_000_000,
            oldest_seconds: 3_600,
            lag_records: 1_000_000,
            lag_seconds: 3_600,
            disk_free_percent: 10,
            fsync_ms: 500,
        }
    }
}

impl Thresholds {
    /// The number from which on a rule applies, in its unit.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "thresholds are round")]
    pub fn of(&self, rule: Rule) -> f64 {
        match rule {
            Rule::DeadLetters | Rule::Damage | Rule::NoConsumer | Rule::Growing => 0.0,
            Rule::Depth => self.depth_records as f64,
            Rule::OldestAge => self.oldest_seconds as f64,
            Rule::LagRecords => self.lag_records as f64,
            Rule::LagSeconds => self.lag_seconds as f64,
            Rule::RedeliveryStorm => STORM_PER_SECOND,
            Rule::DiskNearlyFull => self.disk_free_percent as f64,
            Rule::FsyncSlow => self.fsync_ms as f64,
        }
    }
}
