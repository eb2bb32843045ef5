//! A leave: members go, by their own wish or an administrator's.
//!
//! Apart because several may go in one request, and the others are asked to rebalance once.

use super::act::Act;
use super::join::check_group;
use super::reply::GroupReply;
use super::request::{GroupId, GroupState, LeaveGroup, LeavingMember};
use crate::effect::Ticket;
use alloc::vec::Vec;
use millstream_types::ErrorKind;
use millstream_types::limits::MEMBERS_PER_GROUP_MAX;

impl Act<'_> {
    /// Decides a leave. An error is for the caller to answer with.
    pub(super) fn leave(&mut self, ticket: Ticket, leave: &LeaveGroup) -> Result<(), ErrorKind> {
        check_group(&leave.group)?;
        if leave.members.len() > MEMBERS_PER_GROUP_MAX {
            return Err(ErrorKind::LimitExceeded);
        }
        let id = &leave.group;
        let results: Vec<Result<(), ErrorKind>> =
            leave.members.iter().map(|member| self.leave_one(id, member)).collect();
        if results.iter().any(Result::is_ok)
            && self.live(id).is_some_and(|live| live.state != GroupState::Empty)
        {
            self.rebalance(id);
        }
        self.answer(id, ticket, GroupReply::Left(results));
        Ok(())
    }

    fn leave_one(&mut self, id: &GroupId, leaving: &LeavingMember) -> Result<(), ErrorKind> {
        let live = self.live(id).ok_or(ErrorKind::UnknownMember)?;
        let member = if leaving.member.is_empty() {
            let holder = leaving.instance.as_ref().and_then(|instance| live.statics.get(instance));
            holder.cloned().ok_or(ErrorKind::UnknownMember)?
        } else {
            if !live.pending.contains_key(&leaving.member) {
                live.identify(&leaving.member, leaving.instance.as_ref())?;
            }
            leaving.member.clone()
        };
        self.evict(id, &member, ErrorKind::UnknownMember);
        Ok(())
    }
}
