//! A roster: who makes up a generation of a group, as far as it has to survive a restart.
//!
//! Apart because it is persisted (as an entry whenever it changes, in images) and because it is what recovery makes
//! members from again: they go on with heartbeats, syncs and commits as if nothing had happened. It is written when a
//! generation has been made up, so that its number is never given to another one, and again when its assignments
//! are known.
//!
//! ```text
//! generation i32 · since i64 · assigned u8 · protocol type option · protocol name option · leader option · count u32
//! then per member: id · instance option · client id · client host · session timeout u32 · rebalance timeout u32
//!                  · metadata · assignment · subscription (0 | 1 | 2, count u32, names)
//! ```

use super::request::{Generation, Subscription};
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use millstream_types::EngineTime;

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Roster {
    pub(super) generation: Generation,
    /// When it came to be; for a group without members, since when it has had none.
    pub(super) since: EngineTime,
    /// Whether the assignments are known.
    pub(super) assigned: bool,
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol_name: Option<Arc<str>>,
    pub(super) leader: Option<Arc<str>>,
    /// In the order of their ids.
    pub(super) members: Vec<RosterMember>,
}

/// A member of a roster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RosterMember {
    pub(super) member: Arc<str>,
    pub(super) instance: Option<Arc<str>>,
    pub(super) client_id: Arc<str>,
    pub(super) client_host: Arc<str>,
    pub(super) session_timeout_ms: u32,
    pub(super) rebalance_timeout_ms: u32,
    /// What it said in the chosen protocol.
    pub(super) metadata: Bytes,
    pub(super) assignment: Bytes,
    pub(super) subscription: Subscription,
}

impl Roster {
    /// Whether one of the members may read the stream of this name.
    pub(super) fn reads(&self, stream: &str) -> bool {
        self.members.iter().any(|member| match &member.subscription {
            Subscription::Opaque | Subscription::Unknown => true,
            Subscription::Streams(names) => names.iter().any(|name| **name == *stream),
        })
    }

    pub(super) fn put(&self, out: &mut Encoder<'_>) {
        out.u32(self.generation.0.cast_unsigned());
        out.i64(self.since.0);
        out.u8(u8::from(self.assigned));
        out.option(self.protocol_type.as_deref(), Encoder::str);
        out.option(self.protocol_name.as_deref(), Encoder::str);
        out.option(self.leader.as_deref(), Encoder::str);
        out.u32(u32::try_from(self.members.len()).expect("members are bounded"));
        for member in &self.members {
            out.str(&member.member);
            out.option(member.instance.as_deref(), Encoder::str);
            out.str(&member.client_id);
            out.str(&member.client_host);
            out.u32(member.session_timeout_ms);
            out.u32(member.rebalance_timeout_ms);
            out.bytes(&member.metadata);
            out.bytes(&member.assignment);
            put_subscription(&member.subscription, out);
        }
    }

    pub(super) fn get(input: &mut Decoder<'_>) -> Result<Roster, DecodeError> {
        let mut roster = Roster {
            generation: Generation(input.u32()?.cast_signed()),
            since: EngineTime(input.i64()?),
            assigned: input.bool()?,
            protocol_type: input.option(shared_str)?,
            protocol_name: input.option(shared_str)?,
            leader: input.option(shared_str)?,
            members: Vec::new(),
        };
        for _ in 0..input.u32()? {
            let member = RosterMember {
                member: shared_str(input)?,
                instance: input.option(shared_str)?,
                client_id: shared_str(input)?,
                client_host: shared_str(input)?,
                session_timeout_ms: input.u32()?,
                rebalance_timeout_ms: input.u32()?,
                metadata: Bytes::copy_from_slice(input.bytes()?),
                assignment: Bytes::copy_from_slice(input.bytes()?),
                subscription: get_subscription(input)?,
            };
            if roster.members.last().is_some_and(|last| last.member >= member.member) {
                return Err(DecodeError::Invalid("the order of a roster"));
            }
            roster.members.push(member);
        }
        let mut instances: Vec<&Arc<str>> =
            roster.members.iter().filter_map(|member| member.instance.as_ref()).collect();
        instances.sort_unstable();
        if instances.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(DecodeError::Invalid("the static identities of a roster"));
        }
        let led = |leader: &Arc<str>| roster.members.iter().any(|member| member.member == *leader);
        let whole = roster.protocol_type.is_some() && roster.protocol_name.is_some();
        let valid = match &roster.leader {
            Some(leader) => whole && led(leader),
            None => roster.members.is_empty(),
        };
        if valid { Ok(roster) } else { Err(DecodeError::Invalid("the leader of a roster")) }
    }
}

pub(super) fn shared_str(input: &mut Decoder<'_>) -> Result<Arc<str>, DecodeError> {
    input.str().map(Arc::from)
}

fn put_subscription(subscription: &Subscription, out: &mut Encoder<'_>) {
    match subscription {
        Subscription::Opaque => out.u8(0),
        Subscription::Unknown => out.u8(1),
        Subscription::Streams(names) => {
            out.u8(2);
            out.u32(u32::try_from(names.len()).expect("names are bounded"));
            for name in names {
                out.str(name);
            }
        }
    }
}

fn get_subscription(input: &mut Decoder<'_>) -> Result<Subscription, DecodeError> {
    Ok(match input.u8()? {
        0 => Subscription::Opaque,
        1 => Subscription::Unknown,
        2 => {
            let mut names = Vec::new();
            for _ in 0..input.u32()? {
                names.push(shared_str(input)?);
            }
            Subscription::Streams(names)
        }
        _ => return Err(DecodeError::Invalid("a subscription")),
    })
}
