//! Who is in which group, sent the client's way. Requests about one group may be under way side by side, as clients send
//! them: members are a set, so their order makes no difference.

use std::collections::{BTreeMap, HashSet};

use futures_util::FutureExt;
use serde::Deserialize;

use super::{Run, each};
use crate::{
    SimulatorError, Step,
    dialect::{Change, Member},
    http::Call,
    ids::ServerId,
    progress::{Counter, Watcher},
};

/// What changes in a team: numbers of people.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) added: Vec<u32>,
    pub(super) removed: Vec<u32>,
}

/// One request's part of a change.
enum Piece {
    Add(Vec<u32>),
    Remove(Vec<u32>),
    /// Everything at once.
    Whole(Difference),
    /// The group in the group.
    Child(u32),
    /// A group that was there already.
    Found,
}

/// A group as far as its members are concerned, without their names.
#[derive(Debug, Deserialize)]
pub(crate) struct Membership {
    #[serde(default)]
    pub(crate) members: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reference {
    pub(crate) value: ServerId,
}

impl Run {
    /// Fills the groups, of whose people the first `sent` came with the group; those found are made exact.
    pub(super) async fn fill_groups(
        &self,
        sent: &[Option<usize>],
        progress: Watcher<'_>,
    ) -> Result<(), SimulatorError> {
        let there = |team: u32| -> Vec<u32> {
            let members = self.company.members(team).iter().copied();
            members.filter(|&number| self.id_of(number).is_some()).collect()
        };
        let mut rest = BTreeMap::new();
        let mut work: Vec<(u32, Piece)> = Vec::new();
        for (team, sent) in (0..self.company.size.groups).zip(sent) {
            match sent {
                None => work.push((team, Piece::Found)),
                Some(sent) => {
                    let people = there(team);
                    let added = people.get(*sent..).unwrap_or_default().to_vec();
                    rest.insert(team, Difference { added, removed: Vec::new() });
                    if let Some(child) = self.company.child_of(team) {
                        work.push((team, Piece::Child(child)));
                    }
                }
            }
        }
        work.extend(self.pieces(rest));
        let mut counter = Counter::start(Step::Memberships, work.len(), progress);
        let work = work.into_iter().map(|(team, piece)| self.send_piece(team, piece).boxed());
        each(work, self.threads, || counter.one_more()).await.map(drop)
    }

    /// Sends changes of many teams.
    pub(super) async fn change_memberships(&self, changes: BTreeMap<u32, Difference>) -> Result<(), SimulatorError> {
        let work = self.pieces(changes);
        let work = work.into_iter().map(|(team, piece)| self.send_piece(team, piece).boxed());
        each(work, self.threads, || ()).await.map(drop)
    }

    /// Small changes go in one request; large ones in pieces that the client's requests hold.
    fn pieces(&self, changes: BTreeMap<u32, Difference>) -> Vec<(u32, Piece)> {
        let most = self.habits.members_per_call;
        let mut pieces = Vec::new();
        for (team, change) in changes {
            if change.added.is_empty() && change.removed.is_empty() {
                continue;
            }
            if self.habits.whole_lists || change.added.len() + change.removed.len() <= most {
                pieces.push((team, Piece::Whole(change)));
                continue;
            }
            pieces.extend(change.added.chunks(most).map(|added| (team, Piece::Add(added.to_vec()))));
            pieces.extend(change.removed.chunks(most).map(|removed| (team, Piece::Remove(removed.to_vec()))));
        }
        pieces
    }

    async fn send_piece(&self, team: u32, piece: Piece) -> Result<(), SimulatorError> {
        let sent = match piece {
            Piece::Add(added) => self.send_change(team, &added, &[]).await,
            Piece::Remove(removed) => self.send_change(team, &[], &removed).await,
            Piece::Whole(change) => self.send_change(team, &change.added, &change.removed).await,
            Piece::Child(child) => self.send_members(team, self.child(child).as_slice(), &[]).await,
            Piece::Found => self.make_exact(team).await,
        };
        self.refusals.bear(sent).map(drop)
    }

    async fn send_change(&self, team: u32, added: &[u32], removed: &[u32]) -> Result<(), SimulatorError> {
        let added: Vec<Member> = added.iter().filter_map(|&number| self.member(number)).collect();
        // Whoever was deleted is in no group any more, and their id means nothing.
        let removed: Vec<String> = removed.iter().filter_map(|&number| Some(self.id_of(number)?.to_string())).collect();
        self.send_members(team, &added, &removed).await
    }

    async fn send_members(&self, team: u32, added: &[Member], removed: &[String]) -> Result<(), SimulatorError> {
        let Some(id) = &self.group_ids[team as usize] else { return Ok(()) };
        if added.is_empty() && removed.is_empty() && !self.habits.whole_lists {
            return Ok(());
        }
        let calls = {
            let change = Change { added, removed, all: &|| self.all_members(team) };
            self.dialect.change_members(&id.to_string(), &self.company.team(team), &change)
        };
        self.send_all(calls).await
    }

    /// A group that was there may hold anybody: the list is overwritten where the client does so, else read and corrected.
    async fn make_exact(&self, team: u32) -> Result<(), SimulatorError> {
        let Some(id) = &self.group_ids[team as usize] else { return Ok(()) };
        let members = self.all_members(team);
        if let Some(calls) = self.dialect.overwrite_members(&id.to_string(), &self.company.team(team), &members) {
            return self.send_all(calls).await;
        }
        let there = self.membership(id).await?;
        let wanted: HashSet<ServerId> = members.iter().map(|member| member.id.as_str().into()).collect();
        let surplus: Vec<String> = there.difference(&wanted).map(ServerId::to_string).collect();
        let missing: Vec<Member> =
            members.into_iter().filter(|member| !there.contains(&member.id.as_str().into())).collect();
        for added in missing.chunks(self.habits.members_per_call) {
            self.send_members(team, added, &[]).await?;
        }
        for removed in surplus.chunks(self.habits.members_per_call) {
            self.send_members(team, &[], removed).await?;
        }
        Ok(())
    }

    /// The ids in a group.
    pub(crate) async fn membership(&self, id: &ServerId) -> Result<HashSet<ServerId>, SimulatorError> {
        let call = Call::get(format!("/Groups/{id}?attributes=members.value"));
        let membership: Membership = self.connection.read(&call, "group").await?;
        Ok(membership.members.into_iter().map(|member| member.value).collect())
    }

    /// Everybody who should be in the team and whom the server has, and the group in it.
    pub(super) fn all_members(&self, team: u32) -> Vec<Member> {
        let people = self.company.members(team).iter().filter_map(|&number| self.member(number));
        people.chain(self.company.child_of(team).and_then(|child| self.child(child))).collect()
    }

    /// Their ids.
    pub(crate) fn member_ids(&self, team: u32) -> HashSet<ServerId> {
        let people = self.company.members(team).iter().filter_map(|&number| self.id_of(number).cloned());
        let child = self.company.child_of(team).and_then(|child| self.group_ids.get(child as usize)?.clone());
        people.chain(child).collect()
    }

    fn child(&self, team: u32) -> Option<Member> {
        let id = self.group_ids.get(team as usize)?.as_ref()?.to_string();
        Some(Member { id, display: self.company.team(team).name, is_group: true })
    }
}
