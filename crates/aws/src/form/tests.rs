//! Forms that clients send, forms that nobody sends, and a property: no form panics, whatever it is read as.

use super::*;
use crate::value::{Int, List, Map, Text};
use proptest::prelude::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Wanted<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
    #[serde(rename = "MaxResults")]
    max: Option<Int>,
    #[serde(borrow, rename = "AttributeNames", alias = "AttributeName")]
    names: List<Text<'a>, 3>,
    #[serde(borrow, rename = "Attributes", alias = "Attribute")]
    attributes: Map<'a, Text<'a>, 3>,
    #[serde(borrow, rename = "Entries", alias = "Entry")]
    entries: List<Inner<'a>, 3>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Inner<'a> {
    #[serde(borrow, rename = "Id")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "MessageAttributes", alias = "MessageAttribute")]
    attributes: Map<'a, Leaf<'a>, 3>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Leaf<'a> {
    #[serde(borrow, rename = "StringValue")]
    text: Option<Text<'a>>,
}

fn read(text: &str) -> Result<Wanted<'_>, FormError> {
    Form::parse(&[text])?.read()
}

fn texts<const MAX: usize>(list: &List<Text<'_>, MAX>) -> Vec<String> {
    list.items.iter().map(|text| text.to_string()).collect()
}

fn pairs<const MAX: usize>(map: &Map<'_, Text<'_>, MAX>) -> Vec<(String, String)> {
    map.entries.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn a_structure_is_read_from_flat_names() {
    let wanted = read(
        "Action=X&QueueUrl=http%3A%2F%2Fa%2Fb&MaxResults=10&AttributeName.2=b&AttributeName.1=a&AttributeName.10=no\
         &Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=35&Attribute.2.Name=Policy&Attribute.2.Value=\
         &Entry.1.Id=one&Entry.1.MessageAttribute.1.Name=n&Entry.1.MessageAttribute.1.Value.StringValue=v+w\
         &Entry.2.Id=two",
    )
    .unwrap();
    assert_eq!(wanted.url.as_deref(), Some("http://a/b"));
    assert_eq!(wanted.max, Some(Int(10)));
    assert_eq!(texts(&wanted.names), ["a", "b"], "counted from 1 without gaps");
    let expected = [("VisibilityTimeout".to_owned(), "35".to_owned()), ("Policy".to_owned(), String::new())];
    assert_eq!(pairs(&wanted.attributes), expected);
    let [one, two] = &wanted.entries.items[..] else { panic!("two entries") };
    assert_eq!((one.id.as_deref(), two.id.as_deref()), (Some("one"), Some("two")));
    assert_eq!(one.attributes.entries[0].1.text.as_deref(), Some("v w"));
    assert_eq!(two.attributes.sent, 0);
}

#[test]
fn the_only_element_needs_no_number() {
    let wanted = read("AttributeName=All&Attribute.Name=A&Attribute.Value=1").unwrap();
    assert_eq!(texts(&wanted.names), ["All"]);
    assert_eq!(pairs(&wanted.attributes), [("A".to_owned(), "1".to_owned())]);
    let tags = read("Attribute.1.Key=k&Attribute.1.Value=v").unwrap();
    assert_eq!(pairs(&tags.attributes), [("k".to_owned(), "v".to_owned())]);
}

#[test]
fn the_first_of_equal_fields_counts_and_a_query_comes_before_a_body() {
    let form = Form::parse(&["MaxResults=1", "MaxResults=2&QueueUrl=x"]).unwrap();
    let wanted: Wanted<'_> = form.read().unwrap();
    assert_eq!(wanted.max, Some(Int(1)));
    assert_eq!(wanted.url.as_deref(), Some("x"));
}

#[test]
fn more_than_is_wanted_is_counted_and_not_kept() {
    let many: Vec<String> = (1..=20).map(|n| format!("AttributeName.{n}=x{n}")).collect();
    let text = many.join("&");
    let wanted = read(&text).unwrap();
    assert_eq!(wanted.names.sent, 20);
    assert_eq!(wanted.names.items.len(), 3);
}

#[test]
fn what_cannot_be_read_says_why() {
    let too_many = "a&".repeat(FIELDS_MAX + 1);
    for (text, says) in [
        ("MaxResults=ten", "Value ten for parameter MaxResults is invalid"),
        ("MaxResults=9223372036854775808", "Must be an integer"),
        ("QueueUrl=%zz", "the value of QueueUrl is wrongly encoded"),
        ("%zz=1", "a field's name is wrongly encoded"),
        ("Attribute.1.Value=1", "Attribute.1.Name is missing"),
        ("Attribute.1.Name=A", "Attribute.1.Value is missing"),
        ("QueueUrl.x=1", "QueueUrl has no value of its own"),
        (&too_many, "at most 1024 fields"),
    ] {
        let error = read(text).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(says), "{text:.40}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[A-Za-z0-9.=&%+ü]{0,200}") {
        drop(read(&text));
    }

    #[test]
    fn any_tree_of_names_is_read_or_refused(
        fields in prop::collection::vec(
            ("(Attribute|AttributeName|Entry|MaxResults)(\\.(1|2|Name|Value|Id|MessageAttribute)){0,4}", "[0-9a-z%]{0,4}"),
            0..20,
        ),
    ) {
        let text: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        drop(read(&text.join("&")));
    }

    #[test]
    fn what_was_encoded_comes_back(value in "\\PC{0,40}") {
        let mut text = String::from("QueueUrl=");
        crate::percent::encode(&value, &mut text);
        let wanted = read(&text).unwrap();
        prop_assert_eq!(wanted.url.as_deref(), Some(&*value));
    }
}
