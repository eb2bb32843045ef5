//! Every method of the protocol: one table that drives decoding, encoding and everything that is said of methods.
//!
//! Apart because a method that could be read but not written, or the other way round, would be a mistake that only one
//! client finds. Both directions are here: a broker never gets what only it sends, but tests, tools and other
//! brokers' clients do. The numbers are the protocol's (0-9-1 with RabbitMQ's extensions); `exchange.unbind-ok` is 51.

use super::writer::{Field, Fields};
use super::{DecodeError, Reader, Table};
use bytes::BytesMut;

/// Bytes of a long string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Long<'a>(pub &'a [u8]);

/// Who sends a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Clients alone.
    Client,
    /// Brokers alone.
    Server,
    /// Both.
    Either,
}

macro_rules! methods {
    ($($class:literal $number:literal $name:ident $spelled:literal $sender:ident {
        $($field:ident: $type:ty),*
    })*) => {
        /// A method with its arguments, borrowed from its frame.
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[allow(missing_docs, reason = "methods and their arguments are named by the protocol")]
        pub enum Method<'a> {
            $($name { $($field: $type),* },)*
        }

        /// Which method.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "methods are named by the protocol")]
        pub enum MethodKind {
            $($name,)*
        }

        impl MethodKind {
            /// Every method, in the order of their numbers.
            pub const ALL: &[MethodKind] = &[$(MethodKind::$name),*];

            /// Its numbers: class, and method in it.
            #[must_use]
            pub fn id(self) -> (u16, u16) {
                match self {
                    $(MethodKind::$name => ($class, $number),)*
                }
            }

            /// Its name, as the protocol spells it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(MethodKind::$name => $spelled,)*
                }
            }

            /// Who sends it.
            #[must_use]
            pub fn sender(self) -> Sender {
                match self {
                    $(MethodKind::$name => Sender::$sender,)*
                }
            }
        }

        impl<'a> Method<'a> {
            /// Which method it is.
            #[must_use]
            pub fn kind(&self) -> MethodKind {
                match self {
                    $(Method::$name { .. } => MethodKind::$name,)*
                }
            }

            /// Reads the payload of a method frame.
            ///
            /// # Errors
            /// When it cannot be read, or bytes follow it.
            pub fn decode(payload: &'a [u8]) -> Result<Method<'a>, DecodeError> {
                let mut reader = Reader::new(payload);
                let (class, number) = (reader.u16()?, reader.u16()?);
                let method = match (class, number) {
                    $(($class, $number) => Method::$name { $($field: Field::get(&mut reader)?),* },)*
                    _ => return Err(DecodeError::UnknownMethod { class, method: number }),
                };
                reader.end()?;
                Ok(method)
            }

            /// Writes the payload of a method frame.
            pub fn put(&self, out: &mut BytesMut) {
                let mut fields = Fields::new(out);
                let (class, number) = self.kind().id();
                fields.u16(class);
                fields.u16(number);
                match self {
                    $(Method::$name { $($field),* } => {
                        $(Field::put($field, &mut fields);)*
                    })*
                }
            }
        }
    };
}

