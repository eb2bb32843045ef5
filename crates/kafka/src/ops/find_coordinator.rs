//! FindCoordinator (10), versions 0–6: which broker coordinates a group; batched from version 4.
//!
//! Key type 0 is a group: there is one broker, and it coordinates every group, those that do not exist too. Key type 1 is a
//! transactional id: transactions are not supported, and the answer is the one error that makes every client give up at
//! once instead of looking further. Key type 2 belongs to share groups, which Kafka answers alike without them.

use crate::codec::generated::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use crate::codec::{ApiKey, DecodeError, Reader, Str};
use crate::errors::ErrorCode;
use crate::ops::{groups, operation};
use crate::step::{Context, Step};
use millstream_front::Action;
use millstream_front::registry::Operation;

pub(crate) const OPERATION: Operation = operation(
    ApiKey::FindCoordinator,
    "A transactional id is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED, a share group with INVALID_REQUEST.",
);

/// What a key names.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;

pub(crate) fn start(cx: &mut Context, version: i16, r: &mut Reader) -> Result<Step, DecodeError> {
    let request = FindCoordinatorRequest::decode(version, r)?;
    let key_type = request.key_type;
    let response = if version >= 4 {
        let coordinators = request.coordinator_keys.into_iter().map(|key| find(cx, key_type, key)).collect();
        FindCoordinatorResponse { coordinators, ..Default::default() }
    } else {
        let Coordinator { node_id, host, port, error_code, error_message, .. } =
            find(cx, key_type, request.key);
        FindCoordinatorResponse { error_code, error_message, node_id, host, port, ..Default::default() }
    };
    Ok(Step::respond(response))
}

fn find(cx: &Context, key_type: i8, key: Str) -> Coordinator {
    let refused = match key_type {
        GROUP => match groups::allow(cx, Action::Describe, &key) {
            Ok(_) => None,
            Err(code) => Some((code, "the principal may not describe the group")),
        },
        TRANSACTION => {
            Some((ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "transactions are not supported"))
        }
        SHARE => Some((ErrorCode::INVALID_REQUEST, "share groups are not supported")),
        _ => Some((ErrorCode::INVALID_REQUEST, "there is no such type of coordinator")),
    };
    match refused {
        None => Coordinator {
            key,
            node_id: cx.options.node_id,
            host: Str::from(cx.options.advertised.0.as_str()),
            port: i32::from(cx.options.advertised.1),
            ..Default::default()
        },
        Some((code, message)) => Coordinator {
            key,
            node_id: -1,
            port: -1,
            error_code: code.0,
            error_message: Some(Str::from_static(message)),
            ..Default::default()
        },
    }
}
