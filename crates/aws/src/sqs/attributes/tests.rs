//! Attributes in and out of their ranges, and policies in Amazon's words.

use super::*;
use crate::sqs::errors::SqsError;

fn sentence(error: SqsError) -> String {
    match error {
        SqsError::InvalidAttributeName(sentence)
        | SqsError::InvalidAttributeValue(sentence)
        | SqsError::OverLimit(sentence)
        | SqsError::InvalidParameterValue(sentence) => sentence,
        error => format!("{error:?}"),
    }
}

fn set(fifo: bool, attributes: &[(&str, &str)]) -> Result<QueueSettings, String> {
    let mut settings = QueueSettings::new(fifo);
    settings.set_all(attributes).map_err(sentence)?;
    Ok(settings)
}

#[test]
fn the_table_is_in_the_order_of_names_and_whole() {
    assert!(AttributeName::ALL.is_sorted_by(|left, right| left.1 < right.1));
    for (attribute, name, _) in AttributeName::ALL {
        assert_eq!(attribute.name(), name);
        assert_eq!(format!("{attribute:?}"), name);
    }
}

#[test]
fn numbers_are_taken_to_both_ends_of_their_ranges() {
    for (name, least, most) in [
        ("DelaySeconds", 0, 900),
        ("MaximumMessageSize", 1024, 1_048_576),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ("VisibilityTimeout", 0, 43_200),
        ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
    ] {
        let attribute = AttributeName::to_set(name, false).unwrap();
        for good in [least, most] {
            let settings = set(false, &[(name, &good.to_string())]).unwrap();
            let shown = settings.get(attribute);
            assert_eq!(shown, Some(good.to_string()), "{name}");
        }
        for bad in [
            &*(least - 1).to_string(),
            &(most + 1).to_string(),
            "",
            "x",
            "1.5",
            "+60",
            "99999999999999999999",
        ] {
            let said = set(false, &[(name, bad)]).unwrap_err();
            assert_eq!(said, format!("Invalid value for the parameter {name}."), "{bad}");
        }
    }
}

#[test]
fn fifo_attributes_are_for_fifo_queues() {
    for (name, says) in [
        ("FifoQueue", "Unknown Attribute FifoQueue."),
        ("ContentBasedDeduplication", "Unknown Attribute ContentBasedDeduplication."),
        ("DeduplicationScope", "You can specify the DeduplicationScope only when FifoQueue is set to true."),
        (
            "FifoThroughputLimit",
            "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
        ),
        ("QueueArn", "Unknown Attribute QueueArn."),
        ("Colour", "Unknown Attribute Colour."),
    ] {
        assert_eq!(set(false, &[(name, "true")]).unwrap_err(), says);
    }
    let fast = [("FifoThroughputLimit", "perMessageGroupId"), ("DeduplicationScope", "messageGroup")];
    let settings = set(true, &fast).unwrap();
    assert_eq!(settings.get(AttributeName::DeduplicationScope).as_deref(), Some("messageGroup"));
    assert!(set(true, &fast[..1]).unwrap_err().starts_with("The perMessageGroupId value is allowed only"));
    assert!(
        set(true, &[("FifoQueue", "false")]).unwrap_err().contains("Modifying queue type is not supported.")
    );
    assert!(set(true, &[("FifoQueue", "TRUE")]).is_ok());
}

#[test]
fn one_kind_of_encryption_at_a_time() {
    let with_key = set(false, &[("KmsMasterKeyId", "k"), ("KmsDataKeyReusePeriodSeconds", "6000")]).unwrap();
    assert_eq!(with_key.get(AttributeName::SqsManagedSseEnabled).as_deref(), Some("false"));
    let both = set(false, &[("KmsMasterKeyId", "k"), ("SqsManagedSseEnabled", "true")]);
    assert!(
        both.unwrap_err().starts_with("You can use one type of server-side encryption (SSE) at one time.")
    );
    let mut back = with_key;
    back.set_all(&[("SqsManagedSseEnabled", "true")]).unwrap();
    assert_eq!(back.get(AttributeName::KmsMasterKeyId), None);
}

#[test]
fn a_refused_change_changes_nothing() {
    let mut settings = QueueSettings::new(false);
    let before = settings.clone();
    assert!(settings.set_all(&[("DelaySeconds", "5"), ("VisibilityTimeout", "-1")]).is_err());
    assert_eq!(settings, before);
}

