//! Declarations become configurations, and have to equal the ones before them.

use super::*;
use crate::codec::TableBuilder;

const FLAGS: (bool, bool, bool) = (true, false, false);

fn check(flags: (bool, bool, bool), arguments: &[(&str, Value<'_>)]) -> Result<Arguments, Fault> {
    let mut table = TableBuilder::default();
    for (name, value) in arguments {
        table.put(name, *value);
    }
    Arguments::check("q", "/", flags, table.table())
}

fn config(changes: &[ConfigChange]) -> StreamConfig {
    let mut config = StreamConfig::default();
    for change in changes {
        config.change(change).expect("a change that the core takes");
    }
    config
}

fn text(result: Result<Vec<ConfigChange>, Fault>) -> String {
    result.expect_err("it differs").reply_text()
}

#[test]
fn arguments_set_what_the_core_acts_on() {
    let arguments = [
        ("x-message-ttl", Value::I32(60_000)),
        ("x-max-length", Value::I64(10)),
        ("x-dead-letter-exchange", Value::Long(b"")),
        ("x-dead-letter-routing-key", Value::Long(b"dead")),
        ("x-single-active-consumer", Value::Bool(true)),
        ("x-max-priority", Value::U8(9)),
        ("x-unknown", Value::Void),
    ];
    let config = config(&check(FLAGS, &arguments).unwrap().creation());
    let lease = config.lease();
    assert!(lease.enabled() && lease.single_holder() && is_own(&config));
    assert_eq!((lease.time_to_live_ms(), lease.length_max()), (Some(60_000), Some(10)));
    let route = DeadLetterRoute { route: "".into(), key: Some("dead".into()) };
    assert_eq!((lease.dead_letter_route(), lease.delivery_limit()), (Some(&route), None));
    assert_eq!(lease.overflow(), Overflow::DeadLetter);
    assert_eq!(Stored { config: &config }.priority_max(), 9);
    assert_eq!((config.consumed(), config.retention_ms()), (Some(0), None));
    assert!(!config.ephemeral());
    for flags in [(false, false, false), (true, true, false)] {
        assert!(self::config(&check(flags, &[]).unwrap().creation()).ephemeral());
    }
}

#[test]
fn a_declaration_equals_itself_whatever_the_width_of_its_numbers() {
    let narrow = check(FLAGS, &[("x-max-length", Value::I8(10)), ("x-queue-type", Value::Long(b"classic"))]);
    let config = config(&narrow.unwrap().creation());
    let wide = check(FLAGS, &[("x-max-length", Value::I64(10))]).unwrap();
    assert_eq!(Stored { config: &config }.declare_again("q", "/", &wide), Ok(Vec::new()));
}

#[test]
fn differences_are_told_in_rabbitmqs_words() {
    let stored = check(FLAGS, &[("x-message-ttl", Value::I32(1000))]).unwrap().creation();
    let config = config(&stored);
    let again = |flags, arguments: &[(&str, Value<'_>)]| {
        text(Stored { config: &config }.declare_again("q", "/", &check(flags, arguments).unwrap()))
    };
    assert_eq!(
        again((false, false, false), &[("x-message-ttl", Value::I32(1000))]),
        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'"
    );
    assert_eq!(
        again(FLAGS, &[("x-message-ttl", Value::I32(2000))]),
        "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received '2000' but current is \
         '1000'"
    );
    assert!(again(FLAGS, &[]).ends_with("received none but current is the value '1000' of type 'signedint'"));
}

#[test]
fn what_cannot_be_is_refused() {
    for (argument, value) in [
        ("x-message-ttl", Value::I32(-1)),
        ("x-message-ttl", Value::Long(b"1000")),
        ("x-expires", Value::I32(0)),
        ("x-max-priority", Value::I32(256)),
        ("x-overflow", Value::Long(b"explode")),
        ("x-single-active-consumer", Value::I32(1)),
        ("x-dead-letter-routing-key", Value::Long(b"key without an exchange")),
        ("x-queue-type", Value::Long(b"mirrored")),
    ] {
        let fault = check(FLAGS, &[(argument, value)]).unwrap_err();
        assert!(
            fault.reply_text().starts_with(&format!("PRECONDITION_FAILED - invalid arg '{argument}'")),
            "{fault:?}"
        );
    }
    let quorum = ("x-queue-type", Value::Long(b"quorum"));
    for flags in [(false, false, false), (true, true, false), (true, false, true)] {
        assert!(check(flags, &[quorum]).unwrap_err().text.starts_with("invalid property"));
    }
    assert!(check(FLAGS, &[quorum]).is_ok());
}

#[test]
fn another_fronts_stream_is_attached_to_if_nothing_contradicts() {
    let mut config = StreamConfig::default();
    let set = |config: &mut StreamConfig, setting| {
        config.change(&ConfigChange::Set(Setting::Lease(setting))).unwrap();
    };
    set(&mut config, LeaseSetting::Enabled(true));
    set(&mut config, LeaseSetting::DeliveryLimit(Some(5)));
    let before = config.clone();
    let quorum = ("x-queue-type", Value::Long(b"quorum"));
    let fits = check(FLAGS, &[quorum, ("x-delivery-limit", Value::I32(4))]).unwrap();
    let changes = Stored { config: &config }.declare_again("q", "/", &fits).unwrap();
    for change in &changes {
        config.change(change).unwrap();
    }
    assert!(!is_own(&config));
    assert_eq!(Stored { config: &config }.declare_again("q", "/", &fits), Ok(Vec::new()));
    let other = check(FLAGS, &[quorum, ("x-delivery-limit", Value::I32(9))]).unwrap();
    assert!(text(Stored { config: &before }.declare_again("q", "/", &other)).contains("another protocol"));
    let changes = Stored { config: &config }.detach();
    for change in &changes {
        config.change(change).unwrap();
    }
    assert!(config.annotation(DURABLE).is_none() && !config.lease().enabled());
}
