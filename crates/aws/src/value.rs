//! The values that requests are made of: text, whole numbers, lists and maps with an end.
//!
//! Apart because they are read from both protocols alike, and because they bound what a request can make the broker
//! hold: a list keeps as many elements as its operation can use and counts the others, so that a refusal can say how
//! many were sent without having kept them.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;

/// Text, borrowed from the request where it needed no decoding. Numbers and truth values are taken by their spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The text as one's own.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Text<'a> {
        Text(Cow::Borrowed(text))
    }
}

impl<'a, 'de: 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E: Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Text<'de>, E> {
                self.visit_string(value.to_string())
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Text<'de>, E> {
                self.visit_string(value.to_string())
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Text<'de>, E> {
                self.visit_string(value.to_string())
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Text<'de>, E> {
                self.visit_string(value.to_string())
            }
            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Text<'de>, A::Error> {
                Err(A::Error::custom("Start of structure or map found where not expected."))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Text<'de>, A::Error> {
                Err(A::Error::custom("Start of list found where not expected."))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int(pub i64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Int, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Int;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an Integer")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Int, E> {
                Ok(Int(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Int, E> {
                // Out of every range there is, as the number itself would be.
                Ok(Int(i64::try_from(value).unwrap_or(i64::MAX)))
            }
        }
        deserializer.deserialize_i64(Whole)
    }
}

/// Elements for which a list has room as soon as it has one: those of a batch, which would otherwise be moved four times.
const ROOM: usize = 10;

/// A list of which the first `MAX` elements are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T, const MAX: usize> {
    /// The elements kept.
    pub items: Vec<T>,
    /// How many there were.
    pub sent: usize,
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        List { items: Vec::new(), sent: 0 }
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Kept<T, MAX> {
            type Value = List<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_none<E: Error>(self) -> Result<List<T, MAX>, E> {
                Ok(List::default())
            }
            fn visit_some<D: Deserializer<'de>>(self, list: D) -> Result<List<T, MAX>, D::Error> {
                list.deserialize_seq(self)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<List<T, MAX>, A::Error> {
                let mut list = List::default();
                while list.items.len() < MAX {
                    let Some(item) = elements.next_element()? else { return Ok(list) };
                    if list.items.is_empty() {
                        list.items.reserve_exact(MAX.min(ROOM));
                    }
                    list.items.push(item);
                    list.sent += 1;
                }
                while elements.next_element::<IgnoredAny>()?.is_some() {
                    list.sent += 1;
                }
                Ok(list)
            }
        }
        deserializer.deserialize_option(Kept(PhantomData))
    }
}

/// A map of which the first `MAX` entries are kept, in their order. Names may come twice; who reads it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map<'a, T, const MAX: usize> {
    /// The entries kept.
    pub entries: Vec<(Text<'a>, T)>,
    /// How many there were.
    pub sent: usize,
}

impl<T, const MAX: usize> Default for Map<'_, T, MAX> {
    fn default() -> Self {
        Map { entries: Vec::new(), sent: 0 }
    }
}

impl<'a, 'de: 'a, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Map<'a, T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kept<'a, T, const MAX: usize>(PhantomData<(T, &'a ())>);
        impl<'a, 'de: 'a, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Kept<'a, T, MAX> {
            type Value = Map<'a, T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_none<E: Error>(self) -> Result<Map<'a, T, MAX>, E> {
                Ok(Map::default())
            }
            fn visit_some<D: Deserializer<'de>>(self, map: D) -> Result<Map<'a, T, MAX>, D::Error> {
                map.deserialize_map(self)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Map<'a, T, MAX>, A::Error> {
                let mut map = Map::default();
                while map.entries.len() < MAX {
                    let Some(entry) = access.next_entry()? else { return Ok(map) };
                    map.entries.push(entry);
                    map.sent += 1;
                }
                while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    map.sent += 1;
                }
                Ok(map)
            }
        }
        deserializer.deserialize_option(Kept(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_takes_scalars_and_nothing_else() {
        let text = |json: &'static str| serde_json::from_str::<Text<'_>>(json).map(Text::into_string);
        for (json, expected) in
            [("\"a\"", "a"), ("\"\\u0041\"", "A"), ("0", "0"), ("-7", "-7"), ("true", "true")]
        {
            assert_eq!(text(json).unwrap(), expected);
        }
        assert!(text("{}").unwrap_err().to_string().contains("Start of structure or map"));
        assert!(text("[]").unwrap_err().to_string().contains("Start of list"));
        assert!(text("null").is_err());
        let plain: Text<'_> = serde_json::from_str("\"borrowed\"").unwrap();
        assert!(matches!(plain.0, Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_beyond_every_range_stay_beyond_it() {
        assert_eq!(serde_json::from_str::<Int>("18446744073709551615").unwrap(), Int(i64::MAX));
        assert_eq!(serde_json::from_str::<Int>("-1").unwrap(), Int(-1));
        for wrong in ["\"1\"", "1.5", "1e400", "null"] {
            assert!(serde_json::from_str::<Int>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_kept_is_counted() {
        let list: List<Text<'_>, 2> = serde_json::from_str("[1,2,{\"deep\":[3]},4]").unwrap();
        assert_eq!((list.items.len(), list.sent), (2, 4));
        let map: Map<'_, Text<'_>, 1> = serde_json::from_str("{\"a\":1,\"b\":{},\"c\":[]}").unwrap();
        assert_eq!((map.entries.len(), map.sent), (1, 3));
        assert!(serde_json::from_str::<List<Text<'_>, 2>>("[1,2,").is_err());
        assert_eq!(serde_json::from_str::<List<Text<'_>, 2>>("null").unwrap().sent, 0);
    }
}
