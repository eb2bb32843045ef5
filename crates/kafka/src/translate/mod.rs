//! Between Kafka's words and the core's: where wire types stop.
//!
//! Apart because everything in front of this module speaks Kafka and everything behind it does not.

pub(crate) mod broker;
pub(crate) mod config;
mod group;
mod ids;
mod names;
mod position;

pub(crate) use group::{assignment, client_host, group_error, state_from_name, state_name, subscription};
pub(crate) use ids::{cluster_id, topic_id, uid};
pub(crate) use names::{check_topic_name, is_topic_name, topic_name_failure};
pub(crate) use position::{position_to_keep, position_to_show};
