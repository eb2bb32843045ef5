//! The operations, one file each (two, where a batch is ten of the same), named by their actions.
//!
//! Apart because whoever wants to know what this broker does with a call opens one file and reads its header. An operation
//! is a function from its parameters to a [`Step`]; what it waits for goes on in a closure.

mod cancel_message_move_task;
mod change_message_visibility;
mod create_queue;
mod delete_message;
mod delete_queue;
mod get_queue_attributes;
mod get_queue_url;
mod list_dead_letter_source_queues;
mod list_message_move_tasks;
mod list_queues;
mod lists;
mod move_tasks;
mod permissions;
mod purge_queue;
mod queues;
mod receive_message;
mod send_message;
mod send_message_batch;
mod sending;
mod set_queue_attributes;
mod settling;
mod start_message_move_task;
mod tags;

use super::call::Call;
use super::errors::SqsError;
use crate::step::{Context, Step};
use crate::value::Text;
use millstream_front::registry::Operation;
use serde::Deserialize;

/// Starts an operation.
type Start = fn(&mut Context, &Call<'_>) -> Result<Step, SqsError>;

/// Everything this front serves, in the order of the names.
const TABLE: [(Operation, Start); 23] = [
    (permissions::ADD, permissions::add),
    (cancel_message_move_task::OPERATION, cancel_message_move_task::start),
    (change_message_visibility::ONE, change_message_visibility::one),
    (change_message_visibility::BATCH, change_message_visibility::batch),
    (create_queue::OPERATION, create_queue::start),
    (delete_message::ONE, delete_message::one),
    (delete_message::BATCH, delete_message::batch),
    (delete_queue::OPERATION, delete_queue::start),
    (get_queue_attributes::OPERATION, get_queue_attributes::start),
    (get_queue_url::OPERATION, get_queue_url::start),
    (list_dead_letter_source_queues::OPERATION, list_dead_letter_source_queues::start),
    (list_message_move_tasks::OPERATION, list_message_move_tasks::start),
    (tags::LIST, tags::list),
    (list_queues::OPERATION, list_queues::start),
    (purge_queue::OPERATION, purge_queue::start),
    (receive_message::OPERATION, receive_message::start),
    (permissions::REMOVE, permissions::remove),
    (send_message::OPERATION, send_message::start),
    (send_message_batch::OPERATION, send_message_batch::start),
    (set_queue_attributes::OPERATION, set_queue_attributes::start),
    (start_message_move_task::OPERATION, start_message_move_task::start),
    (tags::TAG, tags::tag),
    (tags::UNTAG, tags::untag),
];

/// Everything this front serves, in the order of the names.
pub const OPERATIONS: [Operation; TABLE.len()] = {
    let mut operations = [TABLE[0].0; TABLE.len()];
    let mut index = 0;
    while index < TABLE.len() {
        operations[index] = TABLE[index].0;
        index += 1;
    }
    operations
};

/// What the registry says of an action: it has neither number nor version.
const fn operation(name: &'static str, differences: &'static str) -> Operation {
    Operation { name, number: 0, version_min: 0, version_max: 0, differences }
}

/// Starts the action of a name.
pub(crate) fn start(cx: &mut Context, action: &str, call: &Call<'_>) -> Result<Step, SqsError> {
    let row = TABLE.iter().find(|(operation, _)| operation.name == action);
    let (operation, start) = row.ok_or_else(|| SqsError::InvalidAction(action.to_owned()))?;
    cx.spelling.action = operation.name;
    start(cx, call)
}

/// The parameters of actions that are about a queue and nothing else.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OfQueue<'a> {
    #[serde(borrow, rename = "QueueUrl")]
    url: Option<Text<'a>>,
}