methods! {
    10 10 ConnectionStart "connection.start" Server { version_major: u8, version_minor: u8, server_properties: Table<'a>, mechanisms: Long<'a>, locales: Long<'a> }
    10 11 ConnectionStartOk "connection.start-ok" Client { client_properties: Table<'a>, mechanism: &'a str, response: Long<'a>, locale: &'a str }
    10 20 ConnectionSecure "connection.secure" Server { challenge: Long<'a> }
    10 21 ConnectionSecureOk "connection.secure-ok" Client { response: Long<'a> }
    10 30 ConnectionTune "connection.tune" Server { channel_max: u16, frame_max: u32, heartbeat: u16 }
    10 31 ConnectionTuneOk "connection.tune-ok" Client { channel_max: u16, frame_max: u32, heartbeat: u16 }
    10 40 ConnectionOpen "connection.open" Client { virtual_host: &'a str, capabilities: &'a str, insist: bool }
    10 41 ConnectionOpenOk "connection.open-ok" Server { known_hosts: &'a str }
    10 50 ConnectionClose "connection.close" Either { reply_code: u16, reply_text: &'a str, class_id: u16, method_id: u16 }
    10 51 ConnectionCloseOk "connection.close-ok" Either {}
    10 60 ConnectionBlocked "connection.blocked" Server { reason: &'a str }
    10 61 ConnectionUnblocked "connection.unblocked" Server {}
    10 70 ConnectionUpdateSecret "connection.update-secret" Client { new_secret: Long<'a>, reason: &'a str }
    10 71 ConnectionUpdateSecretOk "connection.update-secret-ok" Server {}
    20 10 ChannelOpen "channel.open" Client { out_of_band: &'a str }
    20 11 ChannelOpenOk "channel.open-ok" Server { channel_id: Long<'a> }
    20 20 ChannelFlow "channel.flow" Either { active: bool }
    20 21 ChannelFlowOk "channel.flow-ok" Either { active: bool }
    20 40 ChannelClose "channel.close" Either { reply_code: u16, reply_text: &'a str, class_id: u16, method_id: u16 }
    20 41 ChannelCloseOk "channel.close-ok" Either {}
    30 10 AccessRequest "access.request" Client { realm: &'a str, exclusive: bool, passive: bool, active: bool, write: bool, read: bool }
    30 11 AccessRequestOk "access.request-ok" Server { ticket: u16 }
    40 10 ExchangeDeclare "exchange.declare" Client { ticket: u16, exchange: &'a str, exchange_type: &'a str, passive: bool, durable: bool, auto_delete: bool, internal: bool, nowait: bool, arguments: Table<'a> }
    40 11 ExchangeDeclareOk "exchange.declare-ok" Server {}
    40 20 ExchangeDelete "exchange.delete" Client { ticket: u16, exchange: &'a str, if_unused: bool, nowait: bool }
    40 21 ExchangeDeleteOk "exchange.delete-ok" Server {}
    40 30 ExchangeBind "exchange.bind" Client { ticket: u16, destination: &'a str, source: &'a str, routing_key: &'a str, nowait: bool, arguments: Table<'a> }
    40 31 ExchangeBindOk "exchange.bind-ok" Server {}
    40 40 ExchangeUnbind "exchange.unbind" Client { ticket: u16, destination: &'a str, source: &'a str, routing_key: &'a str, nowait: bool, arguments: Table<'a> }
    40 51 ExchangeUnbindOk "exchange.unbind-ok" Server {}
    50 10 QueueDeclare "queue.declare" Client { ticket: u16, queue: &'a str, passive: bool, durable: bool, exclusive: bool, auto_delete: bool, nowait: bool, arguments: Table<'a> }
    50 11 QueueDeclareOk "queue.declare-ok" Server { queue: &'a str, message_count: u32, consumer_count: u32 }
    50 20 QueueBind "queue.bind" Client { ticket: u16, queue: &'a str, exchange: &'a str, routing_key: &'a str, nowait: bool, arguments: Table<'a> }
    50 21 QueueBindOk "queue.bind-ok" Server {}
    50 30 QueuePurge "queue.purge" Client { ticket: u16, queue: &'a str, nowait: bool }
    50 31 QueuePurgeOk "queue.purge-ok" Server { message_count: u32 }
    50 40 QueueDelete "queue.delete" Client { ticket: u16, queue: &'a str, if_unused: bool, if_empty: bool, nowait: bool }
    50 41 QueueDeleteOk "queue.delete-ok" Server { message_count: u32 }
    50 50 QueueUnbind "queue.unbind" Client { ticket: u16, queue: &'a str, exchange: &'a str, routing_key: &'a str, arguments: Table<'a> }
    50 51 QueueUnbindOk "queue.unbind-ok" Server {}
    60 10 BasicQos "basic.qos" Client { prefetch_size: u32, prefetch_count: u16, global: bool }
    60 11 BasicQosOk "basic.qos-ok" Server {}
    60 20 BasicConsume "basic.consume" Client { ticket: u16, queue: &'a str, consumer_tag: &'a str, no_local: bool, no_ack: bool, exclusive: bool, nowait: bool, arguments: Table<'a> }
    60 21 BasicConsumeOk "basic.consume-ok" Server { consumer_tag: &'a str }
    60 30 BasicCancel "basic.cancel" Either { consumer_tag: &'a str, nowait: bool }
    60 31 BasicCancelOk "basic.cancel-ok" Either { consumer_tag: &'a str }
    60 40 BasicPublish "basic.publish" Client { ticket: u16, exchange: &'a str, routing_key: &'a str, mandatory: bool, immediate: bool }
    60 50 BasicReturn "basic.return" Server { reply_code: u16, reply_text: &'a str, exchange: &'a str, routing_key: &'a str }
    60 60 BasicDeliver "basic.deliver" Server { consumer_tag: &'a str, delivery_tag: u64, redelivered: bool, exchange: &'a str, routing_key: &'a str }
    60 70 BasicGet "basic.get" Client { ticket: u16, queue: &'a str, no_ack: bool }
    60 71 BasicGetOk "basic.get-ok" Server { delivery_tag: u64, redelivered: bool, exchange: &'a str, routing_key: &'a str, message_count: u32 }
    60 72 BasicGetEmpty "basic.get-empty" Server { cluster_id: &'a str }
    60 80 BasicAck "basic.ack" Either { delivery_tag: u64, multiple: bool }
    60 90 BasicReject "basic.reject" Client { delivery_tag: u64, requeue: bool }
    60 100 BasicRecoverAsync "basic.recover-async" Client { requeue: bool }
    60 110 BasicRecover "basic.recover" Client { requeue: bool }
    60 111 BasicRecoverOk "basic.recover-ok" Server {}
    60 120 BasicNack "basic.nack" Either { delivery_tag: u64, multiple: bool, requeue: bool }
    85 10 ConfirmSelect "confirm.select" Client { nowait: bool }
    85 11 ConfirmSelectOk "confirm.select-ok" Server {}
    90 10 TxSelect "tx.select" Client {}
    90 11 TxSelectOk "tx.select-ok" Server {}
    90 20 TxCommit "tx.commit" Client {}
    90 21 TxCommitOk "tx.commit-ok" Server {}
    90 30 TxRollback "tx.rollback" Client {}
    90 31 TxRollbackOk "tx.rollback-ok" Server {}
}
