//! Which settings a running broker takes when it reads them again (`SIGHUP`).
//!
//! Apart because it is a promise of its own: what is on the list changes without a restart, and whatever else has changed is told
//! about and left as it was.

use super::{Effective, KNOBS, Settings};

/// The keys that a running broker takes.
pub(super) const LIVE: &[&str] = &[
    "aws_credentials_file",
    "alarm_depth_records",
    "alarm_oldest_seconds",
    "alarm_lag_records",
    "alarm_lag_seconds",
    "alarm_disk_free_percent",
    "alarm_fsync_ms",
    "alarm_stream",
    "alarm_webhook",
    "alarm_webhook_allow",
    "alarm_webhook_secret_file",
    "trusted_ca_file",
    "log_level",
];

/// What a broker runs with once it has read its settings again.
pub(crate) struct Reloaded {
    pub(crate) effective: Effective,
    /// Keys that have another value now.
    pub(crate) taken: Vec<&'static str>,
    /// Keys that would have another value if the broker were started now.
    pub(crate) left: Vec<&'static str>,
}

impl Effective {
    /// This configuration with what a running broker takes of another one.
    pub(crate) fn take(&self, new: &Effective) -> Reloaded {
        let settings = Settings {
            aws_credentials_file: new.settings.aws_credentials_file.clone(),
            thresholds: new.settings.thresholds,
            alarm_stream: new.settings.alarm_stream.clone(),
            alarm_webhook: new.settings.alarm_webhook.clone(),
            alarm_webhook_allow: new.settings.alarm_webhook_allow.clone(),
            alarm_webhook_secret_file: new.settings.alarm_webhook_secret_file.clone(),
            trusted_ca_file: new.settings.trusted_ca_file.clone(),
            log_level: new.settings.log_level.clone(),
            ..self.settings.clone()
        };
        let (mut taken, mut left, mut sources) = (Vec::new(), Vec::new(), new.sources.clone());
        for (index, knob) in KNOBS.iter().enumerate() {
            let [before, now, new] = [&self.settings, &settings, &new.settings].map(knob.show);
            if now != before {
                taken.push(knob.key);
            }
            if now != new {
                left.push(knob.key);
                sources[index] = self.sources[index].clone();
            }
        }
        Reloaded { effective: Effective { settings, sources }, taken, left }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Given;
    use super::*;

    /// Another value than the default one.
    fn other(key: &str) -> &'static str {
        match key {
            "durability" => "interval",
            "log_format" => "json",
            "log_level" => "debug",
            "kafka_auto_create" => "false",
            "insecure" => "true",
            "page_cache_bytes" | "memory_budget_bytes" => "99MiB",
            "alarm_disk_free_percent" => "7",
            "alarm_webhook_allow" => "10.0.0.0/8",
            "alarm_webhook" | "otlp_endpoint" => "http://localhost:1/x",
            key if key.starts_with("listen_") || key.starts_with("advertise_") => "localhost:77",
            key if key.ends_with("_file") || key.ends_with("_dir") || key == "alarm_stream" => "x",
            key if key.ends_with("_bytes") || key.ends_with("_bytes_per_second") => "2000000",
            _ => "78",
        }
    }

    #[test]
    fn what_is_on_the_list_is_taken_and_everything_else_is_left() {
        let load = |flags| Effective::load(&Given { file: None, flags }, |_| None).unwrap();
        assert!(LIVE.iter().all(|key| KNOBS.iter().any(|knob| knob.key == *key)));
        for (index, knob) in KNOBS.iter().enumerate() {
            let (before, new) = (load(vec![]), load(vec![(knob.key, other(knob.key).to_owned())]));
            let Reloaded { effective, taken, left } = before.take(&new);
            let is_live = LIVE.contains(&knob.key);
            let expected: [Vec<&str>; 2] =
                if is_live { [vec![knob.key], vec![]] } else { [vec![], vec![knob.key]] };
            assert_eq!([taken, left], expected, "{}", knob.key);
            let by = if is_live { &new } else { &before };
            assert_eq!(effective.settings, by.settings, "{}", knob.key);
            assert_eq!(effective.sources[index], by.sources[index], "{}", knob.key);
        }
    }
}
