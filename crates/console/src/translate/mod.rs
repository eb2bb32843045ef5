//! Translation: the core's settings, counts, records and leases, as the API spells them.
//!
//! Apart because wire types stop here.

mod bytes;
mod dead_letter;
mod record;
mod redrive;
mod scalar;
mod settings;
mod state;
mod stream;
mod token;

pub(crate) use record::{GivenRecord, ReadRecord, ShownRecord};
pub(crate) use redrive::ShownRedrive;
pub(crate) use scalar::Scalar;
pub(crate) use settings::{Changes, difference};
pub use settings::{SETTINGS, SettingRow};
pub(crate) use state::ShownState;
pub(crate) use stream::{Counts, Detail, Summary, Totals};
pub(crate) use token::{read_token, spell_token};
