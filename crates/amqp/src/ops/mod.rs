//! Everything that a client can ask on a channel: one file per method.
//!
//! Apart because this is the table of contents of the front: [`start`] is total over what may come on an open channel,
//! and [`OPERATIONS`] is what the documentation's table is made from.

mod access_request;
mod basic_ack;
mod basic_cancel;
mod basic_consume;
mod basic_get;
mod basic_nack;
pub(crate) mod basic_publish;
mod basic_qos;
mod basic_recover;
mod basic_reject;
mod channel_close;
mod channel_flow;
mod channel_open;
mod confirm_select;
mod exchange_bind;
mod exchange_declare;
mod exchange_delete;
mod exchange_unbind;
mod queue_bind;
mod queue_declare;
mod queue_delete;
mod queue_purge;
mod queue_unbind;
mod queues;
mod reply_to;
mod routes;
mod settling;
mod stream_consume;
mod tx;

use crate::codec::{Method, MethodKind};
use crate::errors::{Code, Fault};
use crate::session::Connection;
use crate::step::Step;
use millstream_front::registry::Operation;
pub(crate) use reply_to::ReplyConsumer;

/// Every operation, in the order of their numbers: class × 256 + method.
pub const OPERATIONS: &[Operation] = &[
    channel_open::OPERATION,
    channel_flow::OPERATION,
    channel_close::OPERATION,
    access_request::OPERATION,
    exchange_declare::OPERATION,
    exchange_delete::OPERATION,
    exchange_bind::OPERATION,
    exchange_unbind::OPERATION,
    queue_declare::OPERATION,
    queue_bind::OPERATION,
    queue_purge::OPERATION,
    queue_delete::OPERATION,
    queue_unbind::OPERATION,
    basic_qos::OPERATION,
    basic_consume::OPERATION,
    basic_cancel::OPERATION,
    basic_publish::OPERATION,
    basic_get::OPERATION,
    basic_ack::OPERATION,
    basic_reject::OPERATION,
    basic_recover::OPERATION_ASYNC,
    basic_recover::OPERATION,
    basic_nack::OPERATION,
    confirm_select::OPERATION,
    tx::SELECT,
    tx::COMMIT,
    tx::ROLLBACK,
];

/// An operation of a method.
const fn operation(name: &'static str, class: i16, method: i16, differences: &'static str) -> Operation {
    Operation { name, number: class * 256 + method, version_min: 0, version_max: 0, differences }
}

/// Starts the operation of a method on a channel that is open, or that it opens or ends.
pub(crate) fn start(cx: &mut Connection, number: u16, method: Method<'_>) -> Result<Step, Fault> {
    match method.kind() {
        MethodKind::ChannelOpen => channel_open::start(cx, number),
        MethodKind::ChannelClose => channel_close::start(cx, number),
        MethodKind::ChannelCloseOk => channel_close::agreed(cx, number),
        MethodKind::ChannelFlow => channel_flow::start(cx, number, &method),
        MethodKind::AccessRequest => access_request::start(cx, number),
        MethodKind::ExchangeDeclare => exchange_declare::start(cx, number, &method),
        MethodKind::ExchangeDelete => exchange_delete::start(cx, number, &method),
        MethodKind::ExchangeBind => exchange_bind::start(cx, number, &method),
        MethodKind::ExchangeUnbind => exchange_unbind::start(cx, number, &method),
        MethodKind::QueueDeclare => queue_declare::start(cx, number, &method),
        MethodKind::QueueBind => queue_bind::start(cx, number, &method),
        MethodKind::QueueUnbind => queue_unbind::start(cx, number, &method),
        MethodKind::QueuePurge => queue_purge::start(cx, number, &method),
        MethodKind::QueueDelete => queue_delete::start(cx, number, &method),
        MethodKind::BasicQos => basic_qos::start(cx, number, &method),
        MethodKind::BasicConsume => basic_consume::start(cx, number, &method),
        MethodKind::BasicCancel => basic_cancel::start(cx, number, &method),
        MethodKind::BasicGet => basic_get::start(cx, number, &method),
        MethodKind::BasicAck => basic_ack::start(cx, number, &method),
        MethodKind::BasicNack => basic_nack::start(cx, number, &method),
        MethodKind::BasicReject => basic_reject::start(cx, number, &method),
        MethodKind::BasicRecover | MethodKind::BasicRecoverAsync => basic_recover::start(cx, number, &method),
        MethodKind::ConfirmSelect => confirm_select::start(cx, number, &method),
        MethodKind::TxSelect | MethodKind::TxCommit | MethodKind::TxRollback => {
            tx::start(cx, number, &method)
        }
        // The client's word that it knows of a cancel, which changes nothing any more.
        MethodKind::BasicCancelOk | MethodKind::ChannelFlowOk => Ok(Step::Done),
        // `judge` lets nothing else through.
        _ => Err(Fault::new(Code::COMMAND_INVALID, "unimplemented method")),
    }
}

/// The answer to a method that came to the file of another one.
fn misplaced() -> Fault {
    Fault::internal("a method was taken for another one")
}
