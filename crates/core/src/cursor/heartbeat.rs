//! A heartbeat: a member is alive, and learns whether it has to join again.
//!
//! Apart because it is the most frequent event of all and changes nothing durable.

use super::act::Act;
use super::join::check_group;
use super::reply::GroupReply;
use super::request::{GroupState, Heartbeat};
use crate::effect::Ticket;
use millstream_types::ErrorKind;

impl Act<'_> {
    /// Decides a heartbeat. An error is for the caller to answer with.
    pub(super) fn heartbeat(&mut self, ticket: Ticket, beat: &Heartbeat) -> Result<(), ErrorKind> {
        check_group(&beat.group)?;
        let (id, now) = (&beat.group, self.now());
        let live = self.live(id).ok_or(ErrorKind::UnknownMember)?;
        live.identify(&beat.member, beat.instance.as_ref())?;
        if beat.generation != live.generation {
            return Err(ErrorKind::StaleGeneration);
        }
        let (live, timers) = self.change(id);
        live.hear_of(id, &beat.member, now, timers);
        match live.state {
            GroupState::Empty => Err(ErrorKind::UnknownMember),
            GroupState::PreparingRebalance => Err(ErrorKind::RebalanceInProgress),
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.answer(id, ticket, GroupReply::Alive);
                Ok(())
            }
        }
    }
}
