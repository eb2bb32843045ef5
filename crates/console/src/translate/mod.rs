//! Translation: the core's settings, counts, records and leases, as the API spells them.
//!
//! Apart because wire types stop here.

mod bytes;
mod dead_letter;
mod group;
mod record;
mod redrive;
mod route;
mod scalar;
mod settings;
mod state;
mod stream;
mod token;
mod view;

pub(crate) use group::{ShownGroup, ShownMember};
pub(crate) use record::{GivenRecord, ReadRecord, ShownRecord};
pub(crate) use redrive::{ShownRedrive, redrive_word};
pub(crate) use route::{GivenBinding, GivenHeaders, HashWord, MatchWord, Matching, ShownBinding, ShownRoute};
pub(crate) use scalar::Scalar;
pub(crate) use settings::{Changes, difference};
pub use settings::{SETTINGS, SettingRow};
pub(crate) use state::ShownState;
pub(crate) use stream::{Counts, Detail, Summary, Totals};
pub(crate) use token::{read_token, spell_token};
pub(crate) use view::{View, WORDS as VIEWS};
