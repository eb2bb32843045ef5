//! Emits the table of APIs: keys, names, versions.
//!
//! Apart because it is about all APIs at once, where the other emitters see one.

use std::fmt::Write as _;

use super::model::Api;

/// The enum and its functions.
pub(super) fn table(apis: &[Api]) -> String {
    let mut variants = String::new();
    let mut all = String::new();
    let mut names = String::new();
    let mut versions = String::new();
    let mut flexible = String::new();
    let mut ids = String::new();
    for api in apis {
        let (name, key) = (&api.name, api.key);
        let range = api.request.versions;
        let _ = writeln!(variants, "/// Key {key}, versions {}.\n{name} = {key},", range.prose());
        let _ = writeln!(all, "Self::{name},");
        let _ = writeln!(ids, "{key} => Self::{name},");
        let _ = writeln!(names, "Self::{name} => \"{name}\",");
        let _ = writeln!(versions, "Self::{name} => {}..={},", range.low, range.high);
        let first = api.request.flexible.map_or("None".to_owned(), |range| format!("Some({})", range.low));
        let _ = writeln!(flexible, "Self::{name} => {first},");
    }
    format!(
        "use core::ops::RangeInclusive;

        /// An API of Kafka's protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {{ {variants} }}

        impl ApiKey {{
            /// Every API, by key.
            pub const ALL: [Self; {count}] = [ {all} ];

            /// The API with a key from the wire.
            pub const fn from_id(id: i16) -> Option<Self> {{
                Some(match id {{ {ids} _ => return None, }})
            }}

            /// The key on the wire.
            pub const fn id(self) -> i16 {{ self as i16 }}

            /// The name in Kafka's definitions.
            pub const fn name(self) -> &'static str {{ match self {{ {names} }} }}

            /// The versions the codec has: those that Kafka serves, except that Kafka advertises Produce from
            /// version 0 and then refuses what is below 3.
            pub const fn versions(self) -> RangeInclusive<i16> {{ match self {{ {versions} }} }}

            /// The first version with compact lengths and tagged fields.
            pub const fn flexible_from(self) -> Option<i16> {{ match self {{ {flexible} }} }}

            /// Whether a version, known or not, has compact lengths and tagged fields.
            pub fn is_flexible(self, version: i16) -> bool {{
                self.flexible_from().is_some_and(|first| version >= first)
            }}
        }}
        ",
        count = apis.len(),
    )
}
