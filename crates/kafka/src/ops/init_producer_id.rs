//! InitProducerId (22), versions 0–5: a producer id for an idempotent producer.
//!
//! Every request without a transactional id gets an id that was never used before, in epoch 0, also when it brings an id
//! and epoch of its own (KIP-360): so does Kafka, since without a transactional id nobody else could hold the old one. An
//! id without an epoch, or an epoch without an id, is INVALID_REQUEST.
//!
//! Not supported: transactions. A request with a transactional id is answered with
//! TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which every client takes as final and reports; other codes are retried by some
//! clients for ever.

use crate::codec::generated::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::codec::{ApiKey, DecodeError, Reader};
use crate::errors::ErrorCode;
use crate::ops::operation;
use crate::step::{Context, Step};
use millstream_core::{Reply, Request};
use millstream_front::registry::Operation;
use millstream_front::{Action, Resource};

pub(crate) const OPERATION: Operation = operation(
    ApiKey::InitProducerId,
    "Idempotence only: a transactional id is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED.",
);

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = InitProducerIdRequest::decode(version, r)?;
    let allocate = check(&request).and_then(|()| {
        let grant = cx.allow(Action::Write, Resource::Cluster)?;
        Ok(grant.request(Request::AllocateProducer))
    });
    let allocate = match allocate {
        Ok(allocate) => allocate,
        Err(code) => return Ok(Step::respond(refused(code))),
    };
    Ok(Step::Submit(
        vec![allocate],
        Box::new(|_, replies| {
            Step::respond(match replies.into_iter().next() {
                Some(Reply::Producer { id, epoch }) => InitProducerIdResponse {
                    producer_id: i64::try_from(id.0).expect("producer ids are handed out from 1 on"),
                    producer_epoch: i16::try_from(epoch.0).expect("the first epoch is 0"),
                    ..Default::default()
                },
                Some(Reply::Refused(kind)) => refused(ErrorCode::from(kind)),
                _ => refused(ErrorCode::UNKNOWN_SERVER_ERROR),
            })
        }),
    ))
}

fn check(request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
    match request.transactional_id.as_deref() {
        None if (request.producer_id == -1) == (request.producer_epoch == -1) => Ok(()),
        None | Some("") => Err(ErrorCode::INVALID_REQUEST),
        Some(id) => {
            tracing::info!(
                transactional_id = id,
                "a producer asked for transactions, which are not supported"
            );
            Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        }
    }
}

fn refused(code: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse { error_code: code.0, producer_id: -1, producer_epoch: -1, ..Default::default() }
}