#[test]
fn redrive_policies_are_read_and_refused_by_name() {
    let arn = "arn:aws:sqs:us-east-1:000000000000:dead";
    let good = format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":\"3\"}}");
    let policy = RedrivePolicy::parse(&good).unwrap();
    assert_eq!((policy.target.arn(), policy.receive_count_max), (arn.to_owned(), 3));
    for (text, reason) in [
        ("[]".to_owned(), "Redrive policy is not a valid JSON map."),
        (
            "{\"maxReceiveCount\":3}".to_owned(),
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
        ),
        (format!("{{\"deadLetterTargetArn\":\"{arn}\"}}"), "mandatory attribute: maxReceiveCount."),
        (
            format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":1001}}"),
            "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.",
        ),
        (
            "{\"deadLetterTargetArn\": \"dummy\", \"maxReceiveCount\": 42}".to_owned(),
            "Reason: Invalid value for deadLetterTargetArn.",
        ),
    ] {
        let said = sentence(RedrivePolicy::parse(&text).unwrap_err());
        assert!(said.starts_with(&format!("Value {text} for parameter RedrivePolicy is invalid.")), "{said}");
        assert!(said.ends_with(reason), "{said}");
    }
    let mut settings = set(false, &[("RedrivePolicy", &good)]).unwrap();
    settings.set_all(&[("RedrivePolicy", "")]).unwrap();
    assert_eq!(settings.redrive, None);
}

#[test]
fn a_dead_letter_queue_says_who_may_use_it() {
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    let by_queue = format!("{{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"{}\"]}}", arn("a"));
    for (text, a, b) in [
        ("{\"redrivePermission\":\"allowAll\"}", true, true),
        ("{\"redrivePermission\":\"denyAll\"}", false, false),
        (&*by_queue, true, false),
    ] {
        let policy = RedriveAllow::parse(text).unwrap();
        assert_eq!((policy.allows(&arn("a")), policy.allows(&arn("b"))), (a, b), "{text}");
    }
    let eleven: Vec<String> = (0..11).map(|n| format!("\"{}\"", arn(&format!("q{n}")))).collect();
    for text in [
        "",
        "{}",
        "{\"redrivePermission\":\"some\"}",
        "{\"redrivePermission\":\"byQueue\"}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[]}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"x\"]}",
        "{\"redrivePermission\":\"allowAll\",\"sourceQueueArns\":[]}",
        &format!("{{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[{}]}}", eleven.join(",")),
    ] {
        assert!(RedriveAllow::parse(text).is_err(), "{text}");
    }
}

#[test]
fn permissions_are_statements_under_labels() {
    let arn = "arn:aws:sqs:us-east-1:000000000000:q";
    let add = |policy: Option<&str>, label: &str, accounts: &[&str]| {
        add_permission(policy, arn, label, accounts, &["ReceiveMessage"])
    };
    let one = add(None, "one", &["111111111111"]).unwrap();
    let json: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(json["Version"], "2008-10-17");
    assert_eq!(json["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::111111111111:root");
    assert_eq!(json["Statement"][0]["Action"], "SQS:ReceiveMessage");
    let two = add(Some(&one), "two", &["111111111111", "222222222222"]).unwrap();
    assert_eq!(
        sentence(add(Some(&two), "one", &["1"]).unwrap_err()),
        "Value one for parameter Label is invalid. Reason: Already exists."
    );
    assert_eq!(
        sentence(remove_permission(Some(&two), arn, "three").unwrap_err()),
        "Value three for parameter Label is invalid. Reason: can't find label."
    );
    let left = remove_permission(Some(&two), arn, "two").unwrap().unwrap();
    assert_eq!(left, one);
    assert_eq!(remove_permission(Some(&left), arn, "one"), Ok(None));
    let single = r#"{"Statement":{"Sid":"x"}}"#;
    assert_eq!(remove_permission(Some(single), arn, "x"), Ok(None));
    let denied = add_permission(None, arn, "l", &["1"], &["DeleteQueue"]).unwrap_err();
    assert!(sentence(denied).starts_with("Value SQS:DeleteQueue for parameter ActionName is invalid."));
    let many: Vec<String> = (0..300).map(|n| format!("{n:012}")).collect();
    let many: Vec<&str> = many.iter().map(|account| &**account).collect();
    assert!(matches!(add(None, "l", &many), Err(SqsError::OverLimit(_))));
}

#[test]
fn tags_have_limits() {
    let tags = |pairs: &[(&str, &str)]| -> TagMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    assert_eq!(check_tags(&tags(&[("k", ""), ("ü", &"v".repeat(256))])), Ok(()));
    for wrong in [("", "v"), (&*long_key, "v"), ("k", &*long_value), ("AWS:k", "v")] {
        assert!(check_tags(&tags(&[wrong])).is_err(), "{wrong:?}");
    }
    let many: TagMap = (0..51).map(|n| (n.to_string(), String::new())).collect();
    assert!(check_tags(&many).is_err());
}
